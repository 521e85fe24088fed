"""What is loaded of a thread's log, also if a deletion took the summary with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import SystemClock
from core.domain.errors import MessageTooLargeError
from core.domain.summary import Line, Segment, dumped
from core.memory.memory import BYTES_PER_TOKEN, Memory
from core.memory.plan import plan
from core.memory.strategies.registry import strategy_named
from core.memory.tokens import counter_for
from core.prompt.summary import summary_text
from core.store.local.store import LocalStore
from tests.builders import THREAD, converse, message, terms

if TYPE_CHECKING:
    from core.domain.session import Session
    from core.prompt.prompt import Plan
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


# --- a summary of segments ------------------------------------------------------------------------


async def in_segments(count: int, *ends: int) -> LocalStore:
    """Return a store with a talk whose first turns are summed up in segments with these ends."""
    store = LocalStore(SystemClock())
    await converse(store, *range(1, count + 1), on=TERMS)
    work = await store.peek(THREAD)
    assert work is not None
    segments = [
        Segment(begin=begin, end=end, lines=(Line(f"said before {end}"),))
        for begin, end in zip((0, *ends), ends, strict=False)
    ]
    text = dumped(segments)
    assert await store.compact(THREAD, covers=0, revision=work.revision, to=ends[-1], text=text)
    return store


def planned(found: Session, budget: int = PLENTY) -> Plan:
    counter = counter_for("x", rank_file=None)
    return plan(found, strategy_named("hybrid"), budget=budget, counter=counter, fixed=0)


async def test_the_turns_of_a_part_that_is_gone_stand_beside_the_rest_of_the_summary() -> None:
    store = await in_segments(12, 3, 6, 9)
    await delete(store, 5)
    found = await loaded(store)
    assert (found.summary.covers, found.start, found.unread) == (9, 9, 0)
    assert [entry.text for turn in found.missing for entry in turn.entries] == ["text 4", "text 6"]
    assert words(found) == ["text 10", "text 11", "text 12"]
    seen = planned(found)
    assert seen.summary == "said before 3\nsaid before 9"
    assert seen.withheld
    shown = [entry.text for turn in seen.turns for entry in turn.entries]
    assert shown == ["text 4", "text 6", "text 10", "text 11", "text 12"]
    assert (seen.left_out, seen.seen_from) == (0, 9)
    assert "A part of this summary is being rebuilt" in summary_text(seen.summary, rebuilding=True)


async def test_what_has_no_room_of_a_part_that_is_gone_is_counted() -> None:
    store = await in_segments(12, 3, 6, 9)
    await delete(store, 5)
    found = await loaded(store)
    whole = planned(found).tokens.total
    for budget in range(whole + 40, 0, -1):
        try:
            seen = planned(found, budget)
        except MessageTooLargeError:
            break
        shown = sum(len(turn.entries) for turn in seen.turns)
        expected = 5 - shown if seen.summary else 12 - shown
        assert seen.left_out in {expected, expected - 1}, "a message that is deleted may count"
        assert seen.seen_from >= 9
    else:
        raise AssertionError("some budget is too small for the newest message")


async def test_no_more_of_parts_that_are_gone_is_loaded_than_may_fit() -> None:
    store = await in_segments(900, 400, 450, 890)
    await delete(store, 1, 500)
    few = await loaded(store, tokens=300 * len("text 100answer 100") // BYTES_PER_TOKEN)
    assert few.unread > 400
    shown = [entry.text for turn in few.missing for entry in turn.entries]
    assert shown[-1] == "text 890"
    assert len(shown) + few.unread in range(837, 842)
    assert planned(few).left_out >= few.unread
