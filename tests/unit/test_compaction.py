"""The summary takes over old turns, in the background, and never at the cost of one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import (
    ModelBusyError,
    ModelRefusedError,
    PromptRefusedError,
    PromptTooLargeError,
    StoreRefusedError,
    StoreUnavailableError,
)
from core.domain.message import Kind
from core.domain.session import Answer, AnswerKind, Entry
from core.domain.settings import ScopeSettings
from core.domain.summary import NOTHING_LEFT
from core.memory import background as background_room
from core.memory.background import BackgroundCompaction
from core.memory.compaction import FIRST_PAUSE
from core.memory.strategies.marks import Marks
from core.memory.summarizer import FALLBACK_AFTER, fitting
from core.models.port import Completion, StopReason
from core.models.scripted import ScriptedModel
from core.prompt.transcript import transcript
from core.store.values import Outcome, PendingAnswer
from tests.desk import TERMS, Desk, spoken
from tests.prompts import shown_in
from tests.talk import THREAD, entry, tokens, turn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from core.models.port import ModelRequest
    from core.models.scripted import Script


class Editing(ScriptedModel):
    """A model during whose every answer something is done."""

    def __init__(self, edit: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(reply=lambda _: "Sum.")
        self.edit = edit

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        if self.edit is not None:
            await self.edit()
        async for item in super().stream(request):
            yield item


TOO_LARGE = PromptTooLargeError("This is too long for small.")


def texts_of(request: ModelRequest) -> list[str]:
    return [block.text for block in request.messages[0].blocks]


def scripted(*scripts: Script, reply: str = "") -> ScriptedModel:
    return ScriptedModel(*scripts, reply=(lambda _: reply) if reply else None)


def all_said(model: ScriptedModel) -> list[str]:
    return [said.text for call in model.calls for said in shown_in(call).new]


async def test_below_the_high_mark_there_is_nothing_to_do() -> None:
    model = scripted()
    desk = Desk(model)
    assert not await desk.compact()  # a thread that nobody knows
    await desk.say("Hello.")
    assert not await desk.compact()
    assert model.calls == []


async def test_above_the_high_mark_the_summary_takes_over_the_oldest_turns() -> None:
    model = scripted(reply="Ann has many friends.")
    desk = Desk(model)
    await desk.say_many()
    assert await desk.compact()
    work = await desk.work()
    assert work.summary.text == "Ann has many friends."
    assert 0 < work.summary.covers < 20
    (request,) = model.calls
    assert (request.model, request.max_tokens) == ("small", 300)
    assert all_said(model) == [
        f"My friend number {n} lives in town {n}, far away." for n in range(work.summary.covers)
    ]
    assert [r.position for r in work.records if isinstance(r, Entry)] == list(
        range(work.summary.covers, 20)
    )
    assert len(await desk.store.history(THREAD)) == 40  # the log keeps everything
    assert not await desk.compact()


async def test_the_next_summary_adds_what_came_since_and_leaves_what_is_there() -> None:
    model = scripted("First.", "Second.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    first = (await desk.work()).summary
    await desk.say_many()
    assert await desk.compact()
    second = (await desk.work()).summary
    assert second.text == "First.\nSecond."
    assert second.covers > first.covers
    assert second.segments[0] == first.segments[0]
    assert shown_in(model.calls[1]).summary == "", "what a segment says is of its own turns"
    assert len(all_said(model)) == second.covers  # each turn was summarised once


@pytest.mark.parametrize("strategy", ["full", "window"])
async def test_other_strategies_make_no_summary(strategy: str) -> None:
    model = scripted()
    desk = Desk(model, strategy=strategy)
    await desk.say_many()
    assert not await desk.compact()
    assert model.calls == []


async def test_a_threads_own_strategy_decides() -> None:
    desk = Desk(scripted(reply="Sum."))
    await desk.say_many(3)
    settings = ScopeSettings(strategy="summary", reach=1000)
    await desk.store.set_thread(THREAD, Kind.TERMINAL, settings, ttl=1000)
    assert await desk.compact()
    assert (await desk.work()).summary.covers == 2


FAILURES: dict[str, Script] = {
    "busy": ModelBusyError("busy"),
    "a key that is refused for a while": ModelRefusedError("wrong key"),
    "cut off": ["Ann has", ModelBusyError("broke off")],
    "too long": ["Ann has many", Completion(stop=StopReason.LENGTH)],
    "declined": ["I'd rather not", Completion(stop=StopReason.REFUSAL)],
    "empty": " \n",
    "a greeting": "I'm happy to help! What would you like to know?",
    "an answer to the last message": "Sure, you can bake it at 180 degrees.",
    "an answer in German": "Gerne! Das kann ich erkl\u00e4ren.",
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_a_failure_leaves_everything_as_it_was_and_is_tried_again(failure: Script) -> None:
    model = scripted("Before.", failure, "After.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    await desk.say_many()
    before = await desk.work()
    assert not await desk.compact()
    assert await desk.work() == before
    assert not await desk.compact()  # not at once: the model needs a pause
    assert len(model.calls) == 2
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()
    after = await desk.work()
    assert after.summary.text == "Before.\nAfter."
    assert after.summary.covers > before.summary.covers


async def test_the_pause_grows_with_each_failure_and_ends_with_a_success() -> None:
    model = scripted(*[ModelBusyError("busy")] * 3, "Sum.", ModelBusyError("busy"), "Sum.")
    desk = Desk(model)
    await desk.say_many()
    for failures in range(3):
        assert not await desk.compact()
        desk.clock.advance(FIRST_PAUSE * 2**failures - 1)
        assert not await desk.compact()
        assert len(model.calls) == failures + 1
        desk.clock.advance(2)
    assert await desk.compact()
    await desk.say_many()
    assert not await desk.compact()
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()


@pytest.mark.parametrize("useless", ["", "I'm happy to help! What can I do for you?"])
async def test_a_model_that_gives_only_useless_answers_is_stood_in_for(useless: str) -> None:
    model = scripted(*[useless] * FALLBACK_AFTER)
    desk = Desk(model)
    await desk.say("My dog is called Rex.")
    await desk.say_many()
    for _ in range(FALLBACK_AFTER):
        assert not await desk.compact()
        desk.clock.advance(1000)
    assert await desk.compact()
    assert "Rex" in (await desk.work()).summary.text


FAULTS: dict[str, Exception] = {
    "the store is not there": StoreUnavailableError("down"),
    "the store refuses": StoreRefusedError("read-only"),
    "the text can't be encoded": UnicodeEncodeError("utf-8", "secret\ud83d", 6, 7, "surrogates"),
    "a fault of our own": KeyError("secret"),
    "a library's": RuntimeError("secret"),
}


@pytest.mark.parametrize("verb", ["peek", "claim_once", "history", "compact"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_whatever_fails_pauses_it_and_is_not_paid_for_again_after_each_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, verb: str, fault: Exception
) -> None:
    model = scripted(reply="Sum.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    await desk.amend(1, None)  # now it is made again, and the log is read for it
    paid = len(model.calls)

    async def fail(*args: object, **kwargs: object) -> bool:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(desk.store, verb, fail)
        for _ in range(3):
            assert not await desk.compact()
    assert len(model.calls) == paid + (verb == "compact")
    assert not await desk.compact()
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()
    (logged,) = caplog.records
    assert type(fault).__name__ in logged.message or str(fault) in logged.message
    assert "secret" not in caplog.text


async def test_of_two_processes_one_pays(caplog: pytest.LogCaptureFixture) -> None:
    gate = asyncio.Event()
    model = scripted([gate, ModelBusyError("busy")], ModelBusyError("busy"), "Sum.")
    desk = Desk(model)
    other = desk.another_process()
    await desk.say_many()
    compacting = asyncio.create_task(desk.compact())
    while not model.calls:
        await asyncio.sleep(0)
    assert not await other.compact(THREAD)  # while the first is at it
    gate.set()
    assert not await compacting
    await desk.say_many(2)
    assert not await other.compact(THREAD)
    assert not await desk.compact()
    assert len(model.calls) == 1
    desk.clock.advance(FIRST_PAUSE + 1)
    assert not await other.compact(THREAD)
    assert not await desk.compact()
    assert len(model.calls) == 2
    desk.clock.advance(2 * FIRST_PAUSE + 1)
    assert await desk.compact()
    assert len(caplog.records) == 2


async def test_what_is_void_each_time_is_not_paid_for_each_time() -> None:
    async def edit() -> None:
        times = len(model.calls)
        await desk.store.amend(THREAD, "m1", ("m1",), edited_at=2000.0 + times, text=f"No. {times}")

    model = Editing(edit)
    desk = Desk(model)
    await desk.say_many()
    for _ in range(5):
        assert not await desk.compact()
    assert len(model.calls) == 2
    desk.clock.advance(FIRST_PAUSE + 1)
    model.edit = None
    assert await desk.compact()


async def test_a_summary_is_cleaned_like_an_answer() -> None:
    desk = Desk(scripted(["Ann \ud83d", "\ude00 says \0 and \ud83d"]))
    await desk.say_many()
    assert await desk.compact()
    text = (await desk.work()).summary.text
    assert text == "Ann \N{GRINNING FACE} says \ufffd and \ufffd"


async def test_a_fault_in_telling_whether_it_is_due_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(scripted(reply="Sum."), strategy="summary")
    await desk.say_many(2)
    work = await desk.work()
    background = BackgroundCompaction(desk.compactor)
    answered = work.records[-1]
    assert isinstance(answered, Answer)

    def fail(*args: object, **kwargs: object) -> bool:
        raise KeyError("secret")

    with monkeypatch.context() as patched:
        patched.setattr(desk.compactor, "is_due", fail)
        background.answered(work, answered, 0)
    assert not len(background.jobs)
    assert "KeyError at" in caplog.text
    assert "secret" not in caplog.text
    background.answered(work, answered, 0)
    await background.jobs.wait()
    assert (await desk.work()).summary.text == "Sum."


@pytest.mark.parametrize("named", [True, False])
async def test_turns_that_are_too_much_for_the_model_are_taken_in_smaller_parts(
    *, named: bool
) -> None:
    def reply(request: ModelRequest) -> Script:
        size = sum(tokens(block.text) for block in request.messages[0].blocks)
        if size > 1_300:
            return PromptTooLargeError("no", size=size, limit=1_300) if named else TOO_LARGE
        return f"Summary {len(model.calls)}."

    model = ScriptedModel(reply=reply)
    desk = Desk(model, tokens=60)
    await desk.say_many(140)
    assert await desk.compact()
    covers = (await desk.work()).summary.covers
    done = [call for call in model.calls if sum(map(len, texts_of(call))) < 1_300 * 2.6]
    assert len(model.calls) - len(done) <= 6
    said = [said.text for call in done for said in shown_in(call).new]
    assert said == [f"My friend number {n} lives in town {n}, far away." for n in range(covers)]
    refused = len(model.calls) - len(done)
    await desk.say_many(140)
    assert await desk.compact()
    done = [call for call in model.calls if sum(map(len, texts_of(call))) < 1_300 * 2.6]
    assert len(model.calls) - len(done) == refused  # it is learned


@pytest.mark.parametrize("error", [TOO_LARGE, PromptRefusedError("no")])
async def test_turns_that_are_always_too_much_are_left_to_the_fallback(error: Exception) -> None:
    model = ScriptedModel(reply=lambda _: error)
    desk = Desk(model)
    await desk.say("My dog is called Rex.")
    await desk.say_many(30)
    assert await desk.compact()
    assert "Rex" in (await desk.work()).summary.text
    assert len(model.calls) < 40


async def test_a_turn_that_is_refused_for_what_it_holds_leaves_the_rest_to_the_model() -> None:
    def reply(request: ModelRequest) -> Script:
        text = " ".join(texts_of(request))
        return PromptRefusedError("no") if "number 7 " in text else "Sum."

    model = ScriptedModel(reply=reply)
    desk = Desk(model)
    await desk.say_many(40)
    assert await desk.compact()
    covers = (await desk.work()).summary.covers
    done = [call for call in model.calls if "number 7 " not in " ".join(texts_of(call))]
    assert len([said for call in done for said in shown_in(call).new]) > covers // 2
    assert len(model.calls) < 20


async def test_where_refusals_left_little_room_turns_are_folded_before_they_are_lost() -> None:
    desk = Desk(scripted(reply="Sum."), marks=Marks(high=100_000, low=50_000))
    await desk.say_many()
    assert not await desk.compact()
    desk.memory.limits.thread(THREAD, 600, now=desk.clock.monotonic())
    assert await desk.compact()


async def test_an_overlong_summary_is_none() -> None:
    model = scripted("word " * 5000, reply="Sum.")
    desk = Desk(model)
    await desk.say_many()
    assert not await desk.compact()
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()
    assert (await desk.work()).summary.text == "Sum."


async def test_an_edit_while_the_summary_is_made_voids_it() -> None:
    gate = asyncio.Event()
    model = scripted(["Old ", gate, "news."], "New.")
    desk = Desk(model)
    await desk.say_many()
    compacting = asyncio.create_task(desk.compact())
    while not model.calls:
        await asyncio.sleep(0)
    await desk.amend(1, "Something else.")
    gate.set()
    assert not await compacting
    assert (await desk.work()).summary.covers == 0
    assert await desk.compact()
    assert "Something else." in all_said(model)


async def test_one_thread_is_compacted_once_at_a_time() -> None:
    gate = asyncio.Event()
    model = scripted([gate, "Sum."])
    desk = Desk(model)
    await desk.say_many()
    compacting = asyncio.create_task(desk.compact())
    while not model.calls:
        await asyncio.sleep(0)
    assert not await desk.compact()
    gate.set()
    assert await compacting
    assert len(model.calls) == 1


async def test_giving_up_in_the_middle_does_not_block_the_thread() -> None:
    model = scripted([asyncio.Event(), "never"], "Sum.")
    desk = Desk(model)
    await desk.say_many()
    compacting = asyncio.create_task(desk.compact())
    while not model.calls:
        await asyncio.sleep(0)
    compacting.cancel()
    await asyncio.gather(compacting, return_exceptions=True)
    desk.clock.advance(FIRST_PAUSE + 1)
    assert await desk.compact()


@pytest.mark.parametrize("text", [None, "My friend moved to Rome."])
async def test_a_stale_summary_is_made_anew_from_the_log(text: str | None) -> None:
    model = scripted("Friend 0 lives in town 0.", "Anew.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    covers = (await desk.work()).summary.covers
    await desk.amend(1, text)
    assert (await desk.work()).summary.stale
    assert await desk.compact()
    work = await desk.work()
    assert (work.summary.text, work.summary.stale, work.summary.withheld) == ("Anew.", False, False)
    assert work.summary.covers == covers
    remade = shown_in(model.calls[1])
    assert remade.summary == ""
    assert len(remade.new) == covers - (text is None)
    assert not any("number 0" in said.text for said in remade.new)
    assert (text in [said.text for said in remade.new]) == (text is not None)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_summary_that_went_with_a_deletion_is_made_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once for all that are deleted together, and again for one that comes while it is made."""
    monkeypatch.setattr(background_room, "REBUILD_DELAY", 0.05)
    gate = asyncio.Event()
    model = scripted("Old.", [gate, "Of too much."], reply="New.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    background = BackgroundCompaction(desk.compactor)
    desk.store.on_change(background.changed)
    for number in (1, 2, 3):
        await desk.amend(number, None)
    assert (await desk.work()).summary.text == ""
    await until(lambda: len(model.calls) == 2)
    await desk.amend(4, None)
    await until(lambda: not background._timers)
    gate.set()
    await until(lambda: len(model.calls) == 3)
    await background.jobs.wait()
    work = await desk.work()
    assert (work.summary.text, work.summary.stale) == ("New.", False)
    said = [each.text for each in shown_in(model.calls[2]).new]
    assert not any(f"number {number} " in text for text in said for number in range(4))
    await desk.amend(5, "My friend moved to Rome.")
    await desk.store.erase(THREAD, at=5000.0)
    await asyncio.sleep(0.2)
    await background.jobs.wait()
    assert len(model.calls) == 3


async def test_two_processes_that_hear_of_a_deletion_make_one_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_room, "REBUILD_DELAY", 0.01)
    model = scripted("Old.", reply="New.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    both = [BackgroundCompaction(desk.compactor), BackgroundCompaction(desk.another_process())]
    for each in both:
        desk.store.on_change(each.changed)
    await desk.amend(1, None)
    await until(lambda: not any(each._timers for each in both))
    await asyncio.gather(*(each.jobs.wait() for each in both))
    assert (await desk.work()).summary.text == "New."
    assert len(model.calls) == 2


async def test_what_ends_begins_no_summary_for_a_deletion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_room, "REBUILD_DELAY", 0.01)
    model = scripted("Old.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    background = BackgroundCompaction(desk.compactor)
    desk.store.on_change(background.changed)
    await desk.amend(1, None)
    background.close()
    await desk.amend(2, None)
    await asyncio.sleep(0.1)
    assert not len(background.jobs)
    assert desk.compactor.is_due(await desk.work(), "An answer."), "so the next turn makes it"


async def test_a_stale_summary_is_made_anew_where_nothing_is_folded_any_more() -> None:
    model = scripted("Old.", "Anew.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    await desk.amend(1, None)
    settings = ScopeSettings(strategy="full", reach=1000)
    await desk.store.set_thread(THREAD, Kind.TERMINAL, settings, ttl=10_000)
    assert await desk.compact()
    assert (await desk.work()).summary.text == "Anew."


async def test_where_everything_was_deleted_the_answers_are_forgotten_too() -> None:
    model = scripted("Old.")
    desk = Desk(model)
    await desk.say_many()
    await desk.compact()
    for number in range(1, (await desk.work()).summary.covers + 1):
        await desk.amend(number, None)
    assert await desk.compact()
    assert (await desk.work()).summary.text == NOTHING_LEFT
    assert len(model.calls) == 1


async def test_a_long_conversation_is_summed_up_part_by_part() -> None:
    sums = iter(range(1000))

    def reply(request: ModelRequest) -> str:
        assert sum(tokens(block.text) for block in request.messages[0].blocks) < 700
        return f"Summary {next(sums)}."

    model = ScriptedModel(reply=reply)
    desk = Desk(model, room=500)
    await desk.say_many(450)  # several pages of the log
    assert await desk.compact()
    covers = (await desk.work()).summary.covers
    assert len(model.calls) > 10
    segments = (await desk.work()).summary.segments
    assert [segment.begin for segment in segments] == [0, *(each.end for each in segments[:-1])]
    assert segments[-1].end == covers
    assert all_said(model) == [
        f"My friend number {n} lives in town {n}, far away." for n in range(covers)
    ]
    await desk.amend(3, "Changed.")  # now read from the log
    calls = len(model.calls)
    assert await desk.compact()
    again = [said.text for call in model.calls[calls:] for said in shown_in(call).new]
    assert len(again) <= 4, "nothing is kept of it by now, so a few turns are enough"
    assert "Changed." in again


async def test_a_failure_in_a_later_part_leaves_everything_as_it_was() -> None:
    model = scripted("One.", ModelBusyError("busy"))
    desk = Desk(model, room=500)
    await desk.say_many(60)
    before = await desk.work()
    assert not await desk.compact()
    assert await desk.work() == before


def test_a_turn_larger_than_a_call_is_cut_for_it() -> None:
    long = turn(entry(0, "long " * 5000), entry(1, "short"), answer="also long " * 5000)
    read = partial(transcript, [long], Kind.DM)
    most, size = fitting(long, read, room=500, count=tokens)
    text = read(most=most)
    assert size == tokens(text) <= 500
    assert text.count("<chat_cut/>") == 2
    assert "\nlong long" in text
    assert "\nshort\n</chat_message>" in text
    short = turn(entry(0, "hi"))
    most, size = fitting(short, partial(transcript, [short], Kind.DM), room=500, count=tokens)
    assert (most, size < 100) == (0, True)


async def test_messages_that_wait_are_never_folded() -> None:
    desk = Desk(scripted(reply="Sum."), strategy="summary")
    await desk.say_many(2)
    await desk.store.accept(spoken(3, "waiting " * 500), TERMS)
    assert await desk.compact()
    work = await desk.work()
    assert work.summary.covers == 1
    assert work.head == 2


@pytest.mark.parametrize("strategy", ["hybrid", "summary", "full", "window"])
async def test_it_is_due_exactly_when_there_will_be_something_to_do(strategy: str) -> None:
    desk = Desk(scripted(reply="Sum."), strategy=strategy, marks=Marks(high=300, low=100, keep=1))
    done = []
    for n in range(12):
        work = (await desk.store.accept(spoken(n, "word " * 20), TERMS, f"t{n}")).work
        assert work is not None
        due = desk.compactor.is_due(work, "answer " * 10)
        assert due == desk.compactor.is_due(work, "answer " * 10, size=10_000)
        draft = PendingAnswer(last=n, text="answer " * 10, kind=AnswerKind.ANSWER, cuts=())
        await desk.store.commit(work.lease, work.revision, draft)
        await desk.store.settle(work.lease, Outcome.DONE)
        done.append(await desk.compact())
        assert due == done[-1]
    assert any(done) == (strategy in {"hybrid", "summary"})


async def test_nothing_is_counted_where_as_much_as_there_may_be_is_too_little_to_fold() -> None:
    desk = Desk(scripted(reply="Sum."), marks=Marks(high=300, low=100, keep=1))
    await desk.say_many(30)
    work = await desk.work()
    waiting = replace(work, records=work.records[:-1])
    assert desk.compactor.is_due(waiting, "answer")
    assert desk.compactor.is_due(waiting, "answer", size=299)  # with the answer, it is too much
    assert not desk.compactor.is_due(waiting, "answer", size=200)


async def test_with_nothing_new_it_is_due_by_what_is_there() -> None:
    desk = Desk(scripted(reply="Sum."), strategy="summary")
    await desk.say_many(2)
    work = await desk.work()
    assert isinstance(work.records[-1], Answer)
    assert desk.compactor.is_due(work, "")
