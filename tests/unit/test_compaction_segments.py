"""A fold adds a segment; a change makes one again; what corrects what; and what all of it costs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import ModelBusyError
from core.domain.message import Author, Kind
from core.domain.pins import Pin, PinKind
from core.domain.session import Usage
from core.memory.compaction import FIRST_PAUSE
from core.memory.strategies.marks import Marks
from core.models.port import Completion, StopReason
from core.models.scripted import ScriptedModel
from tests.desk import Desk
from tests.prompts import shown_in
from tests.talk import THREAD

if TYPE_CHECKING:
    from core.models.scripted import Script


def scripted(*scripts: Script, reply: str = "") -> ScriptedModel:
    return ScriptedModel(*scripts, reply=(lambda _: reply) if reply else None)


def listed(*facts: str, talk: str = "They talk.") -> str:
    """Return an answer of the form that is asked for."""
    return "\n- ".join(["<chat_lasting>", *facts]) + f"\n</chat_lasting>\n<chat_going_on>\n{talk}"


@pytest.mark.parametrize("turns", [60, 240, 600])
async def test_an_edit_of_an_old_message_sends_at_most_one_segment_again(turns: int) -> None:
    model = scripted(reply=listed("Ann has friends.", talk="Ann talks of her friends. " * 20))
    desk = Desk(model, marks=Marks(high=300, low=100))
    for number in range(turns):
        await desk.say(f"My friend number {number} lives in town {number}, far away.")
        if number % 5 == 4:
            await desk.compact()
    for number, text in ((3, "Changed."), (turns // 2, "Changed, too."), (5, None)):
        await desk.amend(number, text)
        calls = len(model.calls)
        if (await desk.work()).summary.stale:
            assert await desk.compact()
        again = [said.text for call in model.calls[calls:] for said in shown_in(call).new]
        assert len(again) <= 20
        assert text is None or text in again
        assert (await desk.work()).summary.stale is False


async def test_what_a_later_fold_corrects_is_not_shown_any_more() -> None:
    monday, tuesday = "The launch is on Monday.", "The launch is on Tuesday, not on Monday."
    model = scripted(listed(monday), listed(tuesday), "2 > 1", listed("Cats."), "none")
    desk = Desk(model)
    for _ in range(3):
        await desk.say_many()
        assert await desk.compact()
    asked = model.calls[2].messages[0].text
    assert f"1. {monday}\n2. {tuesday}" in asked
    assert "New are the notes 2 to 2" in asked
    text = (await desk.work()).summary.text
    assert monday not in text
    assert tuesday in text
    await desk.amend((await desk.work()).summary.segments[1].begin + 1, None)
    assert monday in (await desk.work()).summary.text, "its correction was taken back"


async def test_a_model_that_cannot_say_what_corrects_what_costs_no_summary() -> None:
    model = scripted(listed("One."), listed("Two."), ModelBusyError("busy"))
    desk = Desk(model)
    for _ in range(2):
        await desk.say_many()
        assert await desk.compact()
    assert "One." in (text := (await desk.work()).summary.text)
    assert "Two." in text


async def test_corrections_that_people_pinned_are_told_to_each_fold() -> None:
    model = scripted(reply="Sum.")
    desk = Desk(model)
    await desk.say_many()
    ann = Author(id="ann", name="Ann")
    pin = Pin(
        id="p", kind=PinKind.CORRECTION, text="The dog is called Rex.", author=ann, by=ann,
        said_at=1.0, pinned_at=5000.0,
    )  # fmt: skip
    wish = replace(pin, id="q", kind=PinKind.WISH, text="Be short.")
    for each, beside in ((pin, ()), (wish, ("p",))):
        done = await desk.store.pin(THREAD, Kind.TERMINAL, each, beside=beside, ttl=10_000)
        assert done == "pinned"
    assert await desk.compact()
    asked = model.calls[0].messages[0].text
    assert "- The dog is called Rex." in asked
    assert "Be short." not in asked


async def test_the_tokens_of_all_calls_are_counted_with_the_thread() -> None:
    paid = Usage(input=100, output=10)
    end = Completion(stop=StopReason.END, usage=paid)
    cut = Completion(stop=StopReason.LENGTH, usage=paid)
    model = scripted(["no", cut], [listed("One."), end], [listed("Two."), end], ["none", end])
    desk = Desk(model)
    await desk.say_many()
    assert not await desk.compact()
    (info,) = (await desk.store.threads()).threads
    assert info.usage == Usage()
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()
    await desk.say_many()
    assert await desk.compact()
    (info,) = (await desk.store.threads()).threads
    assert info.usage == paid + paid + paid + paid, "those that were paid for nothing as well"


async def test_two_processes_that_make_parts_of_one_summary_lose_none() -> None:
    """Each stores what it made from what it read; no deletion is undone, and nothing is lost."""
    gates = [asyncio.Event(), asyncio.Event()]
    slow: list[Script] = [[gates[0], "One again."], [gates[1], "Two again."]]
    model = scripted("One.", "Two.", *slow, reply="New.")
    desk = Desk(model)
    for _ in range(2):
        await desk.say_many()
        assert await desk.compact()
    first, second = (await desk.work()).summary.segments
    await desk.amend(first.begin + 1, None)
    other = desk.another_process()
    making = asyncio.create_task(desk.compact())
    while len(model.calls) < 3:
        await asyncio.sleep(0)
    desk.clock.advance(FIRST_PAUSE + 1)  # the other process may claim it by now
    await desk.amend(second.begin + 1, None)
    also = asyncio.create_task(other.compact(THREAD))
    while len(model.calls) < 4:
        await asyncio.sleep(0)
    for gate in gates:
        gate.set()
    assert not await making, "it was made of what was there before the second deletion"
    assert await also
    desk.clock.advance(2 * FIRST_PAUSE + 1)
    await desk.compact()
    summary = (await desk.work()).summary
    assert (summary.withheld, summary.stale) == (False, False)
    assert not {"One.", "Two."} & set(summary.text.split("\n"))
    assert len(summary.segments) == 2
