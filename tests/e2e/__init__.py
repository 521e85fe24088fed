"""The whole program, as people and other programs use it."""
