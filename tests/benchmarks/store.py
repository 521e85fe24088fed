"""What one turn costs each store: round trips, bytes, and time beside the least there could be.

    python -m tests.benchmarks.store

prints JSON. A turn is accept (with its claim), commit and settle, in a thread that has already
had that many turns, of which the last 20 messages stand after the summary. The lower bound reads
20 messages, appends 2 and renews the time to live in one round trip, with no lease and no
protection. Both are timed in turn, in one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from core.admission import Terms, Verdict
from core.clock import SystemClock
from core.message import Address, Author, Kind, Message, ThreadKey
from core.session import AnswerKind, Usage
from core.store.keys import unique
from core.store.local import LocalStore
from core.store.redis import RedisStore
from core.store.redis.client import connect
from core.store.redis.scripts import command
from core.store.sql.postgres import PostgresStore
from core.store.sql.sqlite import SqliteStore
from core.store.values import Draft, Outcome
from tests.faults.proxy import Proxy
from tests.postgres_server import postgres_server
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from core.store.port import Store
    from core.store.values import Work

SIZES = (10, 100, 1000, 10_000)
TURNS_TIMED = 400
KEPT = 10
"""Turns after the summary: 20 messages."""
TERMS = Terms(verdicts=(Verdict.ACCEPTED,) * 8, ttl=2_592_000, reach=1000)


def words(number: int) -> str:
    """Return a message of 400 characters, none like the other."""
    return f"{number:06} " + " ".join(f"word{number * 7 + i:05}" for i in range(40))[:393]


ANSWER, ASKED = words(1), words(2)


class Turns:
    """Turns of one thread, one after the other."""

    def __init__(self, store: Store, size: int) -> None:
        self.store = store
        self.thread = ThreadKey("slack", f"C{size:08}", "1700000000.000100")
        self.number = 0

    def message(self) -> Message:
        self.number += 1
        stamp = f"{1_700_000_000 + self.number}.000200"
        return Message(
            thread=self.thread,
            kind=Kind.THREAD,
            id=stamp,
            identities=(f"Ev{self.number:09}", stamp),
            author=Author(id="U0123456789", name="Ann"),
            text=words(self.number),
            at=float(stamp),
            address=Address.MENTIONED,
        )

    async def begin(self) -> Work:
        message = self.message()
        return await self.accept(message)

    async def accept(self, message: Message) -> Work:
        accepted = await self.store.accept(message, TERMS, unique())
        assert accepted.work is not None
        return accepted.work

    async def end(self, work: Work) -> None:
        draft = Draft(
            last=work.next - 1,
            text=ANSWER,
            kind=AnswerKind.ANSWER,
            cuts=(),
            usage=Usage(input=312, output=104, cache_read=2048, cache_write=410),
            seen_from=work.since,
        )
        posted = (f"{1_700_000_000 + self.number}.000300",)
        assert await self.store.commit(work.lease, work.rev, draft, posted[0]) == "committed"
        assert await self.store.settle(work.lease, Outcome.DONE, posted=posted) == "free"

    async def run(self) -> None:
        await self.end(await self.begin())

    def prepared(self) -> Callable[[], Awaitable[None]]:
        """Return the next turn's work, with all made that is not the store's."""
        message = self.message()

        async def turn() -> None:
            await self.end(await self.accept(message))

        return turn

    async def seed(self, size: int) -> None:
        """Have this many turns; the summary follows close behind, which keeps them quick."""
        while self.number < size:
            await self.run()
            if self.number % 50 == 0:
                await self.summarize(KEPT)
        await self.summarize(KEPT)

    async def summarize(self, kept: int) -> None:
        work = await self.store.peek(self.thread)
        assert work is not None
        to = max(work.head - kept, 0)
        text = ASKED
        await self.store.compact(
            self.thread, covers=work.summary.covers, rev=work.rev, to=to, text=text
        )


async def timed(turns: Turns, bound: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Time turns and the lower bound in turn; the summary is moved on between, untimed."""
    took: dict[str, list[float]] = {"p50_ms": [], "lower_bound_p50_ms": []}
    for number in range(TURNS_TIMED + 20):
        await turns.summarize(KEPT)
        for name, step in (("p50_ms", turns.prepared()), ("lower_bound_p50_ms", bound)):
            start = time.perf_counter()
            await step()
            if number >= 20:  # the first ones warm up
                took[name].append((time.perf_counter() - start) * 1000)
    return {name: round(statistics.median(each), 4) for name, each in took.items()}


@contextlib.asynccontextmanager
async def redis_bound(client: Any) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """One pipeline: LRANGE 20, RPUSH 2, EXPIRE."""
    await client.rpush("bound", *(words(n) for n in range(20)))

    async def bound() -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.lrange("bound", -20, -1)
        pipeline.rpush("bound", ANSWER, ASKED)
        pipeline.expire("bound", 3600)
        await pipeline.execute()

    yield bound


@contextlib.contextmanager
def sqlite_file() -> Any:
    """Hand out an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def sqlite_bound(path: Path, durable: Path) -> Callable[[], Awaitable[None]]:
    """One transaction: select 20, insert 2, with the store's own pragmas."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode", "synchronous"):
        with contextlib.closing(sqlite3.connect(durable)) as other:
            value = other.execute(f"PRAGMA {pragma}").fetchone()[0]
        connection.execute(f"PRAGMA {pragma} = {value}")
    connection.execute("CREATE TABLE message (place INTEGER PRIMARY KEY, text TEXT)")
    rows = [(words(n),) for n in range(20)]
    connection.executemany("INSERT INTO message (text) VALUES (?)", rows)

    async def bound() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT text FROM message ORDER BY place DESC LIMIT 20").fetchall()
        connection.execute("INSERT INTO message (text) VALUES (?), (?)", (ANSWER, ASKED))
        connection.execute("COMMIT")

    return bound


def memory_bound() -> Callable[[], Awaitable[None]]:
    """A slice of a list, and two more in it."""
    kept = [words(n) for n in range(20)]

    async def bound() -> None:
        kept[-20:]
        kept.extend((ANSWER, ASKED))

    return bound


async def counted(
    port: int, connected: Callable[[int], Awaitable[Store]], size: int, number: int
) -> dict[str, int]:
    """Return the round trips and bytes of one turn, and the round trips before the model.

    Counted between the server at `port` and a store that is connected to another port.
    """
    async with Proxy(port) as proxy:
        store = await connected(proxy.port)
        turns = Turns(store, size)
        turns.number = number
        await turns.run()  # connects, and prepares what is prepared once
        await turns.summarize(KEPT)
        proxy.reset()
        work = await turns.begin()
        before = proxy.counts.round_trips
        assert len(work.records) == 2 * KEPT + 1
        await turns.end(work)
        counts = asdict(proxy.counts)
        await store.close()
    return {
        "round_trips": counts["round_trips"],
        "round_trips_before_model": before,
        "bytes_up": counts["up"],
        "bytes_down": counts["down"],
    }


async def on_redis(folder: Path) -> dict[str, Any]:
    """Measure a real server of our own, with its data in memory."""
    results: dict[str, Any] = {}
    with redis_server(directory=folder) as server:
        store, client = RedisStore(connect(server.url)), connect(server.url)
        for size in SIZES:
            await command(client, "FLUSHALL")
            turns = Turns(store, size)
            await turns.seed(size)
            async with redis_bound(client) as bound:
                times = await timed(turns, bound)
            through = await counted(server.port, through_redis, size, turns.number)
            results[str(size)] = through | times
        await store.close()
        await client.aclose()
    return results


async def through_redis(port: int) -> Store:
    """Return a store on the Redis at a port."""
    return RedisStore(connect(f"redis://127.0.0.1:{port}"))


@contextlib.asynccontextmanager
async def postgresql_bound(url: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """One pipeline: a transaction that selects 20, inserts 2 and renews the time to live."""
    async with await AsyncConnection.connect(url, autocommit=True, prepare_threshold=0) as own:
        await own.execute("DROP TABLE IF EXISTS bound, alive")
        await own.execute("CREATE TABLE bound (place SERIAL PRIMARY KEY, text TEXT)")
        await own.execute("CREATE TABLE alive (until TIMESTAMPTZ)")
        await own.execute("INSERT INTO alive VALUES (now())")
        for number in range(20):
            await own.execute("INSERT INTO bound (text) VALUES (%s)", (words(number),))

        async def bound() -> None:
            async with own.pipeline():
                await own.execute("BEGIN")
                read = await own.execute("SELECT text FROM bound ORDER BY place DESC LIMIT 20")
                both = (ANSWER, ASKED)
                await own.execute("INSERT INTO bound (text) VALUES (%s), (%s)", both)
                await own.execute("UPDATE alive SET until = now() + interval '1 hour'")
                await own.execute("COMMIT")
            await read.fetchall()

        yield bound


async def through_postgresql(port: int) -> Store:
    """Return a store on the PostgreSQL at a port."""
    return await PostgresStore.open(f"postgresql://owner@127.0.0.1:{port}/postgres")


async def on_postgresql() -> dict[str, Any]:
    """Measure a real server of our own, set up as its makers deliver it."""
    results: dict[str, Any] = {}
    with postgres_server(settings=()) as server:
        store = await PostgresStore.open(server.url)
        for size in SIZES:
            turns = Turns(store, size)
            await turns.seed(size)
            async with postgresql_bound(server.url) as bound:
                times = await timed(turns, bound)
            through = await counted(server.port, through_postgresql, size, turns.number)
            results[str(size)] = through | times
        await store.close()
    return results


async def on_sqlite(folder: Path) -> dict[str, Any]:
    """Measure a file on this machine's disk."""
    results: dict[str, Any] = {}
    for size in SIZES:
        path = folder / f"{size}.db"
        store = await SqliteStore.open(path, SystemClock())
        turns = Turns(store, size)
        await turns.seed(size)
        results[str(size)] = await timed(turns, sqlite_bound(folder / f"{size}.bound.db", path))
        await store.close()
    return results


async def in_memory() -> dict[str, Any]:
    """Measure the process's own memory."""
    results: dict[str, Any] = {}
    for size in SIZES:
        turns = Turns(LocalStore(SystemClock()), size)
        await turns.seed(size)
        results[str(size)] = await timed(turns, memory_bound())
    return results


async def main() -> None:
    """Measure every store and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {
            "redis": await on_redis(folder),
            "postgresql": await on_postgresql(),
            "sqlite": await on_sqlite(folder),
            "memory": await in_memory(),
        }
    json.dump(results, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    asyncio.run(main())
