"""Claiming the next thread, and sweeping, in a SQLite transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.store import verbs
from core.store.sql.rows import SqlRows
from core.store.values import NothingDue

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from core.store.values import Work


def claim_any(
    connection: sqlite3.Connection,
    now: verbs.Now,
    platforms: Collection[str],
    token: str,
    excluded: Collection[ThreadKey],
) -> Work | NothingDue:
    """Claim the thread that has been due for the longest; see `Store.claim_any`."""
    while (first := due(connection, platforms, excluded)) is not None:
        when, thread = first
        if when > now.time:
            return NothingDue(seconds=when - now.time)
        work = verbs.claim(SqlRows(connection, thread, now), now, token)
        if work is not None:  # else its session had expired, and the claim removed it
            return work
    return NothingDue(seconds=None)


def sweep(connection: sqlite3.Connection, now: verbs.Now, limit: int) -> int:
    """Remove up to `limit` expired threads, events and tombstones each."""
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


def due(
    connection: sqlite3.Connection,
    platforms: Collection[str],
    excluded: Collection[ThreadKey] = (),
) -> tuple[float, ThreadKey] | None:
    """Return the thread with work that is due first, without those in `excluded`, and when."""
    passed = json.dumps([str(thread) for thread in excluded])
    rows = (
        connection.execute(
            "SELECT due, key FROM thread WHERE platform = ? AND due IS NOT NULL"
            " AND key NOT IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT 1",
            (platform, passed),
        ).fetchone()
        for platform in platforms
    )
    when, key = min((row for row in rows if row), default=(0.0, ""))
    return (when, ThreadKey.parse(key)) if key else None
