"""What a model writes without the lists that it was asked for: a summary, or a reply to the talk.

Both sorts are of our own making, after what small models answer to the prompt for summaries, with
and without their words for "I" and "you".
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.memory.replies import answers
from core.models.port import Completion, StopReason
from core.models.scripted import ScriptedModel
from core.prompt.summary import lines_in
from tests.desk import Desk
from tests.talk import entry, turn

if TYPE_CHECKING:
    from core.domain.session import Turn
    from core.models.scripted import Script

_FILE = Path(__file__).with_name("replies.txt")
TALKS: dict[str, list[tuple[str, str, str]]] = {}
"""Who said what, and what was answered."""
REPLIES: list[tuple[str, str]] = []
SUMMARIES: list[tuple[str, str]] = []
BARE: list[tuple[str, str]] = []
"""The talk, and what a model wrote of it; those without a word of the talk tell nothing."""
_KINDS = {"-": REPLIES, "+": SUMMARIES, "~": BARE}
_talk = ""
for _line in _FILE.read_text(encoding="utf-8").splitlines():
    _sign, _, _text = _line.partition(" ")
    if _line.startswith("["):
        _talk = _line.strip("[]")
        TALKS[_talk] = []
    elif _sign == "?":
        _who, _, _rest = _text.partition(": ")
        _said, _, _answer = _rest.partition(" | ")
        TALKS[_talk].append((_who, _said, _answer))
    elif _sign in _KINDS:
        _KINDS[_sign].append((_talk, _text.replace("\\n", "\n")))


def test_the_file_was_read() -> None:
    assert (len(TALKS), len(REPLIES), len(SUMMARIES)) == (9, 30, 32)


def turns(name: str) -> tuple[Turn, ...]:
    return tuple(
        turn(entry(place, said, who), answer=answer)
        for place, (who, said, answer) in enumerate(TALKS[name])
    )


@pytest.mark.parametrize(("talk", "text"), REPLIES)
def test_a_reply_is_no_summary(talk: str, text: str) -> None:
    assert lines_in(text, partial(answers, turns=turns(talk))) is None


@pytest.mark.parametrize(("talk", "text"), SUMMARIES)
def test_a_summary_without_lists_is_one(talk: str, text: str) -> None:
    assert lines_in(text, partial(answers, turns=turns(talk)))


@pytest.mark.parametrize(("talk", "text"), [*BARE, ("paris", "Sum.")])
def test_without_a_word_of_the_talk_a_text_is_taken_for_a_summary(talk: str, text: str) -> None:
    assert lines_in(text, partial(answers, turns=turns(talk))) is not None


@pytest.mark.parametrize("text", ["-", "None.", "(none)", "n/a"])
def test_that_there_is_nothing_to_keep_is_a_summary(text: str) -> None:
    assert [lines_in(text, partial(answers, turns=turns(talk))) for talk in TALKS] == [()] * 9


@pytest.mark.parametrize(("talk", "text"), REPLIES)
def test_a_reply_beside_the_lists_is_no_part_of_them(talk: str, text: str) -> None:
    lists = "<chat_lasting>\n- Nuts.\n</chat_lasting>\n<chat_going_on>\n</chat_going_on>"
    is_reply = partial(answers, turns=turns(talk))
    thoughts = text.rpartition("</think>")[2]  # they come first
    for answer in (f"{text}\n{lists}", f"{lists}\n{thoughts}"):
        assert [line.text for line in lines_in(answer, is_reply) or ()] == ["Nuts."]


@pytest.mark.parametrize(("talk", "text"), SUMMARIES)
def test_in_the_lists_everything_counts(talk: str, text: str) -> None:
    plain = text.rpartition("</think>")[2]
    lists = f"<chat_lasting>\n{plain}\n</chat_lasting>\n<chat_going_on>\n</chat_going_on>"
    assert lines_in(lists, partial(answers, turns=turns(talk)))


def test_nothing_is_a_reply_where_nobody_asked() -> None:
    assert not answers("The gist.", (turn(entry(0, "The train was late.")),))


@pytest.mark.parametrize(
    "answer",
    [
        "The capital of France is Paris.",
        "## What lasts\n\n## What was going on",
        ["<chat_lasting>\n- Ann can", Completion(stop=StopReason.LENGTH)],
    ],
)
async def test_the_turns_stay_until_a_summary_comes(answer: Script) -> None:
    desk = Desk(ScriptedModel(answer))
    await desk.say("I'm allergic to peanuts. What is the capital of France?", "One moment.")
    await desk.say_many()
    assert not await desk.compact()
    assert not (await desk.work()).summary.covers
