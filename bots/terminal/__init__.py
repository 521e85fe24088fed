"""The terminal: a platform for one person at a keyboard, or for a program at a pipe."""
