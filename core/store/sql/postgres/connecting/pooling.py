"""Finds a pooler that gives each transaction another session of the server.

The store needs sessions of its own: it changes settings of the planner, prepares statements, and
listens. A pooler with `pool_mode=transaction` or `statement` shares the server's sessions among its
clients (PgBouncer's documentation, "SQL feature map for pooling modes"), so settings would reach
other programs, and wakes nobody. Nothing is set before this is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg import AsyncConnection

_LOOKS = 3
_SHARED = (
    "the PostgreSQL at {at} is behind a pooler that shares sessions (pool_mode=transaction or "
    "statement): name the server itself in CHATBOT_STORE, or a pool with pool_mode=session"
)


async def refuse_shared_sessions(
    connection: AsyncConnection, another: Callable[[], Awaitable[AsyncConnection]], at: str
) -> None:
    """Raise `StoreRefusedError` if two connections may get the same session of the server.

    Args:
        connection: A connection on which nothing has been set.
        another: Connects once more in the same way; it is only called behind a pooler.
        at: The address, for the sentence.
    """
    # A pooler has its own key for cancelling, and in it a number of its own for the process.
    first = await _process_of(connection)
    if first == connection.info.backend_pid:
        return
    other = await another()
    try:
        seen = [(await _process_of(other), await _process_of(connection)) for _ in range(_LOOKS)]
    finally:
        other.pgconn.finish()
    if any(one != seen[0][0] or two != first or one == two for one, two in seen):
        raise StoreRefusedError(_SHARED.format(at=at))


async def _process_of(connection: AsyncConnection) -> int:
    """Return the server's process that serves this connection now; prepare no statement."""
    found = await connection.execute("SELECT pg_backend_pid()", prepare=False)
    row = await found.fetchone()
    return int(row[0]) if row else 0
