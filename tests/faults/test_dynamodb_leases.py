"""Leases where no server has a clock: a claimer waits until it has seen the same beat for a TTL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.session import Answer
from core.store.dynamodb import DynamoStore, make_table
from core.store.dynamodb.connecting.address import parse
from core.store.keys import unique
from core.store.values import NothingDue, Work
from tests.builders import OTHER, THREAD, begin, draft, message, terms
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.dynamodb_server import DynamoServer

LEASE = 15.0


@pytest.fixture
async def opened(
    dynamodb_server: DynamoServer,
) -> AsyncIterator[Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]]]:
    """Open stores whose clocks are their own: each is started at an instant that is given."""
    url = dynamodb_server.url(f"t{unique()}")
    await make_table(parse(url), dynamodb_server.session)
    stores: list[DynamoStore] = []

    async def opened(start: float) -> tuple[DynamoStore, ManualClock]:
        clock = ManualClock(start)
        store = await DynamoStore.open(
            url, clock, lease_seconds=LEASE, session=dynamodb_server.session
        )
        stores.append(store)
        return store, clock

    yield opened
    for store in stores:
        await store.close()


@pytest.mark.parametrize("skew", [-3000.0, 0.0, 3000.0])
async def test_a_lease_is_taken_after_it_was_watched_for_its_time(
    opened: Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]], skew: float
) -> None:
    """However wrong its clock is, a claimer lets a living worker's lease be."""
    first, _ = await opened(10_000_000)
    second, clock = await opened(10_000_000 + skew)
    work = await begin(first, 1)
    assert await second.claim(THREAD, "theirs") is None
    for _ in range(3):
        clock.advance(LEASE - 1)
        assert await second.claim(THREAD, "theirs") is None
        assert await first.renew(work.lease, work.revision) == "ok"
        assert await second.claim(THREAD, "theirs") is None
    clock.advance(LEASE - 1)
    assert await second.claim(THREAD, "theirs") is None
    clock.advance(1)
    taken = await second.claim(THREAD, "theirs")
    assert taken is not None
    assert taken.deaths == 1


async def test_time_that_nobody_watched_does_not_count(
    opened: Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]],
) -> None:
    """A process that has only just come has seen nothing, however old the lease says it is."""
    first, _ = await opened(10_000_000)
    await begin(first, 1)
    second, clock = await opened(10_000_000 + 10 * LEASE)
    assert await second.claim(THREAD, "theirs") is None
    found = await second.claim_any(["slack"], "theirs")
    assert found == NothingDue(seconds=LEASE)
    clock.advance(LEASE)
    assert isinstance(await second.claim_any(["slack"], "theirs"), Work)


async def test_a_dead_workers_thread_goes_on_when_its_lease_ends(
    opened: Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]],
) -> None:
    """Looking for any work watches every lease: nobody waits for the same lease twice."""
    first, _ = await opened(10_000_000)
    second, clock = await opened(10_000_000)
    await begin(first, 1)
    await begin(first, 2, thread=OTHER)
    idle = await second.claim_any(["slack"], "a")
    assert isinstance(idle, NothingDue)
    clock.advance(LEASE / 3)
    idle = await second.claim_any(["slack"], "b")
    assert idle == NothingDue(seconds=LEASE * 2 / 3)
    clock.advance(LEASE * 2 / 3)
    assert isinstance(await second.claim_any(["slack"], "c"), Work)
    assert isinstance(await second.claim_any(["slack"], "d"), Work)


async def test_a_claim_that_comes_when_the_lease_was_just_renewed_gets_nothing(
    opened: Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]],
) -> None:
    """Claiming is conditional on the beat that was watched."""
    first, _ = await opened(10_000_000)
    second, clock = await opened(10_000_000)
    work = await begin(first, 1)
    assert await second.claim(THREAD, "theirs") is None
    clock.advance(2 * LEASE)
    assert await first.renew(work.lease, work.revision) == "ok"
    assert await second.claim(THREAD, "theirs") is None
    assert isinstance(await first.commit(work.lease, work.revision, draft(0)), Answer)


async def test_what_others_do_to_the_thread_is_no_beat(
    opened: Callable[[float], Awaitable[tuple[DynamoStore, ManualClock]]],
) -> None:
    """Messages that come in don't keep a dead worker's lease alive."""
    first, _ = await opened(10_000_000)
    second, clock = await opened(10_000_000)
    await begin(first, 1)
    assert await second.claim(THREAD, "theirs") is None
    for number in range(2, 5):
        clock.advance(LEASE / 3)
        await second.accept(message(number), terms())
    assert await second.claim(THREAD, "theirs") is not None
