"""A lease, as its holder keeps it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from core.domain.clock import SystemClock
from core.store.lease import LeaseHandle
from core.store.local.store import LocalStore
from tests.builders import begin


async def test_it_is_renewed_a_third_of_its_time_after_it_was_granted() -> None:
    """However often what runs under it ends, and something else begins."""
    clock = SystemClock()
    store = LocalStore(clock, lease_seconds=0.6)
    hold = LeaseHandle(store, clock, await begin(store), asked_at=clock.monotonic())
    for _ in range(10):
        await hold.keep(asyncio.sleep(0.15))
        assert hold.left() > 0


async def test_looking_at_the_thread_again_makes_it_no_longer() -> None:
    """A store answers such a claim, and extends nothing."""
    clock = SystemClock()
    store = LocalStore(clock, lease_seconds=0.6)
    hold = LeaseHandle(store, clock, await begin(store), asked_at=clock.monotonic())
    await asyncio.sleep(0.2)
    await hold.reload()
    assert hold.left() < 0.45


async def test_an_error_of_a_call_whose_caller_is_gone_reaches_no_log() -> None:
    """Asyncio logs an error that nobody reads, with a trace; a library's may quote a message."""
    clock = SystemClock()
    store = LocalStore(clock)
    hold = LeaseHandle(store, clock, await begin(store), asked_at=clock.monotonic())
    begun, fail, unread = asyncio.Event(), asyncio.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unread.append(context))

    async def call() -> None:
        begun.set()
        await fail.wait()
        raise ValueError

    caller = asyncio.create_task(hold.fenced(call(), 1))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    fail.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gc.collect()
    await asyncio.sleep(0)
    assert unread == []
