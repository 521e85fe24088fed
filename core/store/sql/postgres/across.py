"""Work across threads: finding one that is due, and removing what has expired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.store import codec
from core.store.sql.postgres.database import words
from core.store.sql.postgres.fetch import Found
from core.store.verbs.buffered_rows import Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection

    from psycopg import AsyncConnection

_PICK = words(
    "SELECT key, header, xmin::text FROM thread WHERE platform = ANY(:platforms) AND due <= :now"
    " AND key <> ALL(:excluded) ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_NEXT = words(
    "SELECT :clock,"
    " (SELECT min(due) FROM thread WHERE platform = ANY(:platforms) AND due IS NOT NULL"
    " AND key <> ALL(:excluded))"
)
_LOCKED_SECONDS = 0.05
"""Seconds after which to retry a thread that is due, but that another step has locked."""
_EXPIRED = words(
    "SELECT key FROM thread WHERE expires <= :now ORDER BY expires LIMIT :limit"
    " FOR UPDATE SKIP LOCKED"
)
_REMOVE = (
    words("DELETE FROM entry WHERE thread = ANY(:keys)"),
    words("DELETE FROM who WHERE thread = ANY(:keys)"),
    words("DELETE FROM thread WHERE key = ANY(:keys)"),
)
_OUTLIVED = tuple(
    words(
        f"DELETE FROM {table} WHERE hash = ANY(ARRAY(SELECT hash FROM {table}"  # noqa: S608 - ours
        " WHERE expires <= :now ORDER BY expires LIMIT :limit FOR UPDATE SKIP LOCKED))"
    )
    for table in ("seen", "trace")
)


@dataclass(frozen=True, slots=True)
class Nothing:
    """No due thread can be locked."""

    seconds: float | None
    """Until the earliest thread comes due; None if no thread has work."""


async def lock_due(
    connection: AsyncConnection, platforms: Collection[str], excluded: Collection[ThreadKey]
) -> Found | Nothing:
    """Begin a transaction and lock the thread that has been due for the longest.

    Threads in `excluded` are skipped, and so are locked ones, on which another step works.
    """
    values = {"platforms": list(platforms), "excluded": [str(thread) for thread in excluded]}
    async with connection.pipeline():
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        picked = await connection.execute(_PICK, values)
        looked = await connection.execute(_NEXT, values)
    row = await picked.fetchone()
    ((clock, due),) = await looked.fetchall()
    if row is not None:
        key, header, version = row
        return Found(
            thread=ThreadKey.parse(key),
            snapshot=Snapshot(header=codec.load_header(header)),
            time=clock,
            version=version,
        )
    await connection.execute("ROLLBACK")
    return Nothing(None if due is None else max(due - clock, _LOCKED_SECONDS))


async def sweep(connection: AsyncConnection, limit: int) -> int:
    """Remove up to `limit` expired threads, events and tombstones each.

    It waits for no lock, so it can't delay a step or deadlock with one.
    """
    values = {"limit": limit}
    async with connection.transaction():
        found = await connection.execute(_EXPIRED, values)
        keys = [key for (key,) in await found.fetchall()]
        for statement in _REMOVE if keys else ():
            await connection.execute(statement, {"keys": keys})
        outlived = [await connection.execute(statement, values) for statement in _OUTLIVED]
    return len(keys) + sum(cursor.rowcount for cursor in outlived)
