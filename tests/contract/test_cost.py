"""A turn costs what its window costs, in each store: not one request or byte more in a long thread.

Counted, not timed: what goes to a server and comes back, by a proxy before it; for DynamoDB also
the units that AWS charges, which follow the items that it looks at; for SQLite the steps of its
virtual machine, which follow the rows.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from core.domain.clock import SystemClock
from core.store.dynamodb import DynamoStore
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.redis.connecting.client import connect
from core.store.sql.postgres import PostgresStore
from core.store.sql.sqlite.store import SqliteStore
from tests.benchmarks.dynamodb import filling
from tests.benchmarks.turns import Turns
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from core.store.port import Store
    from tests.dynamodb_server import DynamoServer

    Counts = Callable[[], tuple[float, ...]]
    Opened = tuple[Store, Store, Counts]
    """A store, the one that makes its long threads, and what was spent so far."""

SHORT, LONG = 20, 20_000
"""Turns before."""
MORE = 0.05
"""Numbers are written with more digits, and a server's hash tables differ."""
TURNS = 5


@contextlib.asynccontextmanager
async def counted(port: int, make: Callable[[int], Awaitable[Store]]) -> AsyncIterator[Opened]:
    """Hand out a store behind a proxy, and what tells what has gone through it."""
    async with Proxy(port) as proxy:
        store = await make(proxy.port)
        yield store, store, lambda: counts_of(proxy)
        await store.close()


def counts_of(proxy: Proxy) -> tuple[int, int, int]:
    return proxy.counts.round_trips, proxy.counts.up, proxy.counts.down


@contextlib.asynccontextmanager
async def sqlite(request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    folder: Path = request.getfixturevalue("tmp_path")
    store = await SqliteStore.open(folder / "store.db", SystemClock())
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    connection: Any = store._file._connection
    connection.set_progress_handler(step, 10)
    yield store, store, lambda: (steps,)
    await store.close()


def redis(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opened]:
    port = urlsplit(request.getfixturevalue("redis_url")).port or 0

    async def make(through: int) -> Store:
        client = connect(f"redis://127.0.0.1:{through}")
        await client.flushall()
        return RedisStore(client)

    return counted(port, make)


def postgresql(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Opened]:
    url: str = request.getfixturevalue("postgres_url")
    port = urlsplit(url).port or 0

    async def make(through: int) -> Store:
        return await PostgresStore.open(url.replace(f":{port}/", f":{through}/"))

    return counted(port, make)


@contextlib.asynccontextmanager
async def dynamodb(request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    server: DynamoServer = request.getfixturevalue("dynamodb_server")
    table = f"t{unique()}"

    def counts() -> tuple[float, ...]:
        bill = server.bill()
        return *counts_of(proxy), bill.requests, bill.read, bill.write, bill.index

    async with filling(server, table) as filler, Proxy(server.port) as proxy:
        url = server.url(table, proxy.port)
        store = await DynamoStore.open(url, SystemClock(), session=server.session)
        yield store, filler, counts
        await store.close()


STORES = {
    "dynamodb": dynamodb,
    "postgresql": postgresql,
    "redis": redis,
    "sqlite": sqlite,
}


async def cost(turns: Turns, counts: Counts) -> tuple[float, ...]:
    """Return what some turns cost at the median, each by itself."""
    spent = []
    for _ in range(TURNS):
        turn = await turns.prepared()
        before = counts()
        await turn()
        spent.append(tuple(now - then for now, then in zip(counts(), before, strict=True)))
    return sorted(spent)[TURNS // 2]


@pytest.mark.timeout(600)
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STORES))
async def test_a_turn_behind_thousands_costs_what_one_behind_20_does(
    name: str, request: pytest.FixtureRequest
) -> None:
    async with STORES[name](request) as (store, filler, counts):
        found = []
        for size in (SHORT, LONG):
            await Turns(filler, size).seed()
            turns = Turns(store, size)
            await (await turns.prepared())()  # plans are made, connections opened
            found.append(await cost(turns, counts))
        short, long = found
        assert all(short), "something was counted"
        assert all(more <= less * (1 + MORE) for less, more in zip(short, long, strict=True)), found
        if len(short) > 1:
            assert long[0] <= short[0], "no request more"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STORES.keys() - {"sqlite"}))
async def test_records_are_read_at_positions_in_one_round_trip(
    name: str, request: pytest.FixtureRequest
) -> None:
    """A turn has three round trips before the model at most, and this is one of them."""
    async with STORES[name](request) as (store, filler, counts):
        turns = Turns(filler, SHORT)
        await turns.seed()
        await store.read_at(turns.thread, (1,))  # connections opened
        before = counts()[0]
        assert await store.read_at(turns.thread, range(0, SHORT, 2))
        assert counts()[0] - before == 1
