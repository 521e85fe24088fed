"""What is kept beside threads: settings of places, cursors, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store import codec, keys
from core.store.values import ThreadSettings

if TYPE_CHECKING:
    import sqlite3

    from core.store.values import Deed


def settings(connection: sqlite3.Connection, platform: str, place: str) -> ThreadSettings:
    """Return what was set for a place."""
    row = connection.execute(
        "SELECT settings FROM place WHERE name = ?", (keys.place_prefix(platform, place),)
    ).fetchone()
    return codec.load_settings(row[0]) if row else ThreadSettings()


def put_settings(
    connection: sqlite3.Connection, platform: str, place: str, value: ThreadSettings
) -> None:
    """Set a place's settings, as a whole."""
    connection.execute(
        "INSERT INTO place (name, settings) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
        (keys.place_prefix(platform, place), codec.dump(value)),
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


def audit(connection: sqlite3.Connection, now: float, deed: Deed) -> None:
    """Keep a deed, and remove those that are too old or too many."""
    connection.execute(
        "INSERT INTO deed (name, body) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (deed.name, codec.dump(deed)),
    )
    connection.execute("DELETE FROM deed WHERE name <= ?", (keys.audit_start(now),))
    connection.execute(
        "DELETE FROM deed WHERE name <="
        " (SELECT name FROM deed ORDER BY name DESC LIMIT 1 OFFSET ?)",
        (keys.AUDIT_LIMIT,),
    )


def audited(connection: sqlite3.Connection, now: float, after: str, limit: int) -> tuple[Deed, ...]:
    """Return the next deeds behind a name, oldest first."""
    rows = connection.execute(
        "SELECT body FROM deed WHERE name > ? ORDER BY name LIMIT ?",
        (max(after, keys.audit_start(now)), limit),
    )
    return tuple(codec.load_deed(body) for (body,) in rows)


def try_out(connection: sqlite3.Connection) -> None:
    """Write something and take it away again."""
    connection.execute("INSERT OR REPLACE INTO cursor (name, position) VALUES ('', 0)")
    connection.execute("DELETE FROM cursor WHERE name = ''")
