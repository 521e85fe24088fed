"""What is loaded of a thread's log, also if a deletion took the summary with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import SystemClock
from core.memory.memory import BYTES_PER_TOKEN, Memory
from core.memory.strategies.registry import strategy_named
from core.memory.tokens import counter_for
from core.store.local.store import LocalStore
from tests.builders import THREAD, converse, message, terms

if TYPE_CHECKING:
    from core.domain.session import Session
    from core.store.port import Store

PLENTY = 100_000
TERMS = terms(reach=1_000_000)


async def summed_up(count: int, covers: int) -> LocalStore:
    """Return a store with a talk whose first turns a summary stands for."""
    store = LocalStore(SystemClock())
    await converse(store, *range(1, count + 1), on=TERMS)
    work = await store.peek(THREAD)
    assert work is not None
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=covers, text="so far")
    return store


async def delete(store: Store, *numbers: int) -> None:
    for number in numbers:
        assert await store.amend(THREAD, f"m{number}", ("x",), edited_at=2000.0, text=None)


async def loaded(store: Store, name: str = "hybrid", tokens: int = PLENTY) -> Session:
    await store.accept(message(9999), TERMS)
    work = await store.peek(THREAD)
    assert work is not None
    memory = Memory(counter=counter_for("x", rank_file=None), budget=tokens)
    return await memory.load(store, work, strategy_named(name))


def words(found: Session) -> list[str]:
    return [entry.text for turn in found.turns for entry in turn.entries]


async def test_a_summary_stands_for_what_it_covers() -> None:
    store = await summed_up(6, 4)
    found = await loaded(store)
    assert (found.summary.text, found.summary.covers) == ("so far", 4)
    assert words(found) == ["text 5", "text 6"]
    assert (found.since, found.files_from) == (4, 4)


async def test_without_it_the_turns_stand_there_themselves() -> None:
    """But for what was answered to those who took all of it back."""
    store = await summed_up(600, 590)
    await delete(store, 2, 595)
    found = await loaded(store)
    assert (found.summary.text, found.summary.covers, found.summary.withheld) == ("", 0, True)
    assert words(found) == [f"text {n}" for n in range(1, 601) if n not in {2, 595}]
    answers = [turn.answer.text for turn in found.turns]
    assert "answer 2" not in answers
    assert "answer 595" in answers, "as of any turn that no summary stood for"
    assert (found.since, found.files_from) == (0, 590)
    assert [entry.text for entry in found.batch] == ["text 9999"]


async def test_as_many_of_them_are_loaded_as_may_fit_and_whole() -> None:
    store = await summed_up(900, 890)
    await delete(store, 1)
    few = await loaded(store, tokens=300 * len("text 100answer 100") // BYTES_PER_TOKEN)
    assert few.since == 490
    assert words(few) == [f"text {n}" for n in range(492, 901)]
    assert words(await loaded(store, tokens=0)) == [f"text {n}" for n in range(891, 901)]


async def test_nothing_from_before_the_line_comes_back() -> None:
    store = await summed_up(4, 4)
    await store.erase(THREAD, at=1002.5, keep_log=True)
    await store.erase(THREAD, at=1004.5, keep_log=True)
    await converse(store, 5, 6, 7, on=TERMS)
    work = await store.peek(THREAD)
    assert work is not None
    assert await store.compact(THREAD, covers=4, revision=work.revision, to=6, text="since then")
    await delete(store, 5)
    assert words(await loaded(store)) == ["text 6", "text 7"]


async def test_a_strategy_that_shows_no_summary_loads_what_it_always_does() -> None:
    store = await summed_up(60, 50)
    await delete(store, 1)
    found = await loaded(store, "window")
    assert found.summary.withheld
    assert words(found)[-10:] == [f"text {n}" for n in range(51, 61)]
    assert "text 2" not in words(found)
