"""The store in a SQLite file, the embedded default."""
