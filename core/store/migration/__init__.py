"""Migrating everything from one store to another, and comparing the two."""
