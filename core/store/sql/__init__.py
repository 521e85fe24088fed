"""Stores in SQL databases: each shared verb runs in one transaction."""
