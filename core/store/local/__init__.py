"""The in-process store: the readable reference."""
