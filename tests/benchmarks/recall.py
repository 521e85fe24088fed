"""How much of what a question needs is in the request: recall, beside others' search.

    python -m tests.benchmarks.recall [--data FILE] [--budgets 500,1000] [--json]

prints JSON; a table goes to stderr. Each conversation is told to the program itself, message by
message; then each question is asked, and the request that the model gets is searched for the
messages that answer it. `whole`: the share of them that stand in it word for word; `passage`: the
share of which at least one passage does. Both are means over questions.

The budgets are characters / 4 of what is quoted (who and when not counted); `recall_tokens` is set
to each. The window of the default strategy is in the request as well, and `window` says what
it shows without recall. The others get the same budget and window: `last` shows more of the
last messages, `rank_bm25` and `bm25s` are used as their documentation shows, on whole messages and
lower-case words.

`--data FILE` takes conversations as JSON lines instead of those in `recall_sets`:
`{"conversation", "turns": [{"id", "speaker", "at", "text"}], "questions": [{"text", "evidence":
[id]}]}`. `speaker` is `assistant` for the bot's answers; in talk without one, each message counts
as said to the bot and answered by `-`. `at` is a time in seconds since 1970, in ISO 8601, or in one
of `FORMS`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import bm25s
from rank_bm25 import BM25Okapi

from core.domain.admission import FollowUp
from core.domain.message import Address, Author, Kind, Message, ThreadKey
from core.domain.session import AnswerKind
from core.intake.intake import Intake, IntakePolicy
from core.memory.compaction import Compactor
from core.memory.memory import Memory
from core.memory.recall.words import passages_of
from core.memory.summarizer import SummaryConfig
from core.memory.tokens import FRAME, TokenCounter
from core.models.scripted import ScriptedModel
from core.prompt.tags import quoted
from core.store.local.store import LocalStore
from core.store.values import Outcome, PendingAnswer
from core.turn.turn import TurnConfig, TurnPipeline
from core.worker.worker import Worker
from tests.benchmarks.recall_sets import (
    ASSISTANT,
    LANGUAGES,
    Question,
    Said,
    Talk,
    assistant_talk,
    people_talk,
)
from tests.builders import terms
from tests.clocks import ManualClock
from tests.fakes.platform import FakePlatform
from tests.world import NoCompaction, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.models.port import ModelRequest

BUDGETS = (500, 1000, 2000, 4000)
EACH = 4
"""Conversations in each language, in each set."""
THREAD = ThreadKey("fake", "place", "thread")
PER_TOKEN = 4
FOREVER = 1e12
WAY = re.compile(r"\w+")
FORMS = (
    "%I:%M %p on %d %B, %Y",
    "%B-%d-%Y",
    "%d %B %Y",
    "%d %B, %Y",
    "%B %d, %Y",
    "%Y/%m/%d %H:%M",
)
"""Forms of dates that data sets have beside ISO 8601."""
WHOLE_WINDOW = 1000
"""Tokens below which the default strategy never folds, whatever the turns are like."""


def main() -> None:
    """Print what is found of each set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)))
    given = parser.parse_args()
    budgets = tuple(map(int, given.budgets.split(",")))
    sets = {given.data.name: read(given.data)} if given.data else made()
    found = {name: asyncio.run(measure(talks, budgets)) for name, talks in sets.items()}
    for name, figures in found.items():
        print(table(name, figures, budgets), file=sys.stderr)  # noqa: T201 - for people
    print(json.dumps(found, indent=1))  # noqa: T201 - for programs


def made() -> dict[str, list[Talk]]:
    return {
        name: [make(language, n) for language in LANGUAGES for n in range(EACH)]
        for name, make in (("people", people_talk), ("assistant", assistant_talk))
    }


def read(path: Path) -> list[Talk]:
    """Return the conversations in a file."""
    talks = []
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            found = json.loads(line)
            turns = [Said(str(t["id"]), t["speaker"], 0, t["text"]) for t in found["turns"]]
            times = _times([each.get("at") for each in found["turns"]])
            talks.append(
                Talk(
                    str(found["conversation"]),
                    tuple(replace(t, at=at) for t, at in zip(turns, times, strict=True)),
                    tuple(
                        Question(each["text"], tuple(map(str, each["evidence"])))
                        for each in found["questions"]
                    ),
                )
            )
    return talks


def _times(given: Sequence[str | float | None]) -> list[float]:
    """Return times in seconds that grow from message to message, as a log's do."""
    times: list[float] = []
    for at in given:
        seconds = _seconds(at) if isinstance(at, str) else float(at or 0)
        times.append(max(seconds, times[-1] + 1e-3 if times else 1.0))
    return times


def _seconds(text: str) -> float:
    """Return a time in one of the forms that data sets have; 0 for any other."""
    with contextlib.suppress(ValueError):
        return float(text)
    moments: list[datetime] = []
    with contextlib.suppress(ValueError):
        moments.append(datetime.fromisoformat(text))
    for form in FORMS:
        with contextlib.suppress(ValueError):
            moments.append(datetime.strptime(text.strip(), form).replace(tzinfo=UTC))
    if not moments:
        return 0.0
    return (moments[0] if moments[0].tzinfo else moments[0].replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class Unit:
    """A message as the program keeps it: where it is in the log, and what it says."""

    position: int
    text: str

    def is_in(self, request: str, *, whole: bool) -> bool:
        if whole:
            return quoted(self.text.strip()) in request
        parts = [self.text[a:b] for a, b in passages_of(self.text)]
        return any(quoted(part.strip()) in request for part in parts if part.strip())


class Told:
    """A conversation that the program has been told, and can be asked about again and again."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.clock = ManualClock(0.0)
        self.store = LocalStore(self.clock)
        measured = TokenCounter(
            unit="characters / 4", measure=lambda text: len(text) / PER_TOKEN, start=1.0
        )
        self.memory = Memory(budget=180_000, counter=measured)
        self.units: dict[str, Unit] = {}
        self.model = ScriptedModel(reply=lambda _: "-")

    async def tell(self) -> None:
        """Store all turns, and fold them as the program does."""
        summaries = SummaryConfig(model="scripted", tokens=1000)
        compactor = Compactor(
            self.store, self.model, self.model, self.memory, self.clock, summaries
        )
        unfolded = 0
        for people, answer in self._exchanges():
            for said in people:
                await self._hear(said)
            await self._answer(answer)
            unfolded += sum(len(each.text) for each in (*people, answer)) // PER_TOKEN
            unfolded += 2 * FRAME
            if unfolded > WHOLE_WINDOW and await compactor.compact(THREAD):
                unfolded = 0

    def _exchanges(self) -> Iterable[tuple[list[Said], Said]]:
        """Yield what people said, and the answer to it."""
        turns = self.talk.turns
        if not any(each.speaker == ASSISTANT for each in turns):
            for said in turns:
                yield [said], replace(said, id="", speaker=ASSISTANT, text="-")
            return
        people: list[Said] = []
        answers: list[Said] = []
        for said, following in zip(turns, [*turns[1:], None], strict=True):
            (answers if said.speaker == ASSISTANT else people).append(said)
            if answers and (following is None or following.speaker != ASSISTANT):
                first = people or [replace(answers[0], id="", speaker="user", text="-")]
                text = "\n\n".join(each.text for each in answers)
                yield first, replace(answers[-1], text=text)
                position = self.units[first[-1].id].position if first[-1].id else self.position
                for each in answers:
                    self.units[each.id] = Unit(position, each.text)
                people, answers = [], []
        if people:
            yield people, replace(people[-1], id="", speaker=ASSISTANT, text="-")

    position = -1
    asked = 0

    async def _hear(self, said: Said) -> None:
        self.clock.advance(max(0.0, said.at - self.clock.now()))
        self.position += 1
        self.units[said.id] = Unit(self.position, said.text)
        await self.store.accept(_message(f"n{self.position}", said), terms(ttl=FOREVER))

    async def _answer(self, said: Said) -> None:
        self.clock.advance(max(0.0, said.at - self.clock.now()))
        work = await self.store.claim(THREAD, "token")
        assert work is not None
        draft = PendingAnswer(
            last=work.next - 1, text=said.text, kind=AnswerKind.ANSWER, cuts=(),
            seen_from=max(work.summary.covers, work.reset_position),
        )  # fmt: skip
        await self.store.commit(work.lease, work.revision, draft)
        await self.store.settle(work.lease, Outcome.DONE)

    async def requests(self, tokens: int) -> list[tuple[ModelRequest, frozenset[int], int]]:
        """Ask each question; return the request, the positions recalled, and where turns begin."""
        config = TurnConfig(model="scripted", system="", answer_tokens=4096, recall_tokens=tokens)
        pipeline = TurnPipeline(self.store, self.model, self.memory, self.clock, config)
        worker = Worker(self.store, pipeline, NoCompaction(), {"fake": FakePlatform()}, self.clock)
        days = dict.fromkeys(Kind, FOREVER)
        reach = dict.fromkeys(Kind, 1_000_000)
        intake = Intake(
            self.store, worker, IntakePolicy(ttl=days, reach=reach, follow_up=FollowUp.ALWAYS)
        )
        found = []
        async with worker:
            if tokens:
                await pipeline.recall.indexes.get(THREAD, wait=600)
            key = str(THREAD)
            header, log = self.store.headers[key].copy(), dict(self.store.logs[key])
            ids = dict(self.store.ids[key])
            for question in self.talk.questions:
                said = Said("", "Questioner", self.clock.now(), question.text)
                self.asked += 1
                await intake.take(_message(f"q{self.asked}", said))
                await until(lambda: self.store.headers[key].due_at is None)
                answer = self.store.logs[key][max(self.store.logs[key])]
                seen = self.store.headers[key].seen_from
                recalled = frozenset(getattr(answer, "recalled", ()))
                found.append((self.model.calls[-1], recalled, seen))
                self.store.headers[key] = header.copy()
                self.store.logs[key] = dict(log)
                self.store.ids[key] = dict(ids)
        return found

    def shown(
        self, tokens: int, asked: Sequence[tuple[ModelRequest, frozenset[int], int]]
    ) -> Found:
        """Return what of the evidence stands in the requests."""
        whole, passage = [], []
        for question, (request, recalled, seen) in zip(self.talk.questions, asked, strict=True):
            units = [self.units[each] for each in question.evidence if each in self.units]
            text = "\n".join(each.text for each in request.messages)
            there = [each for each in units if each.position in recalled or each.position >= seen]
            whole.append(_share(units, [u for u in there if u.is_in(text, whole=True)]))
            passage.append(_share(units, [u for u in there if u.is_in(text, whole=False)]))
        return whole, passage

    def by_others(self, tokens: int, seen: int) -> dict[str, Found]:
        """Return what others show of the evidence, with the window from `seen` on."""
        known = [unit for unit in self.units.values() if unit.text != "-"]
        old = [unit for unit in known if unit.position < seen]
        if not old:
            return {}
        words = [WAY.findall(unit.text.lower()) or ["-"] for unit in old]
        okapi, ranker = BM25Okapi(words), bm25s.BM25()
        ranker.index(
            bm25s.tokenize([u.text for u in old], show_progress=False), show_progress=False
        )

        def by_okapi(query: str) -> list[Unit]:
            scores = okapi.get_scores(WAY.findall(query.lower()))
            return [old[n] for n in sorted(range(len(old)), key=lambda n: -scores[n])]

        def by_bm25s(query: str) -> list[Unit]:
            tokens = bm25s.tokenize([query], show_progress=False)
            found, _ = ranker.retrieve(tokens, k=len(old), show_progress=False)
            return [old[int(n)] for n in found[0]]

        rankers: dict[str, Callable[[str], list[Unit]]] = {
            "last": lambda _: old[::-1], "rank_bm25": by_okapi, "bm25s": by_bm25s,
        }  # fmt: skip
        return {name: self._by(rank, tokens, seen) for name, rank in rankers.items()}

    def _by(self, rank: Callable[[str], list[Unit]], tokens: int, seen: int) -> Found:
        whole, passage = [], []
        for question in self.talk.questions:
            units = [self.units[each] for each in question.evidence if each in self.units]
            left, kept, cut = tokens * PER_TOKEN, [], []
            for unit in rank(question.text):
                if len(unit.text) <= left:
                    kept.append(unit)
                elif left > 0:
                    cut.append(replace(unit, text=unit.text[:left]))
                left -= len(unit.text)
                if left <= 0:
                    break
            there = {unit.position for unit in kept}
            partly = there | {unit.position for unit in cut}
            whole.append(
                _share(units, [u for u in units if u.position in there or u.position >= seen])
            )
            passage.append(
                _share(units, [u for u in units if u.position in partly or u.position >= seen])
            )
        return whole, passage


Found = tuple[list[float], list[float]]


def _share(units: Sequence[Unit], there: Sequence[Unit]) -> float:
    return len(there) / len(units) if units else 1.0


def _message(name: str, said: Said) -> Message:
    return Message(
        thread=THREAD,
        kind=Kind.THREAD,
        id=name,
        identities=(name,),
        author=Author(id=f"id-{said.speaker}", name=said.speaker),
        text=said.text,
        sent_at=said.at,
        address=Address.MENTIONED,
    )


async def measure(talks: Sequence[Talk], budgets: Sequence[int]) -> dict[str, Any]:
    """Return the figures of a set: by who searches, then by budget."""
    found: dict[str, dict[int, Found]] = {}

    def add(name: str, budget: int, more: Found) -> None:
        kept = found.setdefault(name, {}).setdefault(budget, ([], []))
        kept[0].extend(more[0])
        kept[1].extend(more[1])

    for talk in talks:
        told = Told(talk)
        await told.tell()
        asked = await told.requests(0)
        add("window", 0, told.shown(0, asked))
        seen = asked[0][2]
        for budget in budgets:
            add("recall", budget, told.shown(budget, await told.requests(budget)))
            for name, more in told.by_others(budget, seen).items():
                add(name, budget, more)
        print(".", end="", file=sys.stderr, flush=True)  # noqa: T201 - it takes minutes
    figures = {
        name: {
            budget: {"whole": _percent(whole), "passage": _percent(passage)}
            for budget, (whole, passage) in by_budget.items()
        }
        for name, by_budget in found.items()
    }
    questions = sum(len(talk.questions) for talk in talks)
    return {"conversations": len(talks), "questions": questions, "shown": figures}


def _percent(shares: Sequence[float]) -> float:
    return round(100 * mean(shares), 1) if shares else 0.0


def table(name: str, figures: dict[str, Any], budgets: Sequence[int]) -> str:
    """Return the figures of a set as Markdown: whole messages / a passage of them, in percent."""
    lines = [
        f"\n{name}: {figures['conversations']} conversations, {figures['questions']} questions",
        "| | " + " | ".join(map(str, budgets)) + " |",
        "|---|" + "---|" * len(budgets),
    ]
    for who, shown in figures["shown"].items():
        cells = [shown.get(budget, shown.get(0)) for budget in budgets]
        told = [f"{each['whole']:.1f} / {each['passage']:.1f}" for each in cells if each]
        lines.append(f"| {who} | " + " | ".join(told) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
