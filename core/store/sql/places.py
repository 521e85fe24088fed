"""What is kept of places and not of threads: settings and cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store import codec
from core.store.keys import place_prefix
from core.store.values import ThreadSettings

if TYPE_CHECKING:
    import sqlite3


def settings(connection: sqlite3.Connection, platform: str, place: str) -> ThreadSettings:
    """Return what was set for a place."""
    row = connection.execute(
        "SELECT settings FROM place WHERE name = ?", (place_prefix(platform, place),)
    ).fetchone()
    return codec.load_settings(row[0]) if row else ThreadSettings()


def put_settings(
    connection: sqlite3.Connection, platform: str, place: str, value: ThreadSettings
) -> None:
    """Set a place's settings, as a whole."""
    connection.execute(
        "INSERT INTO place (name, settings) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
        (place_prefix(platform, place), codec.dump(value)),
    )


def cursor(connection: sqlite3.Connection, name: str) -> int:
    """Return how far catch-up has come at a place."""
    row = connection.execute("SELECT position FROM cursor WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def advance(connection: sqlite3.Connection, name: str, position: int) -> int:
    """Move a cursor, never back; return where it stands."""
    connection.execute(
        "INSERT INTO cursor (name, position) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET position = max(position, excluded.position)",
        (name, position),
    )
    return cursor(connection, name)


def try_out(connection: sqlite3.Connection) -> None:
    """Write something and take it away again."""
    connection.execute("INSERT OR REPLACE INTO cursor (name, position) VALUES ('', 0)")
    connection.execute("DELETE FROM cursor WHERE name = ''")
