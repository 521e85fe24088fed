"""The composition root: builds the store, memory, commands, worker and intake from settings."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from bots.factories import (
    LazyOfflineModel,
    answer_tokens,
    guessed,
    memory_for,
    model_name,
    model_names,
    system_prompt,
    usual_words,
)
from bots.settings.settings import HOUR, OFFLINE
from core.commands.commands import Commands
from core.domain.clock import SystemClock
from core.domain.message import Kind
from core.intake.intake import Intake, IntakePolicy
from core.memory.compaction import Compactor
from core.memory.recall.recall import Recall
from core.memory.summarizer import SummaryConfig
from core.models.catalog import retirement
from core.store.migration.migrate import refuse_unfinished
from core.store.urls import open_store
from core.turn.turn import TurnConfig, TurnPipeline
from core.worker.slots import Slots
from core.worker.worker import Worker

if TYPE_CHECKING:
    from types import TracebackType

    from bots.settings.settings import Settings
    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.memory.memory import Memory
    from core.models.port import Model
    from core.store.port import Store

_NO_KEY = (
    "No ANTHROPIC_API_KEY is set, so the offline model answers. It is not a language model and "
    "only finds what was said. To talk to Claude, set the key in the environment or in .env."
)
_OFFLINE = "The offline model answers, as CHATBOT_MODEL asks. It is not a language model."


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts that every command of the program needs."""

    settings: Settings
    clock: Clock
    store: Store
    memory: Memory
    recall: Recall = field(init=False)
    """Finds earlier messages, for turns and for commands: they share its indexes."""

    def __post_init__(self) -> None:
        """Create what is made of the other parts."""
        tokens = self.settings.recall_tokens
        recall = Recall(self.store, self.memory, self.clock, tokens=tokens)
        object.__setattr__(self, "recall", recall)

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Open the store and create the rest.

        Raises `StoreRefusedError` or `StoreUnavailableError` if the store can't be opened.
        """
        clock = SystemClock()
        store = await open_store(
            settings.store.get_secret_value(), clock=clock, lease_seconds=settings.lease_seconds
        )
        try:
            await refuse_unfinished(store, "CHATBOT_STORE")
        except BaseException:
            await store.close()
            raise
        return cls(settings=settings, clock=clock, store=store, memory=memory_for(settings))

    async def __aenter__(self) -> Self:
        """Return the parts."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        await self.store.close()

    @property
    def commands(self) -> Commands:
        """Return the commands on threads, which check no rights."""
        system, ttl = system_prompt(self.settings), self.settings.ttl
        model = "" if self.settings.offline else self.settings.model
        commands = Commands(
            self.store,
            self.memory,
            self.clock,
            system=system,
            ttl=ttl,
            model=model,
            recall=self.recall,
        )
        commands.settings.usual.update(usual_words(self.settings))
        return commands

    def worker(self, model: Model, platforms: dict[str, Platform]) -> Worker:
        """Return a worker that answers with this model on these platforms."""
        settings = self.settings
        config = TurnConfig(
            model=model_name(settings),
            system=system_prompt(settings),
            answer_tokens=answer_tokens(settings),
            recall_tokens=settings.recall_tokens,
            tries=settings.tries,
            deaths=settings.deaths,
            wait_seconds=settings.wait_hours * HOUR,
        )
        return Worker(
            self.store,
            TurnPipeline(self.store, model, self.memory, self.clock, config, self.recall),
            self._compactor(model),
            platforms,
            self.clock,
            slots=Slots(settings.turns_at_once, settings.person_turns),
            grace_seconds=settings.grace_seconds,
        )

    def intake(self, worker: Worker) -> Intake:
        """Return the intake of messages for this worker."""
        settings = self.settings
        policy = IntakePolicy(
            ttl={kind: settings.ttl(kind) for kind in Kind},
            reach={kind: self.memory.strategy(kind).lookback for kind in Kind},
            follow_up=settings.follow_up,
            overhear=settings.overhear,
            waiting_limit=settings.waiting_limit,
            waiting_per_person=settings.waiting_per_person,
        )
        return Intake(self.store, worker, policy)

    def _compactor(self, model: Model) -> Compactor:
        settings = self.settings
        name = OFFLINE if settings.offline else settings.summary_model
        config = SummaryConfig(model=name, tokens=settings.summary_tokens)
        fallback = model if settings.offline else LazyOfflineModel()
        return Compactor(self.store, model, fallback, self.memory, self.clock, config)


async def start_lines(app: App) -> list[str]:
    """Return lines for the operator: store, model and tokens, and what to know about them."""
    settings = app.settings
    lines = list(await app.store.check())
    if not settings.store.get_secret_value().startswith(("memory:", "sqlite:")):
        lines.insert(0, f"Store: {settings.store_shown}")  # `check` names those two
    if not settings.offline:
        lines.append(f"Model: {settings.model}, summaries by {settings.summary_model}")
    lines += model_notes(settings, app.clock.now())
    lines.append(f"Tokens: counted by {app.memory.counter.describe()}")
    return lines


def model_notes(settings: Settings, now: float) -> list[str]:
    """Return what the operator should know about the models."""
    if settings.offline:
        return [_OFFLINE if settings.model == OFFLINE else _NO_KEY]
    today = datetime.fromtimestamp(now, UTC).date()
    found = [(guessed(name), retirement(name, today)) for name in model_names(settings)]
    return [note for notes in found for note in notes if note]


def say(line: str) -> None:
    """Print a line for people on stderr; stdout is for replies."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - stderr is what it is for
