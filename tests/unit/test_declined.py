"""Answers that the model declines, and requests that its API refuses for a moment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import ModelRefusedError, PromptRefusedError
from core.domain.message import Author, Kind
from core.domain.session import (
    DECLINED,
    REFUSED,
    Answer,
    AnswerKind,
    Entry,
    Usage,
    turns_of,
    without_declined,
)
from core.models.port import Completion, StopReason
from core.models.scripted import ScriptedModel
from core.prompt.transcript import answer_of, transcript
from tests.world import THREAD, World, message

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from core.models.scripted import Script

USED = Usage(input=7, output=3)
NO = Completion(stop=StopReason.REFUSAL, usage=USED)
HALF: Script = ["First you take", NO]
ERRORS = [PromptRefusedError("can't take this")]


ENTRY = Entry(position=0, id="1", author=Author(id="ann", name="Ann"), text="Hi", sent_at=1)
ANSWER = Answer(position=0, turn="t", token="t", kind=AnswerKind.ANSWER, text="First", sent_at=1)


async def told(*scripts: Script) -> tuple[World, ScriptedModel]:
    """Say as many things as there are scripts, one after the other; "fine" is what comes later."""
    model = ScriptedModel(*scripts, reply=lambda _: "fine")
    world = World(model)
    async with world.worker() as worker:
        for number in range(3):
            await world.intake(worker).take(message(number, f"question {number}"))
            await world.settled()
    return world, model


def said(request: ModelRequest) -> str:
    return "\n".join(each.text for each in request.messages)


async def test_an_answer_that_the_model_declines_to_finish_is_shown_with_a_note() -> None:
    world, model = await told(HALF)
    first, *_ = await world.answers()
    assert (first.kind, first.text, first.notes) == (
        AnswerKind.ANSWER,
        "First you take",
        (DECLINED,),
    )
    assert "First you take" in world.platform.texts()[0]
    for later in model.calls[1:]:
        assert "First you take" not in said(later)
        assert f"<chat_notice>\n{DECLINED}\n</chat_notice>" in said(later)


async def test_a_declined_answer_is_in_no_summary() -> None:
    world, _ = await told(HALF)
    (turn, *_), _ = turns_of(await world.store.history(THREAD))
    text = transcript([turn], Kind.TERMINAL)
    assert "First you take" not in text
    assert f"<chat_notice>\n{DECLINED}\n</chat_notice>" in text


def test_a_note_of_an_older_version_is_known() -> None:
    old = replace(ANSWER, notes=("The model declined to continue here.",))
    (turn,), _ = turns_of([ENTRY, old])
    assert answer_of(turn.answer) == f"<chat_notice>\n{DECLINED}\n</chat_notice>"


async def test_what_was_declined_before_declines_nothing_later() -> None:
    world, model = await told(HALF, [NO], "fine after all")
    first, second, _ = await world.answers()
    assert second.kind is AnswerKind.ANSWER
    assert second.text == "fine after all"
    assert second.usage == USED  # the declined call is paid for as well
    assert "question 0" in said(model.calls[1])
    assert "question 0" not in said(model.calls[2])
    assert "question 1" in said(model.calls[2])
    assert "question 0" in said(model.calls[3])  # only while the model declines
    assert first.text == "First you take"


async def test_a_declined_message_is_said_once_and_asked_twice_at_most() -> None:
    world, model = await told([NO], [NO], [NO])
    answers = await world.answers()
    assert [each.text for each in answers] == [REFUSED, REFUSED, "fine"]
    assert len(model.calls) == 4


def test_turns_that_were_answered_stay_as_they_are() -> None:
    turns, _ = turns_of([ENTRY, ANSWER])
    assert without_declined(turns) == turns


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_refusal_that_passes_changes_nothing_that_is_kept(refusals: int) -> None:
    world, model = await told("fine", *ERRORS * refusals)
    assert [each.text for each in await world.answers()] == ["fine"] * 3
    kept = world.memory.limits.thread_units(THREAD, now=world.clock.monotonic())
    if refusals == 1:
        assert kept is None
        assert model.calls[1] == model.calls[2]
        assert "question 0" in said(model.calls[3])
    else:  # the request itself is at fault, so the next ones are shorter
        assert kept is not None


async def test_a_refused_account_is_asked_once() -> None:
    world, model = await told(ModelRefusedError("wrong key"))
    assert [each.kind for each in await world.answers()] == [
        AnswerKind.NOTICE,
        AnswerKind.ANSWER,
        AnswerKind.ANSWER,
    ]
    assert len(model.calls) == 3
