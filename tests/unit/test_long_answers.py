"""Long answers give way before people's words: from a fold on, old ones are only begun."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.domain.session import AnswerKind
from core.domain.summary import Line, Segment, dumped, loaded, read
from core.memory.plan import plan
from core.memory.strategies.marks import Marks
from core.memory.strategies.registry import strategy_named
from core.models.scripted import ScriptedModel
from core.prompt.prompt import reply_request
from core.prompt.transcript import answer_of
from tests.desk import Desk
from tests.talk import RULER, SCENE, entry, session, turn, turns

if TYPE_CHECKING:
    from core.models.port import ModelRequest

LONG = "An answer of many words. " * 160
TAG = '<chat_cut note="only the start of this long answer is shown by now"/>'
MARKS = Marks(high=8_000, low=2_000)


async def request_of(desk: Desk) -> ModelRequest:
    """Return the request for the next message of a desk's thread."""
    work = await desk.work()
    strategy = strategy_named("hybrid")
    known = await desk.memory.load(desk.store, work, strategy)
    talk = replace(known, batch=(entry(work.next, "And now?"),))
    seen = plan(talk, strategy, budget=100_000, counter=RULER, fixed=0)
    return reply_request(seen, talk, SCENE, system="", model="m", max_tokens=9)


def answers_in(request: ModelRequest) -> list[str]:
    return [message.text for message in request.messages if message.role == "assistant"]


async def test_a_fold_shortens_old_long_answers_and_keeps_what_people_said() -> None:
    desk = Desk(ScriptedModel(reply=lambda _: "Sum."), marks=MARKS)
    while not await desk.compact():
        await desk.say(f"Question {desk.said}?", LONG)
    request = await request_of(desk)
    answers = answers_in(request)
    assert len(answers) > MARKS.keep
    assert [TAG in each for each in answers] == [True] * (len(answers) - 4) + [False] * 4
    assert answers[-1].strip() == LONG.strip()
    assert all(len(each) < 700 for each in answers[:-4])
    people = "".join(message.text for message in request.messages if message.role == "user")
    first = desk.said - len(answers)
    assert all(f"Question {number}?" in people for number in range(first, desk.said))


async def test_between_two_folds_every_answer_reads_the_same() -> None:
    desk = Desk(ScriptedModel(reply=lambda _: "Sum."), marks=MARKS)
    while not await desk.compact():
        await desk.say(f"Question {desk.said}?", LONG)
    before = answers_in(await request_of(desk))
    await desk.say("And?", "Short.")
    assert not await desk.compact()
    assert answers_in(await request_of(desk))[: len(before)] == before


async def test_answers_of_a_usual_length_are_never_shortened() -> None:
    desk = Desk(ScriptedModel(reply=lambda _: "Sum."), marks=Marks(high=2_000, low=500))
    for _ in range(40):
        await desk.say(f"Question {desk.said}?", "Words. " * 150)
        await desk.compact()
    assert (await desk.work()).summary.covers
    assert TAG not in str(await request_of(desk))


def test_what_is_left_counts_with_shortened_answers() -> None:
    ten = turns(*"abcdefghij")
    hybrid = strategy_named("hybrid")
    sizes, least = [1_000] * 10, [200] * 10
    assert hybrid.fold(ten, sizes, MARKS) == 6
    assert hybrid.fold(ten, sizes, MARKS, least) == 1  # at least one, since a fold is due
    assert hybrid.fold(ten, sizes, Marks(high=8_000, low=1_200), least) == 4
    assert hybrid.fold(ten, [800] * 10, MARKS, least) is None


def test_only_the_models_own_long_answers_are_shortened() -> None:
    said = turn(entry(0, "hi"), answer=LONG).answer
    assert answer_of(said) == LONG
    short = answer_of(said, shortened=True)
    assert short.endswith(f"\n{TAG}")
    assert LONG.startswith(short.removesuffix(f"\n{TAG}"))
    brief = replace(said, text="x" * 1_400)
    assert answer_of(brief, shortened=True) == brief.text
    notice = replace(said, kind=AnswerKind.NOTICE)
    assert answer_of(notice, shortened=True) == answer_of(notice)
    unbroken = replace(said, text="字" * 3_000)
    assert answer_of(unbroken, shortened=True) == f"{'字' * 500}\n{TAG}"


@pytest.mark.parametrize("place", [0, 7, 123_456])
def test_the_position_is_stored_with_the_last_segment(place: int) -> None:
    segments = (
        Segment(begin=0, end=3, lines=(Line("Rex is a dog."),)),
        Segment(begin=3, end=5, lines=(Line("^9 is no place."),), shortened_to=place),
    )
    stored = dumped(segments)
    assert loaded(stored) == segments
    summary = read(5, stored, stale=False, withheld=False)
    assert summary.shortened_to == place
    assert "^9 is no place." in summary.text
    assert str(place or "^0") not in summary.text


def test_a_summary_of_an_earlier_version_shortens_nothing() -> None:
    assert read(5, "Rex is a dog.\n^9", stale=False, withheld=False).shortened_to == 0
    assert session(turns("a"), "b").summary.shortened_to == 0
