"""Discord's limits are kept to by what is left, for as long as a call may wait; old buckets go."""

from __future__ import annotations

import asyncio

import pytest
from discord import RateLimited
from discord.http import HTTPClient, Ratelimit

from bots.discord.pace import Bucket, keep_to_limits


def told(bucket: Bucket, left: int, seconds: float) -> None:
    """Let the bucket be as an answer of Discord's says."""
    bucket.limit, bucket.remaining, bucket.reset_after = 50, left, seconds
    bucket.expires = asyncio.get_running_loop().time() + seconds
    bucket.dirty = True


async def call(bucket: Bucket, left: int | None = None, seconds: float = 0) -> None:
    """Make a call through a bucket, whose answer says so."""
    async with bucket:
        if left is not None:
            told(bucket, left, seconds)


async def test_calls_that_are_left_are_made_however_long_the_reset_takes() -> None:
    bucket = Bucket(6)
    for left in range(49, 0, -1):
        await call(bucket, left, 300)
    await call(bucket, 0, 300)
    with pytest.raises(RateLimited) as limited:
        await call(bucket)
    assert limited.value.retry_after == pytest.approx(300, abs=1)


async def test_a_call_that_empties_a_bucket_does_not_wait_until_it_is_full() -> None:
    bucket = Bucket(6)
    async with asyncio.timeout(1):
        await call(bucket, 0, 5)


async def test_a_call_waits_as_long_as_it_may_and_then_passes() -> None:
    bucket = Bucket(6)
    await call(bucket, 0, 0.05)
    async with asyncio.timeout(1):
        await asyncio.gather(*(call(bucket) for _ in range(3)))
    assert bucket.outgoing == 0


async def test_those_that_wait_are_told_when_it_takes_too_long() -> None:
    bucket = Bucket(6)
    gate = asyncio.Event()

    async def first() -> None:
        async with bucket:
            await gate.wait()
            told(bucket, 0, 100)

    running = asyncio.create_task(first())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(call(bucket)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    await running
    for task in waiting:
        with pytest.raises(RateLimited):
            await task


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_call_that_is_cut_off_leaves_the_bucket_to_the_next(when: str) -> None:
    bucket = Bucket(6)
    await call(bucket, 0, 0.05)
    cut_off = asyncio.create_task(call(bucket))
    await asyncio.sleep(0 if when == "before" else 0.06)
    cut_off.cancel()
    await asyncio.wait({cut_off})
    async with asyncio.timeout(1):
        await call(bucket)


async def test_a_first_call_without_an_answer_leaves_the_bucket_open() -> None:
    bucket = Bucket(6)
    waiting: list[asyncio.Task[None]] = []

    async def fails() -> None:
        async with bucket:
            waiting.append(asyncio.create_task(call(bucket)))
            await asyncio.sleep(0)
            raise OSError("cut")

    with pytest.raises(OSError, match="cut"):
        await fails()
    async with asyncio.timeout(1):
        await waiting[0]
        await call(bucket)


async def test_buckets_that_nobody_uses_are_looked_for_seldom_and_go() -> None:
    looked = 0

    class Counted(Ratelimit):
        def is_inactive(self) -> bool:
            nonlocal looked
            looked += 1
            return super().is_inactive()

    http = HTTPClient(asyncio.get_running_loop())
    keep_to_limits(http, 6)
    for number in range(1000):
        http._buckets[f"old{number}"] = old = Counted(None)
        old._last_request -= 301
    for number in range(255):
        http.get_ratelimit(f"new{number}")
    assert looked == 0
    assert isinstance(http.get_ratelimit("new255"), Bucket)
    assert looked == 1000
    assert set(http._buckets) == {f"new{number}" for number in range(256)}
    assert http.get_ratelimit("new7") is http.get_ratelimit("new7")
