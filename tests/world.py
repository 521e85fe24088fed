"""A small world for turns: the in-process store, a fake platform, and a worker between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.admission import FollowUp
from core.domain.clock import Backoff, SystemClock
from core.domain.message import Author, Kind, Message, ThreadKey
from core.domain.session import Answer, Entry
from core.intake.intake import Intake, IntakePolicy
from core.memory.compaction import Compactor
from core.memory.memory import Memory
from core.memory.recall.recall import TOKENS
from core.memory.tokens import counter_for
from core.models.retry import RetryPolicy
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.turn.turn import TurnConfig, TurnPipeline
from core.worker.slots import Slots
from core.worker.worker import Worker
from tests import builders
from tests.fakes.platform import FakePlatform

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.delivery.port import Platform
    from core.models.port import Model
    from core.store.port import Store
    from core.store.values import Work

THREAD = ThreadKey("fake", "place", "thread")
DAY = 24 * 3600.0


class NoCompaction(Compactor):
    """A compactor that never has anything to do."""

    def __init__(self) -> None:
        """Need nothing."""

    def is_due(self, work: Work, answer: str, *, size: int = 0) -> bool:
        """Tell that there is nothing to do."""
        return False

    async def compact(self, thread: ThreadKey, *, only_missing: bool = False) -> bool:
        """Do nothing."""
        return False

    def retry_after(self, thread: ThreadKey) -> float | None:
        """Tell that nothing is owed."""
        return None


def message(number: int, text: str = "", *, answer_in: str = "", author: str = "ann") -> Message:
    """Return message `number` of the thread."""
    return builders.message(
        number,
        text or f"question {number}",
        thread=THREAD,
        identities=(f"event{number}", f"ts{number}"),
        author=Author(id=author, name=author.title()),
        answer_in=answer_in,
    )


class World:
    """Everything that a turn needs; several workers may be made on the same store."""

    def __init__(
        self,
        model: Model | None = None,
        *,
        store: Store | None = None,
        model_name: str = "scripted",
        budget: int = 100_000,
        answer_tokens: int = 100,
        deaths: int = 10,
    ) -> None:
        """Start with nothing said."""
        self.model_name = model_name
        self.deaths = deaths
        self.answer_tokens = answer_tokens
        self.recall_tokens = TOKENS
        self.clock = SystemClock()
        self.local = LocalStore(self.clock)
        self.store: Store = store or self.local
        self.platform = FakePlatform()
        self.model = model or ScriptedModel(reply=lambda _: "a fine answer")
        self.memory = Memory(budget=budget, counter=counter_for("x", rank_file=None))

    def worker(
        self,
        *,
        store: Store | None = None,
        platform: Platform | None = None,
        grace: float = 1,
        slots: int = 100,
        per_person: int = 0,
    ) -> Worker:
        """Return a worker of its own on the shared store and platform."""
        store = store or self.store
        config = TurnConfig(
            model=self.model_name,
            system="Be kind.",
            answer_tokens=self.answer_tokens,
            retry=RetryPolicy(attempts=2, backoff=Backoff(first=0.001, cap=1)),
            deaths=self.deaths,
            recall_tokens=self.recall_tokens,
        )
        conversation = TurnPipeline(store, self.model, self.memory, self.clock, config)
        platforms = {"fake": platform or self.platform}
        return Worker(
            store,
            conversation,
            NoCompaction(),
            platforms,
            self.clock,
            slots=Slots(slots, per_person),
            grace_seconds=grace,
        )

    def intake(
        self, worker: Worker, *, store: Store | None = None, waiting_per_person: int = 500
    ) -> Intake:
        """Return the way in that hands work to this worker."""
        policy = IntakePolicy(
            ttl=dict.fromkeys(Kind, 30 * DAY),
            reach=dict.fromkeys(Kind, 1000),
            follow_up=FollowUp.ALWAYS,
            waiting_per_person=waiting_per_person,
        )
        return Intake(store or self.store, worker, policy)

    async def answers(self) -> list[Answer]:
        """Return the recorded answers, in order."""
        return [r for r in await self.store.history(THREAD) if isinstance(r, Answer)]

    async def entries(self) -> list[Entry]:
        """Return the stored messages, in order."""
        return [r for r in await self.store.history(THREAD) if isinstance(r, Entry)]

    def expire_leases(self) -> None:
        """Let every lease of the in-process store run out now."""
        for header in self.local.headers.values():
            if header.token:
                header.lease_until = 0
                header.due_at = 0
        self.local.wake()

    async def expire(self, tokens: set[str] | None = None) -> None:
        """Let every lease run out now, or those that are held by one of these tokens."""
        for header in self.local.headers.values():
            if header.token and (tokens is None or header.token in tokens):
                header.lease_until = header.due_at = 0
        self.local.wake()

    async def hasten(self) -> None:
        """Let nothing that failed wait for its next try."""
        for header in self.local.headers.values():
            if not header.token and header.due_at is not None:
                header.due_at = 0
                self.local.wake()

    async def has_work(self) -> bool:
        """Return whether any thread has work."""
        return any(header.due_at is not None for header in self.local.headers.values())

    async def settled(self) -> None:
        """Wait until no thread has work."""
        await until(lambda: all(h.due_at is None for h in self.local.headers.values()))


async def until(holds: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until something holds; fail when it never does."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.002)
