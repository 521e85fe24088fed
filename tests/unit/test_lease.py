"""A lease, as its holder keeps it."""

from __future__ import annotations

import asyncio

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
