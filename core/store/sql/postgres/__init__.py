"""The store in PostgreSQL: the shared verbs, two round trips each."""

from core.store.sql.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
