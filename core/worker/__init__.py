"""The worker: it claims threads that have work and runs their turns, one at a time per thread."""
