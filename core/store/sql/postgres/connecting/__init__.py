"""How the store reaches PostgreSQL: its address, what it must fulfil, and its refusals."""
