"""A bucket of discord.py's that a call has left shut is opened again, and no other; old ones go."""

from __future__ import annotations

import asyncio

import pytest
from discord.http import HTTPClient, Ratelimit

from bots.discord.buckets import look_seldom, open_again


async def passed(bucket: Ratelimit) -> None:
    """Make a call through a bucket."""
    async with bucket:
        pass


async def cut_off(bucket: Ratelimit) -> None:
    """Make a call, and cut it off in the sleep with which it leaves."""
    bucket.reset_after = 60
    call = asyncio.create_task(passed(bucket))
    while not bucket._sleeping.locked():
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})


async def test_the_next_call_passes_and_so_does_one_that_waits() -> None:
    bucket = Ratelimit(None)
    await cut_off(bucket)
    waiting = asyncio.create_task(passed(bucket))
    await asyncio.sleep(0)
    open_again([bucket])
    async with asyncio.timeout(1):
        await waiting
        await passed(bucket)


async def test_without_it_the_next_call_would_wait() -> None:
    bucket = Ratelimit(None)
    await cut_off(bucket)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(passed(bucket), 0.05)


async def test_a_bucket_that_is_in_use_or_limited_stays_shut() -> None:
    used, limited, sleeping = Ratelimit(None), Ratelimit(None), Ratelimit(None)
    await used.acquire()
    await cut_off(limited)
    limited.expires = asyncio.get_running_loop().time() + 60
    sleeping.remaining = 0
    async with sleeping._sleeping:
        open_again([used, limited, sleeping])
    assert [bucket.remaining for bucket in (used, limited, sleeping)] == [0, 0, 0]
    limited.expires = asyncio.get_running_loop().time() - 1
    open_again([limited])
    assert limited.remaining == 1


async def test_buckets_that_nobody_uses_are_looked_for_seldom_and_go() -> None:
    looked = 0

    class Counted(Ratelimit):
        def is_inactive(self) -> bool:
            nonlocal looked
            looked += 1
            return super().is_inactive()

    http = HTTPClient(asyncio.get_running_loop())
    look_seldom(http)
    for number in range(1000):
        http._buckets[f"old{number}"] = old = Counted(None)
        old._last_request -= 301
    for number in range(255):
        http.get_ratelimit(f"new{number}")
    assert looked == 0
    http.get_ratelimit("new255")
    assert looked == 1000
    assert set(http._buckets) == {f"new{number}" for number in range(256)}
