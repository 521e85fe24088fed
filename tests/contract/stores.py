"""The stores that keep the contract, and what a test may do to each from outside.

To put another store under the contract, add it to `STORES`.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fakeredis import FakeAsyncRedis, FakeServer
from psycopg import AsyncConnection
from redis.backoff import NoBackoff

from core.store.dynamodb import DynamoStore, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import connect as connect_table
from core.store.keys import unique
from core.store.local.store import LocalStore
from core.store.redis import RedisStore
from core.store.redis.connecting.client import RETRIES, Patient, connect
from core.store.sql.postgres import PostgresStore
from core.store.sql.sqlite.store import SqliteStore
from tests.clocks import ManualClock
from tests.contract import dynamodb_data, postgres_data, redis_data
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    import pytest
    from aiobotocore.session import AioSession

    from core.domain.message import ThreadKey
    from core.store.dynamodb.connecting.client import Table
    from core.store.port import Store
    from core.store.redis.connecting.client import Client
    from tests.dynamodb_server import DynamoServer

LEASE_SECONDS = 600.0  # real time goes on too: a busy machine must not end a lease by it
LOSS = 0.1  # how often a reply is lost on its way


class Harness(ABC):
    """One set of data, and the stores that tests open on it."""

    @abstractmethod
    async def store(self) -> Store:
        """Open a store on the data, as one more process would; closed at the test's end."""

    @abstractmethod
    async def advance(self, seconds: float) -> None:
        """Let this much time pass for the data: leases, sessions, event ids, delays."""

    @abstractmethod
    async def everything(self) -> Iterable[str | bytes]:
        """Return all that is kept, keys and values, in whatever form, to be searched."""

    @abstractmethod
    async def remains(self) -> Iterable[str]:
        """Name each thing that is kept but for settings of channels and cursors."""

    @abstractmethod
    async def time(self) -> float:
        """Return what time it is for the data, in seconds since 1970."""

    async def expire_lease(self, thread: ThreadKey) -> None:
        """Let the lease on a thread run out, and nothing else where that can be done."""
        await self.advance(LEASE_SECONDS + 0.001)


class LocalHarness(Harness):
    """The data is the one store."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._store = LocalStore(self.clock, lease_seconds=LEASE_SECONDS)

    async def store(self) -> Store:
        return self._store

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def time(self) -> float:
        return self.clock.now()

    async def everything(self) -> Iterable[str | bytes]:
        store = self._store
        kept = (store.headers, store.logs, store.ids, store.seen, store.traces, store.who)
        return [repr(part) for part in (*kept, store.places, store.cursors, store.deeds)]

    async def remains(self) -> Iterable[str]:
        store = self._store
        kept = (store.headers, store.logs, store.ids, store.seen, store.traces, store.who)
        return [repr(part) for part in kept if part]


class SqliteHarness(Harness):
    """The data is a file; each store is a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.path = path
        self._stores: list[SqliteStore] = []

    async def store(self) -> Store:
        store = await SqliteStore.open(self.path, self.clock, lease_seconds=LEASE_SECONDS)
        self._stores.append(store)
        return store

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def time(self) -> float:
        return self.clock.now()

    async def everything(self) -> Iterable[str | bytes]:
        # The bytes on the disk: what was removed must not lie about in free pages either.
        files = self.path.parent.glob(f"{self.path.name}*")
        return [file.read_bytes() for file in files if not file.name.endswith("-shm")]

    async def remains(self) -> Iterable[str]:
        connection = sqlite3.connect(self.path)
        with contextlib.closing(connection):
            return [
                f"{table}: {row}"
                for table in ("thread", "entry", "who", "seen", "trace")
                for row in connection.execute(f"SELECT * FROM {table}")
            ]

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


class RedisHarness(Harness):
    """The data is in a Redis; each store is a client of its own, made by `connect`."""

    def __init__(self, own: Client, connect: Callable[[], Client]) -> None:
        self.own = own
        self._connect = connect
        self._stores: list[RedisStore] = []

    async def store(self) -> Store:
        store = RedisStore(self._connect(), lease_seconds=LEASE_SECONDS)
        self._stores.append(store)
        return store

    async def advance(self, seconds: float) -> None:
        await redis_data.age(self.own, seconds)

    async def time(self) -> float:
        return await redis_data.time(self.own)

    async def expire_lease(self, thread: ThreadKey) -> None:
        await redis_data.expire_lease(self.own, thread)

    async def everything(self) -> Iterable[str | bytes]:
        return await redis_data.everything(self.own)

    async def remains(self) -> Iterable[str]:
        return await redis_data.remains(self.own)

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
        await self.own.aclose()


class PostgresHarness(Harness):
    """The data is in a PostgreSQL; each store has connections of its own."""

    def __init__(self, own: AsyncConnection, url: str, *, pause: float = 0.01) -> None:
        self.own = own
        self._url = url
        self._pause = pause
        self._stores: list[PostgresStore] = []

    async def store(self) -> Store:
        store = await PostgresStore.open(self._url, lease_seconds=LEASE_SECONDS, pause=self._pause)
        self._stores.append(store)
        return store

    async def advance(self, seconds: float) -> None:
        await postgres_data.age(self.own, seconds)

    async def time(self) -> float:
        return await postgres_data.time(self.own)

    async def expire_lease(self, thread: ThreadKey) -> None:
        await postgres_data.expire_lease(self.own, thread)

    async def everything(self) -> Iterable[str | bytes]:
        return await postgres_data.everything(self.own)

    async def remains(self) -> Iterable[str]:
        return await postgres_data.remains(self.own)

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
        await self.own.close()


class DynamoHarness(Harness):
    """The data is in a DynamoDB table; each store has a client of its own.

    The stores have seen each other's leases from the start, as replicas do that look around all
    the time: what happens where they have not is told in `tests.faults.test_dynamodb_leases`.
    """

    def __init__(self, own: Table, url: str, session: AioSession) -> None:
        self.clock = ManualClock()
        self.own = own
        self._url = url
        self._session = session
        self._stores: list[DynamoStore] = []

    async def store(self) -> Store:
        store = await DynamoStore.open(
            self._url, self.clock, lease_seconds=LEASE_SECONDS, session=self._session
        )
        if self._stores:
            store.beats.seen = self._stores[0].beats.seen
        self._stores.append(store)
        return store

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def time(self) -> float:
        return self.clock.now()

    async def everything(self) -> Iterable[str | bytes]:
        return [repr(item) for item in await dynamodb_data.scan(self.own)]

    async def remains(self) -> Iterable[str]:
        return await dynamodb_data.remains(self.own, self.clock.now())

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
        await self.own.call("delete_table")
        await self.own.close()


@contextlib.asynccontextmanager
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep nothing beyond the test's process."""
    yield LocalHarness()


@contextlib.asynccontextmanager
async def sqlite_file(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in a file of the test's."""
    with tempfile.TemporaryDirectory(dir=request.getfixturevalue("tmp_path")) as folder:
        harness = SqliteHarness(Path(folder) / "store.db")
        try:
            yield harness
        finally:
            await harness.close()


@contextlib.asynccontextmanager
async def redis_at(url: str) -> AsyncIterator[Harness]:
    """Keep everything in the Redis at an address, which is empty at first."""
    harness = RedisHarness(connect(url), lambda: connect(url))
    await harness.own.flushall()
    try:
        yield harness
    finally:
        await harness.close()


def redis(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Harness]:
    """Keep everything in a real Redis."""
    return redis_at(request.getfixturevalue("redis_url"))


def redis_cluster(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Harness]:
    """Keep everything in a cluster of three nodes."""
    return redis_at(request.getfixturevalue("redis_cluster_url"))


def redis_sentinel(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Harness]:
    """Keep everything in a Redis that three Sentinels watch."""
    return redis_at(request.getfixturevalue("redis_sentinel_url"))


def valkey(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Harness]:
    """Keep everything in a real Valkey."""
    return redis_at(request.getfixturevalue("valkey_url"))


@contextlib.asynccontextmanager
async def redis_proxy(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in a real Redis, whose replies get lost again and again."""
    url: str = request.getfixturevalue("redis_url")
    chance = random.Random(request.node.nodeid)
    port = urlsplit(url).port or 0
    async with Proxy(port, lose=lambda: chance.random() < LOSS) as proxy:
        harness = RedisHarness(connect(url), lambda: impatient(proxy.port))
        await harness.own.flushall()
        try:
            yield harness
        finally:
            await harness.close()


def impatient(port: int) -> Client:
    """Return a client that repeats as ours does, but without a pause: there is much to repeat."""
    client = connect(f"redis://127.0.0.1:{port}/0")
    client.set_retry(Patient(NoBackoff(), RETRIES))
    return client


@contextlib.asynccontextmanager
async def fakeredis(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in the imitation of a Redis."""
    server = FakeServer()
    harness = RedisHarness(
        FakeAsyncRedis(server=server, encoding_errors="surrogatepass"),
        lambda: FakeAsyncRedis(server=server, encoding_errors="surrogatepass"),
    )
    try:
        yield harness
    finally:
        await harness.close()


async def emptied(url: str) -> AsyncConnection:
    """Return a connection to a PostgreSQL that has all tables and nothing in them."""
    await (await PostgresStore.open(url)).close()
    own = await AsyncConnection.connect(url, autocommit=True)
    await postgres_data.clear(own)
    return own


@contextlib.asynccontextmanager
async def postgresql(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in a real PostgreSQL."""
    url: str = request.getfixturevalue("postgres_url")
    harness = PostgresHarness(await emptied(url), url)
    try:
        yield harness
    finally:
        await harness.close()


@contextlib.asynccontextmanager
async def postgresql_proxy(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in a real PostgreSQL, whose replies get lost again and again."""
    url: str = request.getfixturevalue("postgres_url")
    chance = random.Random(request.node.nodeid)
    port = urlsplit(url).port or 0
    # A connection of its own takes several replies, so that as many calls fail as on Redis.
    async with Proxy(port, lose=lambda: chance.random() < LOSS / 2) as proxy:
        through = url.replace(f":{port}/", f":{proxy.port}/") + "?sslmode=disable"
        harness = PostgresHarness(await emptied(url), through, pause=0)
        try:
            yield harness
        finally:
            await harness.close()


@contextlib.asynccontextmanager
async def dynamodb(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Keep everything in a table of the test's own, in moto's DynamoDB."""
    server: DynamoServer = request.getfixturevalue("dynamodb_server")
    url, session = server.url(f"t{unique()}"), server.session
    await make_table(parse(url), session)
    harness = DynamoHarness(await connect_table(parse(url), session), url, session)
    try:
        yield harness
    finally:
        await harness.close()


STORES: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Harness]]] = {
    "dynamodb": dynamodb,
    "fakeredis": fakeredis,
    "memory": memory,
    "postgresql": postgresql,
    "postgresql_proxy": postgresql_proxy,
    "redis": redis,
    "redis_cluster": redis_cluster,
    "redis_proxy": redis_proxy,
    "redis_sentinel": redis_sentinel,
    "sqlite": sqlite_file,
    "valkey": valkey,
}
