"""The least that a turn could cost: 20 messages read and 2 written, at once and unprotected."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from tests.benchmarks.turns import ANSWER, ASKED, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


async def redis_bound(client: Any) -> Callable[[], Awaitable[None]]:
    """One pipeline: LRANGE 20, RPUSH 2, EXPIRE."""
    await client.delete("bound")
    await client.rpush("bound", *(words(n) for n in range(20)))

    async def bound() -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.lrange("bound", -20, -1)
        pipeline.rpush("bound", ANSWER, ASKED)
        pipeline.expire("bound", 3600)
        await pipeline.execute()

    return bound


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
