"""compact: a summary replaces what it was made of, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders import THREAD, begin, converse, finish, message, terms

if TYPE_CHECKING:
    from core.store.port import Store
    from core.store.values import Work
    from tests.contract.stores import Harness


async def look(store: Store) -> Work:
    work = await store.peek(THREAD)
    assert work is not None
    return work


async def test_a_summary_stands_for_the_places_before_it(store: Store) -> None:
    """Protocol: summary, `covers` = `to`; the window is [covers, head) (I7)."""
    await converse(store, 1, 2, 3)
    before = await look(store)
    assert await store.compact(THREAD, covers=0, revision=before.revision, to=2, text="so far")
    work = await look(store)
    assert (work.summary.text, work.summary.covers, work.since) == ("so far", 2, 2)
    assert [record.position for record in work.records] == [2, 2]
    assert len(await store.history(THREAD)) == 6


async def test_a_retried_compaction_is_done(store: Store) -> None:
    """Protocol: `covers` = `to` with this text: done."""
    await converse(store, 1, 2)
    work = await look(store)
    for _ in range(2):
        assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="another")
    assert (await look(store)).summary.text == "so far"


async def test_of_two_summaries_the_first_counts(store: Store) -> None:
    """Protocol: `covers` as read; k never falls (I7)."""
    await converse(store, 1, 2, 3)
    work = await look(store)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=2, text="longer")
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="shorter")
    assert not await store.compact(THREAD, covers=2, revision=work.revision, to=1, text="backwards")
    assert (await look(store)).summary.covers == 2


async def test_a_summary_of_what_was_edited_is_out_of_date(store: Store) -> None:
    """Protocol: `revision` as read."""
    await converse(store, 1, 2)
    work = await look(store)
    await store.amend(THREAD, "m1", ("x",), edited_at=2000.0, text="better")
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    assert (await look(store)).summary.covers == 0


async def test_no_summary_reaches_beyond_what_is_answered(store: Store) -> None:
    """Protocol: `to` <= `head`."""
    await converse(store, 1)
    await store.accept(message(2), terms())
    work = await look(store)
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=2, text="too much")
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")


async def test_a_compaction_beside_a_turn(store: Store) -> None:
    """Protocol: no lease; a turn is not disturbed, and its commits don't disturb it."""
    await converse(store, 1, 2)
    before = await look(store)
    work = await begin(store, 3)
    assert await store.compact(THREAD, covers=0, revision=before.revision, to=1, text="so far")
    assert await finish(store, work) == "free"
    assert await store.compact(THREAD, covers=1, revision=before.revision, to=2, text="further")


async def test_no_summary_of_what_was_erased(store: Store) -> None:
    """I11: nothing erased returns, neither to the old thread nor to one of the same name."""
    await converse(store, 1, 2)
    work = await look(store)
    await store.erase(THREAD, at=1500.0)
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    for number in (601, 602):
        await converse(store, number)
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")


async def test_no_summary_across_a_reset(store: Store) -> None:
    """The same for a reset, whose log stays."""
    await converse(store, 1, 2)
    work = await look(store)
    await store.erase(THREAD, at=1500.0, keep_log=True)
    assert not await store.compact(THREAD, covers=0, revision=work.revision, to=1, text="so far")
    now = await look(store)
    assert (now.summary.text, now.summary.covers, now.reset_position) == ("", 2, 2)
    assert not await store.compact(THREAD, covers=2, revision=now.revision, to=1, text="backwards")


async def test_no_summary_of_nothing(harness: Harness, store: Store) -> None:
    """An unknown thread is not made known by it."""
    assert not await store.compact(THREAD, covers=0, revision="", to=0, text="so far")
    assert list(await harness.remains()) == []
