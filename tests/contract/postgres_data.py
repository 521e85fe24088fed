"""What a test may do to the data in a PostgreSQL, from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.store import codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import AsyncConnection

    from core.domain.message import ThreadKey
    from core.store.header import Header

TABLES = ("thread", "entry", "who", "seen", "trace", "place", "cursor", "deed")
KEPT = ("place", "cursor", "deed")


async def clear(own: AsyncConnection) -> None:
    """Empty all tables, and leave them in place."""
    for table in TABLES:
        await own.execute(f"DELETE FROM {table}".encode())


async def time(own: AsyncConnection) -> float:
    """Return what time it is there."""
    row: Any = await (await own.execute("SELECT extract(epoch FROM now())::float8")).fetchone()
    return float(row[0])


async def age(own: AsyncConnection, seconds: float) -> None:
    """Let this much time pass: move every time that is kept back by it."""

    def move(header: Header) -> None:
        header.started_at -= seconds
        header.last_at -= seconds
        header.expires_at -= seconds
        header.lease_until -= seconds if header.lease_until else 0
        header.due_at = None if header.due_at is None else header.due_at - seconds

    await _change(own, move)
    for table in ("seen", "trace"):
        await own.execute(f"UPDATE {table} SET expires = expires - %s".encode(), (seconds,))
    for (name,) in await (await own.execute("SELECT name FROM deed")).fetchall():
        at, rest = name.split(" ", 1)
        moved = f"{float(at) - seconds:020.6f} {rest}"
        await own.execute("UPDATE deed SET name = %s WHERE name = %s", (moved, name))


async def expire_lease(own: AsyncConnection, thread: ThreadKey) -> None:
    """Let the lease on a thread run out, and nothing else."""
    await _change(own, _end, str(thread))


async def expire_leases(own: AsyncConnection, tokens: set[str] | None = None) -> None:
    """Let every lease run out, or those that are held by one of these tokens."""

    def end(header: Header) -> None:
        if tokens is None or header.token in tokens:
            _end(header)

    await _change(own, end)


async def hasten(own: AsyncConnection) -> None:
    """Let nothing that failed wait for its next try."""

    def now(header: Header) -> None:
        if not header.token and header.due_at is not None:
            header.due_at = 1

    await _change(own, now)


def _end(header: Header) -> None:
    if header.token:
        header.lease_until = header.due_at = 1


async def work(own: AsyncConnection) -> int:
    """Return how many threads have work."""
    row: Any = await (await own.execute("SELECT count(due) FROM thread")).fetchone()
    return int(row[0])


async def everything(own: AsyncConnection) -> list[str]:
    """Return all rows."""
    return [repr(row) for table in TABLES for row in await _rows(own, table)]


async def remains(own: AsyncConnection) -> list[str]:
    """Return all rows but those of places, cursors and the audit log."""
    tables = [table for table in TABLES if table not in KEPT]
    return [f"{table}: {row}" for table in tables for row in await _rows(own, table)]


async def _rows(own: AsyncConnection, table: str) -> list[Any]:
    return await (await own.execute(f"SELECT * FROM {table}".encode())).fetchall()


async def _change(
    own: AsyncConnection, change: Callable[[Header], None], thread: str = "%"
) -> None:
    async with own.transaction():
        rows = await own.execute(
            "SELECT key, header FROM thread WHERE key LIKE %s FOR UPDATE", (thread,)
        )
        for key, text in await rows.fetchall():
            header = codec.load_header(text)
            change(header)
            await own.execute(
                "UPDATE thread SET header = %s, due = %s, expires = %s WHERE key = %s",
                (codec.dump(header), header.due_at, header.expires_at, key),
            )
