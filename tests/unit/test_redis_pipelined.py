"""Calls of scripts on one connection: each gets its own reply, or is repeated by redis-py."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from core.domain.message import ThreadKey
from core.store.redis import RedisStore
from core.store.redis.connecting.client import command, connect, disconnect, pipelined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.store.redis.connecting.pipelined import PipelinedConnection

THREAD = ThreadKey("slack", "C1", "1.0")


@asynccontextmanager
async def connected(url: str, seconds: float = 5) -> AsyncIterator[PipelinedConnection]:
    client = connect(url)
    line = pipelined(client, seconds)
    assert line is not None
    await line.ask("PING")
    try:
        yield line
    finally:
        await line.close()
        await disconnect(client)


async def on_server(url: str, *words: Any) -> Any:
    other = connect(url)
    try:
        return await command(other, *words)
    finally:
        await disconnect(other)


async def test_no_call_gets_the_answer_to_one_that_was_cancelled(redis_url: str) -> None:
    async with connected(redis_url) as line:
        for steps in range(20):
            calls = [asyncio.create_task(line.ask("ECHO", f"{steps}.{n}")) for n in range(10)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            answers = await asyncio.gather(*calls[1::2])
            assert answers == [f"{steps}.{number}".encode() for number in range(1, 10, 2)]
            await asyncio.wait(calls)


async def test_the_error_of_a_call_is_that_of_no_other(redis_url: str) -> None:
    async with connected(redis_url) as line:
        asked = [line.ask("ECHO", "a"), line.ask("NONSENSE"), line.ask("ECHO", "b")]
        first, refused, last = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, last) == (b"a", b"b")
    assert isinstance(refused, ResponseError)


async def test_calls_on_a_connection_that_is_cut_get_no_reply(redis_url: str) -> None:
    async with connected(redis_url) as line:
        asked = [asyncio.create_task(line.ask("BLPOP", "nothing", 0)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await on_server(redis_url, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RedisConnectionError] * 3
        assert await line.ask("ECHO", "again") == b"again"


async def test_what_the_server_announces_is_no_reply(redis_url: str) -> None:
    async with connected(redis_url) as line:
        assert await line.ask("CLIENT", "TRACKING", "ON", "BCAST") == b"OK"
        for number in range(3):
            asked = [asyncio.create_task(line.ask("ECHO", f"{number}.{n}")) for n in range(3)]
            await on_server(redis_url, "SET", "watched", number)
            await on_server(redis_url, "SET", "watched too", number)
            answers = await asyncio.gather(*asked, line.ask("ECHO", "last"))
            assert answers == [*(f"{number}.{n}".encode() for n in range(3)), b"last"]


async def test_a_call_without_a_reply_ends_in_time(redis_url: str) -> None:
    async with connected(redis_url, seconds=0.3) as line:
        started = asyncio.get_running_loop().time()
        for _ in range(5):  # each has a reply in time, so that the connection stays
            await asyncio.sleep(0.1)
            assert await line.ask("ECHO", "x") == b"x"
        assert asyncio.get_running_loop().time() - started > 0.3
        hanging = line.ask("BLPOP", "nothing", 0)
        behind = line.ask("ECHO", "behind it")
        async with asyncio.timeout(2):
            answers = await asyncio.gather(hanging, behind, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RedisConnectionError] * 2


async def test_a_call_that_waits_when_it_is_closed_gets_no_reply(redis_url: str) -> None:
    async with connected(redis_url) as line:
        asked = asyncio.create_task(line.ask("BLPOP", "nothing", 0))
        await asyncio.sleep(0.05)
        await line.close()
        with pytest.raises(RedisConnectionError):
            await asked


async def test_a_verb_goes_on_whatever_happens_to_the_connection(redis_url: str) -> None:
    store = RedisStore.from_url(redis_url)
    for _ in range(3):
        assert await asyncio.gather(*(store.peek(THREAD) for _ in range(50))) == [None] * 50
        await on_server(redis_url, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await on_server(redis_url, "SCRIPT", "FLUSH")
    assert await store.peek(THREAD) is None
    await store.close()


async def test_many_verbs_share_one_connection(redis_url: str) -> None:
    store = RedisStore.from_url(redis_url)
    await store.peek(THREAD)  # from now on, the server knows the script
    before = await _connections(redis_url)
    for _ in range(10):
        await asyncio.gather(*(store.peek(THREAD) for _ in range(50)))
    assert await _connections(redis_url) == before
    await store.close()


async def _connections(url: str) -> int:
    """Return how many connections the server has, the one that asks included."""
    listed: Any = await on_server(url, "INFO", "clients")
    return int(listed["connected_clients"])
