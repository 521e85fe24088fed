"""A world whose store is in a PostgreSQL, and what the faults may do to it from outside."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from psycopg import AsyncConnection

from core.store.sql.postgres import PostgresStore
from tests.contract import postgres_data
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.models.port import Model
    from core.store.port import Store


class PostgresWorld(World):
    """Reaches the store's data by a connection of its own."""

    def __init__(self, model: Model, store: Store, own: AsyncConnection) -> None:
        super().__init__(model, store=store)
        self.own = own
        self._alone = asyncio.Lock()  # what is done to the data takes several statements

    async def expire(self, tokens: set[str] | None = None) -> None:
        async with self._alone:
            await postgres_data.expire_leases(self.own, tokens)

    async def hasten(self) -> None:
        async with self._alone:
            await postgres_data.hasten(self.own)

    async def has_work(self) -> bool:
        async with self._alone:
            return await postgres_data.work(self.own) > 0

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while await self.has_work():
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def postgres_worlds(url: str) -> AsyncIterator[Callable[[Model], PostgresWorld]]:
    """Hand out what makes a world on the data in this PostgreSQL, which is emptied once."""
    store = await PostgresStore.open(url)
    async with await AsyncConnection.connect(url, autocommit=True) as own:
        await postgres_data.clear(own)
        yield lambda model: PostgresWorld(model, store, own)
    await store.close()
