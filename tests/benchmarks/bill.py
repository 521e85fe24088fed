"""What a conversation costs: 200 turns through the real program, before a fake with Claude's cache.

    python -m tests.benchmarks.bill [CASE …]

prints JSON: for each case the input tokens that were paid for, in per cent of what the same
conversation costs if its full history is sent each time without a cache. The core, its store and
its worker are the program's own, and so is the client of the API; the fake before it follows the
documented rules of the cache (`tests.fakes.claude_cache`), and the clock is moved between turns.

How it is counted: a token is 2.83 bytes. All requests are counted in tokens of plain input of the
model that answers: what is read from the cache at 0.1, what is written to it at 1.25 or, for an
hour, 2; a request for a summary, and the summary itself, by the prices of the model that makes
it. Answers cost the same in both. The full history has the same system prompt, dates and scene, but
no recalled messages, pins or tools.

`0` is with silences of 20 to 200 seconds; in `30`, three in ten are pauses of 6 to 50 minutes, and
one in twenty of these is longer than an hour. With `recall`, four in ten requests have 1,000 tokens
of recalled messages before the scene, and all have 300 tokens of pins behind the summary and a
tool of 250 tokens.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from bots.app import App
from bots.factories import memory_for
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from core.domain.message import Address, Author, Kind, Message, ThreadKey
from core.domain.summary import GOING_ON_TAG, LASTING_TAG
from core.models.catalog import spec_of
from core.models.claude import ClaudeModel
from core.models.port import Block, Model, Purpose
from core.store.local.store import LocalStore
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.claude_cache import Bill, CachedBlock, PromptCache
from tests.fakes.platform import FakePlatform

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from core.models.port import Completion, ModelRequest
    from core.worker.worker import Worker

TURNS = 200
BYTES = 2.83
"""Of a token, as the fake counts."""
THREAD = ThreadKey("fake", "desk", "main")
ANN = Author(id="U1", name="Ann")
WORDS = (
    *(
        "river",
        "garden",
        "lantern",
        "quiet",
        "market",
        "bridge",
        "copper",
    ),
    *(
        "window",
        "autumn",
        "letter",
        "basket",
        "harbour",
        "silver",
        "mountain",
    ),
    *(
        "orchard",
        "pocket",
        "velvet",
        "thunder",
        "meadow",
        "cinnamon",
        "kettle",
    ),
    *(
        "ribbon",
        "feather",
        "island",
        "compass",
        "blanket",
        "whistle",
        "marble",
    ),
    *(
        "candle",
        "thicket",
        "saddle",
        "pepper",
        "cottage",
        "hammer",
        "violet",
    ),
    *(
        "anchor",
        "puzzle",
    ),
)
MODEL, SUMMARIES = "claude-sonnet-5-5", "claude-haiku-5-5"
BYTES_PER_WORD = 5.7
"""Of English words, with the space behind them."""
ASKED = re.compile(r"in at most (\d+) words")


Json: TypeAlias = dict[str, Any]


class Talks(NamedTuple):
    """How much is said, in tokens: at least, at most."""

    asked: tuple[int, int]
    answered: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One conversation."""

    talks: Talks
    cold: float = 0.0
    """The share of turns after a pause."""
    recall: bool = False
    minimum: int = 1_024
    memory: str = "hybrid"


USUAL = Talks((60, 120), (150, 300))
SHORT = Talks((12, 35), (30, 80))
LONG = Talks((60, 120), (1_000, 1_000))
LENGTHS = {"usual": USUAL, "short": SHORT, "long": LONG}
CASES = {
    **{
        f"{name} {cold}": Case(talks=LENGTHS[name], cold=cold / 100)
        for name, cold in product(LENGTHS, (0, 30))
    },
    "usual 0 recall": Case(talks=USUAL, recall=True),
    "usual 30 recall": Case(talks=USUAL, cold=0.3, recall=True),
    "usual 0 minimum 4096": Case(talks=USUAL, minimum=4_096),
    "usual 30 minimum 4096": Case(talks=USUAL, cold=0.3, minimum=4_096),
    "usual 0 window": Case(talks=USUAL, memory="window"),
    "usual 0 full": Case(talks=USUAL, memory="full"),
}


class MovedClock(SystemClock):
    """The machine's clock, and what it was moved on by."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Added(Model):
    """Puts into requests what recall, pins and a tool take in them."""

    name = "Claude"
    has_tools = False

    def __init__(self, model: Model, dice: random.Random) -> None:
        self._model = model
        self._dice = dice
        self._tool = Block(text=words(dice, 250))
        self._pins = Block(text=words(dice, 300))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        if request.purpose is Purpose.REPLY:
            request = self._with_all(request)
        async for item in self._model.stream(request):
            yield item

    def _with_all(self, request: ModelRequest) -> ModelRequest:
        first, *_ = request.messages
        ends = [n for n, block in enumerate(first.blocks, 1) if "</chat_summary>" in block.text]
        at = ends[0] if ends else 0
        blocks = (*first.blocks[:at], self._pins, *first.blocks[at:])
        messages = [first._replace(blocks=blocks), *request.messages[1:]]
        if self._dice.random() < 0.4:
            *new, scene = messages[-1].blocks
            recalled = Block(text=words(self._dice, 1_000))
            messages[-1] = messages[-1]._replace(blocks=(*new, recalled, scene))
        return replace(request, system=(self._tool, *request.system), messages=tuple(messages))

    async def count(self, request: ModelRequest) -> int | None:
        return await self._model.count(request)

    async def close(self) -> None:
        await self._model.close()


def summary(dice: random.Random, body: Json) -> str:
    """Return all that a summary may have; of notes, that none corrects another."""
    asked = ASKED.search(body["messages"][-1]["content"][-1]["text"])
    if asked is None:
        return "none"
    tokens = int(int(asked[1]) * BYTES_PER_WORD / BYTES)
    halves = [words(dice, tokens // 2).split() for _ in range(2)]
    lists = [
        "\n".join(f"- {' '.join(half[n : n + 12])}" for n in range(0, len(half), 12))
        for half in halves
    ]
    return (
        f"<{LASTING_TAG}>\n{lists[0]}\n</{LASTING_TAG}>\n"
        f"<{GOING_ON_TAG}>\n{lists[1]}\n</{GOING_ON_TAG}>"
    )


def words(dice: random.Random, tokens: int) -> str:
    """Return words of so many tokens."""
    size, text = int(tokens * BYTES), ""
    while len(text) < size:
        text += f"{dice.choice(WORDS)} "
    return text[:size].strip() or "x"


class Meter(PromptCache):
    """The cache, and the bills of all requests."""

    def __init__(self, clock: MovedClock, minimum: int) -> None:
        super().__init__(minimum=minimum, now=clock.monotonic)
        self.bills: list[Bill] = []

    def bill(self, model: str, blocks: Sequence[CachedBlock]) -> Bill:
        self.bills.append(super().bill(model, blocks))
        return self.bills[-1]


@dataclass
class Conversation:
    """A conversation with the program."""

    case: Case
    dice: random.Random
    clock: MovedClock = field(default_factory=MovedClock)
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    """What the model said, answers and summaries."""

    async def hold(self, app: App, store: LocalStore, worker: Worker) -> None:
        """Say something, wait for the answer and for a summary, let time pass; 200 times."""
        intake = app.intake(worker)
        for number in range(TURNS):
            await intake.take(self._message(number))
            jobs = worker._compaction.jobs
            while len(jobs) or any(each.due_at is not None for each in store.headers.values()):
                await asyncio.sleep(0.001)
            self.clock.ahead += self._silence()

    def _message(self, number: int) -> Message:
        self.asked.append(words(self.dice, self.dice.randint(*self.case.talks.asked)))
        return Message(
            thread=THREAD,
            kind=Kind.DM,
            id=f"m{number}",
            identities=(f"m{number}",),
            author=ANN,
            text=self.asked[-1],
            sent_at=self.clock.now(),
            address=Address.DIRECT,
        )

    def _silence(self) -> float:
        if self.dice.random() >= self.case.cold:
            return self.dice.uniform(20, 200)
        is_long = self.dice.random() < 1 / 20
        return self.dice.uniform(3_700, 4 * 3_600) if is_long else self.dice.uniform(360, 3_000)

    def answer(self, body: dict[str, Any]) -> Talk:
        """Answer as the case says."""
        if body["model"] == SUMMARIES:
            self.answered.append(summary(self.dice, body))
        else:
            self.answered.append(words(self.dice, self.dice.randint(*self.case.talks.answered)))
        return Talk(self.answered[-1])


@dataclass
class Costs:
    """What a conversation cost, in tokens of plain input of the model that answers."""

    answers: float = 0.0
    summaries: float = 0.0
    full: float = 0.0
    """What it costs with the full history and without a cache."""
    shown: list[int] = field(default_factory=list)
    """How many turns each request showed word for word."""

    def figures(self) -> dict[str, float]:
        """Return what is printed."""
        paid = self.answers + self.summaries
        return {
            "percent": round(100 * paid / self.full, 2),
            "summaries_percent_of_it": round(100 * self.summaries / paid, 1),
            "turns_shown_mean": round(sum(self.shown) / len(self.shown), 1),
            "turns_shown_min": min(self.shown[20:]),
            "paid": round(paid),
            "full": round(self.full),
        }


def costs_of(talk: Conversation, requests: Sequence[Json], bills: Sequence[Bill]) -> Costs:
    """Return what the requests of a conversation cost, and would cost."""
    costs, history = Costs(), 0
    asked = iter(talk.asked)
    price, own = spec_of(MODEL).price, spec_of(SUMMARIES).price
    for body, bill, answer in zip(requests, bills, talk.answered, strict=True):
        if body["model"] == SUMMARIES:
            dollars = bill.tokens * own.input + tokens_of(answer) * own.output
            costs.summaries += dollars / price.input
            continue
        text = next(asked)
        new = body["messages"][-1]["content"]
        said = next(part["text"] for part in new if part["text"].endswith(text))
        system, scene = body["system"][-1]["text"], new[-1]["text"]
        costs.answers += bill.cost
        costs.full += sum(map(tokens_of, (system, said, scene))) + history
        costs.shown.append(len(body["messages"]) // 2)
        history += tokens_of(said) + tokens_of(answer)
    return costs


def tokens_of(text: str) -> int:
    """Return the tokens of a text as the fake counts them."""
    return round(len(text.encode()) / BYTES)


async def nameless(thread: ThreadKey) -> str:
    """Return no name: a direct message has none of its own."""
    del thread
    return ""


async def held(case: Case, seed: int = 1) -> Costs:
    """Hold a conversation, and return what it cost."""
    talk = Conversation(case, random.Random(seed))
    given: Json = {"memory": case.memory, "timezone": "Europe/Vienna", "ANTHROPIC_API_KEY": KEY}
    settings = Settings(recall_tokens=0, **given)  # what is recalled is given by the case
    store = LocalStore(talk.clock, lease_seconds=settings.lease_seconds)
    app = App(settings=settings, clock=talk.clock, store=store, memory=memory_for(settings))
    async with FakeClaude(talk.answer) as claude:
        claude.cache = meter = Meter(talk.clock, case.minimum)
        model: Model = ClaudeModel(claude.key, base_url=claude.url)
        if case.recall:
            model = Added(model, random.Random(seed))
        platform = FakePlatform(previews=False)
        platform.place_of = nameless  # type: ignore[method-assign]
        async with app.worker(model, {"fake": platform}) as worker:
            await talk.hold(app, store, worker)
        await model.close()
        return costs_of(talk, claude.requests, meter.bills)


def main() -> None:
    """Hold the conversations that are named, or all of them."""
    figures = {name: asyncio.run(held(CASES[name])).figures() for name in sys.argv[1:] or CASES}
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
