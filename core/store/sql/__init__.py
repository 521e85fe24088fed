"""Stores in SQL databases: the shared verbs, inside one transaction each."""
