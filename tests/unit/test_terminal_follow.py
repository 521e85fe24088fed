"""Each record of a thread is shown once, in order, whatever happens to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bots.terminal.follow import Follower
from core.domain.message import ThreadKey
from core.domain.session import Answer, Entry
from core.store.local.store import LocalStore
from core.store.values import Outcome, Work
from tests.builders import draft, message, terms
from tests.clocks import ManualClock

if TYPE_CHECKING:
    from core.domain.session import Record

THREAD = ThreadKey("terminal", "ada", "main")


class Reader:
    """Follows a thread, and keeps what it was shown."""

    def __init__(self, store: LocalStore) -> None:
        self.shown: list[str] = []
        self.follower = Follower(store, THREAD, self._show)

    async def _show(self, record: Record) -> None:
        self.shown.append(record.text if isinstance(record, Answer) else record.id)

    async def new(self) -> list[str]:
        """Return what is shown now and was not before."""
        before = len(self.shown)
        await self.follower.catch_up()
        return self.shown[before:]


@pytest.fixture
def store() -> LocalStore:
    return LocalStore(ManualClock())


async def say(store: LocalStore, number: int) -> None:
    await store.accept(message(number, thread=THREAD), terms())


async def claim(store: LocalStore) -> Work:
    work = await store.claim(THREAD, "token")
    assert work is not None
    return work


async def answer(store: LocalStore, text: str, *, last: int | None = None) -> Work:
    """Record an answer to all that waits, or to what stands up to `last`; do not settle it."""
    work = await claim(store)
    last = work.next - 1 if last is None else last
    assert isinstance(await store.commit(work.lease, work.revision, draft(last, text)), Answer)
    return work


async def settle(store: LocalStore, work: Work) -> None:
    await store.settle(work.lease, Outcome.DONE)


async def exchange(store: LocalStore, number: int) -> None:
    await say(store, number)
    await settle(store, await answer(store, f"answer {number}"))


async def test_what_was_there_before_is_not_shown(store: LocalStore) -> None:
    await exchange(store, 1)
    reader = Reader(store)
    assert await reader.follower.begin() == ()
    assert await reader.new() == []
    await exchange(store, 2)
    assert await reader.new() == ["m2", "answer 2"]
    assert await reader.new() == []


async def test_an_answer_that_comes_before_messages_that_are_shown_is_shown_too(
    store: LocalStore,
) -> None:
    reader = Reader(store)
    await reader.follower.begin()
    await say(store, 1)
    await say(store, 2)
    assert await reader.new() == ["m1", "m2"]
    work = await answer(store, "one", last=0)
    assert await reader.new() == ["one"]
    await settle(store, work)
    await answer(store, "two")
    assert await reader.new() == ["two"]


async def test_what_waits_at_the_start_is_named_and_shown(store: LocalStore) -> None:
    await exchange(store, 1)
    await say(store, 2)
    reader = Reader(store)
    assert [entry.id for entry in await reader.follower.begin()] == ["m2"]
    assert await reader.new() == ["m2"]
    await answer(store, "late")
    assert await reader.new() == ["late"]


async def test_an_answer_that_was_recorded_and_not_shown_is_shown(store: LocalStore) -> None:
    await exchange(store, 1)
    await say(store, 2)
    await answer(store, "unseen")
    reader = Reader(store)
    assert [entry.id for entry in await reader.follower.begin()] == ["m2"]
    assert await reader.new() == ["m2", "unseen"]


@pytest.mark.parametrize("rounds", [1, 3])
async def test_a_thread_that_was_erased_is_followed_from_its_new_beginning(
    store: LocalStore, rounds: int
) -> None:
    reader = Reader(store)
    await reader.follower.begin()
    await exchange(store, 1)
    await exchange(store, 2)
    await reader.new()
    await store.erase(THREAD, at=0)
    for number in range(rounds):
        await exchange(store, 10 + number)
    expected = [s for n in range(rounds) for s in (f"m{10 + n}", f"answer {10 + n}")]
    assert await reader.new() == expected


async def test_a_message_that_was_erased_is_missed_and_one_that_waits_is_not(
    store: LocalStore,
) -> None:
    reader = Reader(store)
    await reader.follower.begin()
    await exchange(store, 1)
    await say(store, 2)
    await reader.new()
    assert not reader.follower.misses("m2")
    await store.erase(THREAD, at=0)
    await reader.new()
    assert reader.follower.misses("m2")


async def test_a_long_log_is_shown_whole(store: LocalStore) -> None:
    reader = Reader(store)
    await reader.follower.begin()
    for number in range(350):
        await exchange(store, number)
    shown = await reader.new()
    assert shown == [s for n in range(350) for s in (f"m{n}", f"answer {n}")]


async def test_entries_keep_their_order_when_many_wait(store: LocalStore) -> None:
    for number in range(3):
        await exchange(store, number)
    reader = Reader(store)
    await reader.follower.begin()
    for number in range(3, 8):
        await say(store, number)
    assert await reader.new() == [f"m{number}" for number in range(3, 8)]
    await answer(store, "all")
    assert await reader.new() == ["all"]
    assert isinstance((await store.history(THREAD, limit=1))[0], Entry)
