"""What is read and cleared away across threads, inside an open transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.message import ThreadKey
from core.store import codec
from core.store.keys import place_prefix
from core.store.sql.rows import SqlRows, load_record
from core.store.values import Buried, ThreadInfo, ThreadPage, ThreadSettings

if TYPE_CHECKING:
    import sqlite3

    from core.session import Entry, Record
    from core.store.header import Header
    from core.store.verbs import Now

_BEYOND = "\x7f"
"""Sorts behind the text of every thread key."""


def living(connection: sqlite3.Connection, thread: ThreadKey, now: float) -> Header | None:
    """Return the header of a thread whose session has not expired, and change nothing."""
    row = connection.execute(
        "SELECT header FROM thread WHERE key = ? AND expires > ?", (str(thread), now)
    ).fetchone()
    return codec.load_header(row[0]) if row else None


def settings(connection: sqlite3.Connection, thread: ThreadKey, now: float) -> ThreadSettings:
    """Return what was set for a thread."""
    header = living(connection, thread, now)
    return header.settings if header else ThreadSettings()


def history(
    connection: sqlite3.Connection, thread: ThreadKey, now: float, after: int, limit: int
) -> tuple[Record, ...]:
    """Return the records of the next `limit` places that hold any."""
    if living(connection, thread, now) is None:
        return ()
    rows = connection.execute(
        "SELECT half, body FROM entry WHERE thread = ?1 AND place IN (SELECT DISTINCT place"
        " FROM entry WHERE thread = ?1 AND place > ?2 ORDER BY place LIMIT ?3)"
        " ORDER BY place, half",
        (str(thread), after, limit),
    )
    return tuple(load_record(*row) for row in rows)


def threads(
    connection: sqlite3.Connection,
    now: float,
    person: str,
    place: tuple[str, str] | None,
    after: str,
    limit: int,
) -> ThreadPage:
    """Return one page of threads, in the order of their keys."""
    prefix = place_prefix(*place) if place else ""
    within = (max(after, prefix), prefix + _BEYOND, now, limit + 1)
    if person:
        rows = connection.execute(
            "SELECT thread.key, thread.header FROM who JOIN thread ON thread.key = who.thread"
            " WHERE who.person = ?5 AND who.thread > ?1 AND who.thread < ?2"
            " AND thread.expires > ?3 ORDER BY who.thread LIMIT ?4",
            (*within, person),
        ).fetchall()
    else:
        rows = connection.execute(
            "SELECT key, header FROM thread WHERE key > ?1 AND key < ?2 AND expires > ?3"
            " ORDER BY key LIMIT ?4",
            within,
        ).fetchall()
    more = rows[limit - 1][0] if len(rows) > limit else ""
    return ThreadPage(threads=tuple(_info(*row) for row in rows[:limit]), after=more)


def buried(connection: sqlite3.Connection, now: float, limit: int) -> tuple[Buried, ...]:
    """Return messages whose turns were given up."""
    found: list[Buried] = []
    rows = connection.execute(
        "SELECT key, header FROM thread WHERE buried > 0 AND expires > ? ORDER BY key LIMIT ?",
        (now, limit),
    )
    for key, header in rows:
        for place in codec.load_header(header).buried:
            if len(found) == limit:
                return tuple(found)
            found.append(Buried(thread=ThreadKey.parse(key), entry=_entry(connection, key, place)))
    return tuple(found)


def sweep(connection: sqlite3.Connection, now: Now, limit: int) -> int:
    """Remove up to `limit` threads that have expired, and as many of what outlives threads."""
    expired = connection.execute(
        "SELECT key FROM thread WHERE expires <= ? LIMIT ?", (now.time, limit)
    ).fetchall()
    for (key,) in expired:
        SqlRows(connection, ThreadKey.parse(key), now).remove(keep_header=False)
    return len(expired) + sum(
        connection.execute(statement, (now.time, limit)).rowcount
        for statement in (
            "DELETE FROM seen WHERE hash IN (SELECT hash FROM seen WHERE expires <= ? LIMIT ?)",
            "DELETE FROM trace WHERE hash IN (SELECT hash FROM trace WHERE expires <= ? LIMIT ?)",
        )
    )


def _entry(connection: sqlite3.Connection, key: str, place: int) -> Entry:
    (body,) = connection.execute(
        "SELECT body FROM entry WHERE thread = ? AND place = ? AND half = 0", (key, place)
    ).fetchone()
    return codec.load_entry(body)


def _info(key: str, text: str) -> ThreadInfo:
    header = codec.load_header(text)
    return ThreadInfo(
        thread=ThreadKey.parse(key),
        kind=header.kind,
        turns=header.turns,
        usage=header.usage,
        started_at=header.started_at,
        last_at=header.last_at,
        people=len(header.people),
        waiting=header.waiting,
    )
