"""Everything that is kept of people ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.admission import Admission
from core.domain.message import Kind
from core.domain.settings import ScopeSettings
from core.store.values import NothingDue
from tests.builders import OTHER, OVERHEAR, THREAD, begin, converse, message, terms

if TYPE_CHECKING:
    from core.store.port import Store
    from tests.contract.stores import Harness

A_DAY = 24 * 3600.0


async def sweep(store: Store) -> int:
    """Sweep until nothing is left to sweep."""
    swept = 0
    while count := await store.sweep(2):
        swept += count
    return swept


async def populate(store: Store) -> None:
    """Leave something of each sort."""
    await converse(store, 1, 2, 3)
    await store.accept(message(4), OVERHEAR)
    await begin(store, 5, thread=OTHER)
    await store.accept(message(6), terms(waiting_limit=0))
    await store.amend(THREAD, "unknown", ("unknown",), edited_at=1.0, text=None)
    await store.erase(OTHER, at=2000.0)


async def test_nothing_remains_after_everything_has_run_out(harness: Harness, store: Store) -> None:
    """Design: every key has a TTL. The tombstone, kept for a year, is the last to go."""
    await populate(store)
    await harness.advance(10_001)
    await sweep(store)
    assert await store.history(THREAD) == ()
    await harness.advance(2 * A_DAY)
    await sweep(store)
    await harness.advance(366 * A_DAY)
    await sweep(store)
    assert list(await harness.remains()) == []
    assert await store.sweep() == 0


async def test_sweeping_takes_only_what_has_expired(harness: Harness, store: Store) -> None:
    """The living lose nothing."""
    await populate(store)
    before = (await store.peek(THREAD), await store.history(THREAD))
    await harness.advance(9_000)
    await sweep(store)
    assert (await store.peek(THREAD), await store.history(THREAD)) == before


async def test_an_expired_thread_is_gone_before_it_is_swept(harness: Harness, store: Store) -> None:
    """No verb sees it any more, whichever comes first."""
    await converse(store, 1)
    await store.accept(message(2), terms())
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(muted=True), ttl=10_000)
    await harness.advance(10_001)
    assert await store.peek(THREAD) is None
    assert await store.history(THREAD) == ()
    assert (await store.threads()).threads == ()
    assert (await store.threads(person="U1")).threads == ()
    assert await store.thread_settings(THREAD) == ScopeSettings()
    assert await store.claim(THREAD, "mine") is None
    assert await store.claim_any(["slack"], "mine") == NothingDue(seconds=None)
    assert not await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="late")


async def test_a_new_session_has_nothing_of_the_old_one(harness: Harness, store: Store) -> None:
    """What expired is not there again under the same name."""
    await store.accept(message(1, author="U2"), OVERHEAR)
    await converse(store, 2)
    await store.set_thread(THREAD, Kind.THREAD, ScopeSettings(muted=True), ttl=10_000)
    await harness.advance(10_001)
    work = await begin(store, 3)
    assert (work.people, work.head, work.next, len(work.records)) == (1, 0, 1, 1)
    assert work.settings == ScopeSettings()
    assert (await store.threads(person="U2")).threads == ()
    (info,) = (await store.threads()).threads
    assert info.turns == 0


async def test_a_thread_outlives_its_trace_never(harness: Harness, store: Store) -> None:
    """The trace that tells "renewed" ends by itself as well, a TTL after the session."""
    await converse(store, 1)
    await harness.advance(20_001)
    assert not (await begin(store, 2)).renewed


async def test_a_late_event_of_an_expired_thread(harness: Harness, store: Store) -> None:
    """Protocol, what remains: a repeat after 25 h, of an expired thread: a new message."""
    await converse(store, 1)
    await harness.advance(10_001)
    assert not (await store.accept(message(1), terms())).new
    await harness.advance(25 * 3600)
    again = await store.accept(message(1), terms())
    assert (again.verdict, again.new) == (Admission.ACCEPTED, True)
