"""For all sequences of folds, edits and deletions: what is gone, what stays, and how much it is."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.summary import LineKind, Segment, dumped
from core.memory.strategies.marks import Marks
from core.models.scripted import ScriptedModel
from tests.desk import Desk
from tests.prompts import shown_in

if TYPE_CHECKING:
    from core.models.port import ModelRequest

ROOM = 220
_WORD = re.compile(r"word\d+x")
ACTIONS = st.lists(
    st.tuples(st.just("say"), st.integers(1, 6))
    | st.tuples(st.sampled_from(["edit", "delete"]), st.integers(1, 40))
    | st.tuples(st.just("fold"), st.integers(0, 1)),
    min_size=5,
    max_size=40,
)


def repeat(request: ModelRequest, pairs: str) -> str:
    """Repeat all that the request shows: every second message as a fact, all as talk.

    `pairs` is the answer to what corrects what.
    """
    said = [each.text for each in shown_in(request).new]
    if not said:
        return pairs
    facts = "\n".join(f"- Fact: {text}" for text in said[::2])
    talk = "\n".join(f"- Talk: {text}" for text in said)
    return f"<chat_lasting>\n{facts}\n</chat_lasting>\n<chat_going_on>\n{talk}\n</chat_going_on>"


class Thread:
    """A thread, and what was said in it."""

    def __init__(self, pairs: str) -> None:
        model = ScriptedModel(reply=lambda request: repeat(request, pairs))
        self.desk = Desk(model, marks=Marks(high=150, low=60), room=90, tokens=ROOM)
        self.corrects = pairs != "none"
        self.words = 0
        self.said: dict[int, str] = {}
        """The word of each message that stands."""
        self.gone: set[str] = set()
        self.outdated: set[str] = set()
        """Words that were replaced, and may stand in the summary until it is made again."""

    def word(self) -> str:
        self.words += 1
        return f"word{self.words}x"

    async def act(self, what: str, number: int) -> None:
        before = await self.segments()
        if what == "say":
            for _ in range(number):
                word = self.word()
                await self.desk.say(f"{word} is on the table, and on the chair.")
                self.said[self.desk.said] = word
        elif what == "fold":
            await self.fold(before)
        elif number in self.said:
            word = self.said.pop(number)
            if what == "edit":
                self.outdated.add(word)
                self.said[number] = self.word()
            else:
                self.gone.add(word)
            text = f"{self.said[number]} is elsewhere." if what == "edit" else None
            self.desk.clock.advance(1)
            await self.desk.store.amend(
                (await self.desk.work()).lease.thread,
                f"m{number}",
                (),
                edited_at=self.desk.clock.now() + 10_000,
                text=text,
            )
        await self.check()

    async def fold(self, before: tuple[Segment, ...]) -> None:
        """Make the summary; no line that lasts goes, unless something corrects it."""
        self.desk.clock.advance(100)
        await self.desk.compact()
        after = await self.segments()
        self.gone |= self.outdated
        self.outdated = set()
        left = {line.text for each in after for line in each.lines}
        for segment in before:
            if segment.stale or segment.withheld or self.corrects:
                continue
            for line in segment.lines:
                if line.kind is LineKind.LASTING and line.corrected_at < 0:
                    assert line.text in left
        work = await self.desk.work()
        assert not work.summary.stale
        assert not work.summary.withheld

    async def segments(self) -> tuple[Segment, ...]:
        if not self.desk.said:
            return ()
        return (await self.desk.work()).summary.segments

    async def check(self) -> None:
        if not self.desk.said:
            return
        work = await self.desk.work()
        segments = work.summary.segments
        stored = dumped(segments)
        assert not self.gone & set(_WORD.findall(stored)), "what is gone is nowhere"
        assert work.summary.text.count("Fact: ") == len(set(re.findall("Fact: .*", stored))) or (
            "~" in stored
        )
        tokens = self.desk.memory.counter.count
        assert tokens(work.summary.text) <= ROOM
        assert len(stored) <= ROOM * 4 + 400
        ends = [each.end for each in segments]
        assert [each.begin for each in segments] == [0, *ends[:-1]][: len(segments)]
        assert work.summary.covers == (ends[-1] if ends else 0)
        lasting = [
            line.text for each in segments for line in each.lines if line.kind is LineKind.LASTING
        ]
        assert sum(tokens(f"- {text}\n") for text in lasting) <= ROOM // 2


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.sampled_from(["none", "none", "2 > 1\n4 > 2", "9 > 3\n9 > 4"]))
def test_what_is_gone_is_nowhere_and_what_lasts_is_there(
    actions: list[tuple[str, int]], pairs: str
) -> None:
    async def run() -> None:
        thread = Thread(pairs)
        for what, number in [("say", 6), ("fold", 0), *actions, ("fold", 0)]:
            await thread.act(what, number)

    asyncio.run(run())
