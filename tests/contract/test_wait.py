"""wait: a worker with nothing to do hears of work soon, wherever it was left."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from core.domain.session import AnswerKind
from core.store.values import Outcome
from tests.builders import THREAD, begin, draft, message, terms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.store.port import Store
    from tests.contract.stores import Harness

LONG = 20.0
SOON = 2.0  # seconds that even a busy machine needs less than


async def calm(store: Store) -> None:
    """Let a store give the hints that it has: of what was done before, or since it just began."""
    await store.wait(["slack"], 0.5)


async def wakes(waiting: Store, cause: Callable[[], Awaitable[object]]) -> float:
    """Let a store wait, cause something after a moment; return how long after it was woken."""
    await calm(waiting)
    waiter = asyncio.create_task(waiting.wait(["slack"], LONG))
    await asyncio.sleep(0.05)
    assert not waiter.done()
    await cause()
    start = time.monotonic()
    await asyncio.wait_for(waiter, LONG)
    return time.monotonic() - start


@pytest.mark.parametrize("same", [True, False])
async def test_a_message_wakes(harness: Harness, same: bool) -> None:
    """Protocol: `accept` wakes a waiter, in this process and in others."""
    first = await harness.store()
    second = first if same else await harness.store()
    assert await wakes(first, lambda: second.accept(message(1), terms())) < SOON


@pytest.mark.parametrize("outcome", [Outcome.HANDED_BACK, Outcome.FAILED])
async def test_a_turn_that_is_left_wakes(harness: Harness, outcome: Outcome) -> None:
    """Protocol: `settle` not done, and hand-back wake a waiter."""
    first, second = await harness.store(), await harness.store()
    work = await begin(second, 1)
    assert await wakes(first, lambda: second.settle(work.lease, outcome)) < SOON


async def test_a_requeued_message_wakes(harness: Harness) -> None:
    """The operator need not wait either."""
    first, second = await harness.store(), await harness.store()
    work = await begin(second, 1)
    await second.commit(work.lease, work.revision, draft(0, kind=AnswerKind.BURIED))
    await second.settle(work.lease, Outcome.DONE)
    assert await wakes(first, lambda: second.requeue(THREAD, 0)) < SOON


async def test_waiting_ends_by_itself(store: Store) -> None:
    """Port: or after `seconds`."""
    await calm(store)
    start = time.monotonic()
    await store.wait(["slack"], 0.1)
    assert 0.09 < time.monotonic() - start < SOON
    await store.wait(["slack"], 0)


async def test_two_wait_at_once(harness: Harness) -> None:
    """Each replica has several workers; at least one hears of it."""
    store = await harness.store()
    await calm(store)
    waiters = [asyncio.create_task(store.wait(["slack"], LONG)) for _ in range(2)]
    await asyncio.sleep(0.05)
    await store.accept(message(1), terms())
    done, pending = await asyncio.wait(waiters, timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
    assert done
    for waiter in pending:
        waiter.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


async def test_waiting_can_be_given_up(store: Store) -> None:
    """A worker that is told to stop stops, and the store works on."""
    await calm(store)
    waiter = asyncio.create_task(store.wait(["slack"], LONG))
    await asyncio.sleep(0.02)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert (await store.accept(message(1), terms())).new
