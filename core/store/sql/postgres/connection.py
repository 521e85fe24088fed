"""A connection to a PostgreSQL that takes one round trip for a statement, each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

if TYPE_CHECKING:
    from psycopg import AsyncCursor


class Connection(AsyncConnection):
    """A connection that knows what it was asked before."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what the driver gives."""
        super().__init__(*arguments, **options)
        self._asked: set[bytes] = set()

    async def ask(self, statement: bytes, values: dict[str, Any]) -> AsyncCursor:
        """Execute a statement in one round trip, the first time as well.

        The driver would prepare it in one of its own then, but for a pipeline; later on, that
        would only cost time.
        """
        if statement in self._asked:
            return await self.execute(statement, values)
        async with self.pipeline():
            cursor = await self.execute(statement, values)
        self._asked.add(statement)
        return cursor
