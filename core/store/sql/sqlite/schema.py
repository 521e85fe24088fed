"""The tables, and how to migrate a database of an older version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

# MIGRATIONS[n] leads from version n to n + 1; released ones never change.
# `thread.header` and `entry.body` are texts of `core.store.codec`; the other columns of `thread`
# repeat values of its header for searches. `half` is 0 for a person's message at a position, and
# 1 for the answer right behind it.
MIGRATIONS = (
    (
        """CREATE TABLE thread (
            key TEXT PRIMARY KEY,
            platform TEXT NOT NULL,
            header TEXT NOT NULL,
            due REAL,
            expires REAL NOT NULL,
            buried INTEGER NOT NULL
        )""",
        "CREATE INDEX thread_due ON thread (platform, due) WHERE due IS NOT NULL",
        "CREATE INDEX thread_expires ON thread (expires)",
        "CREATE INDEX thread_buried ON thread (key) WHERE buried > 0",
        """CREATE TABLE entry (
            thread TEXT NOT NULL,
            place INTEGER NOT NULL,
            half INTEGER NOT NULL,
            message TEXT,
            body TEXT NOT NULL,
            PRIMARY KEY (thread, place, half),
            UNIQUE (thread, message)
        )""",
        "CREATE TABLE who (person TEXT, thread TEXT, PRIMARY KEY (person, thread))",
        "CREATE INDEX who_thread ON who (thread)",
        "CREATE TABLE seen (hash TEXT PRIMARY KEY, verdict TEXT NOT NULL, expires REAL NOT NULL)",
        "CREATE INDEX seen_expires ON seen (expires)",
        "CREATE TABLE trace (hash TEXT PRIMARY KEY, line REAL, expires REAL NOT NULL)",
        "CREATE INDEX trace_expires ON trace (expires)",
        "CREATE TABLE place (name TEXT PRIMARY KEY, settings TEXT NOT NULL)",
        "CREATE TABLE cursor (name TEXT PRIMARY KEY, position INTEGER NOT NULL)",
    ),
    ("CREATE TABLE deed (name TEXT PRIMARY KEY, body TEXT NOT NULL)",),
)
VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an open database to the current version, in one transaction.

    Raises:
        StoreRefusedError: The database has a newer version, or belongs to another program. It is
            left alone.
    """
    if _version(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[_migratable(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _migratable(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version to start from; another process may have finished by now."""
    version = _version(connection, path)
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreRefusedError(
            f"the file {path} is another program's database: choose another for the store"
        )
    return version


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StoreRefusedError(
            f"the store {path} was written by a newer program (version {version} of its tables, "
            f"this one knows {VERSION}): run the newer program, or choose another file"
        )
    assert isinstance(version, int)  # noqa: S101 - for the type checker: a pragma has no type
    return version
