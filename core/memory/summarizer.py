"""Making a summary: of the one before and of turns, in as many calls as it takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from core.domain.errors import (
    ModelError,
    ModelRefusedError,
    PromptRefusedError,
    PromptTooLargeError,
)
from core.domain.tasks import off_loop_if_long
from core.memory.cut import cut_to
from core.memory.learned_limits import HEADROOM
from core.models.port import StopReason
from core.models.retry import RetryPolicy, ask
from core.prompt.prompt import summary_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Kind
    from core.domain.session import Turn
    from core.memory.memory import Memory
    from core.models.port import Model, ModelRequest
    from core.models.retry import Answered

log = logging.getLogger(__name__)

NOTHING_LEFT: Final = "Nothing that was said before is left."
"""The summary of what was deleted as a whole."""
PATIENCE = 3
"""Useless answers in a row, after which the fallback makes the summary: it refuses nothing."""
REPLANS = 3
"""How often turns that a model refuses as too large are taken in smaller parts."""
_SHARES = (2 / 3, 1 / 2, 1 / 3)
"""How much of refused turns goes into one call next, where the refusal names no numbers."""
_LEAST_ROOM = 200
"""Tokens: so much of a turn any model takes."""
_LEAST_KEPT = 1_000
"""Tokens to begin with in later calls: smaller parts are many calls, and may have a reason."""
_OVERLONG = 4
"""How many times longer than asked for no summary is: what it replaces would be shorter."""


class UselessSummaryError(ModelError):
    """The model's answer is no summary: it was cut, declined, empty or overlong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryConfig:
    """How summaries are made."""

    model: str
    tokens: int = 1000
    """The most tokens that a summary may have."""
    room: int = 30_000
    """Tokens of turns that go into one call; more are taken in one part after another."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(slots=True)
class _Part:
    """Turns that go into one call."""

    turns: list[Turn] = field(default_factory=list)
    size: int = 0
    """Their tokens."""


class Summarizer:
    """Makes summaries by a model, or by a fallback that refuses nothing."""

    def __init__(
        self, model: Model, fallback: Model, memory: Memory, clock: Clock, manner: SummaryConfig
    ) -> None:
        """Make summaries by `model`, or by `fallback` where that refuses for good."""
        self._model = model
        self._fallback = fallback
        self._count = memory.counter.count
        self._clock = clock
        self._manner = manner
        self._room = min(manner.room, memory.budget // 2)
        """Tokens of turns that go into one call: less where the model refused so much."""

    async def summarise(
        self, previous: str, turns: AsyncIterator[Turn], *, kind: Kind, useless: int
    ) -> str:
        """Return what the summary becomes with these turns.

        `useless` is how often in a row the model gave none. Raises `ModelError`, and what `turns`
        raises.
        """
        text = previous
        async for part in self._parts(turns, kind):
            text = await self._fold(text, part, kind, useless=useless)
        return text or NOTHING_LEFT

    async def _fold(
        self, previous: str, part: _Part, kind: Kind, *, useless: int, again: int = 0
    ) -> str:
        """Return the summary with these turns: in smaller parts where so much is refused."""
        try:
            return await self._ask(
                previous, part.turns, kind, useless=useless, last=again == REPLANS
            )
        except PromptRefusedError as error:  # it may be too much in words that nobody knows
            share = _SHARES[min(again, len(_SHARES) - 1)]
            if isinstance(error, PromptTooLargeError):
                share = error.share(self._manner.tokens) or share
            room = max(_LEAST_ROOM, int(part.size * share * (1 - HEADROOM)))
            log.info("turns go into a summary %d tokens at a time: %s", room, error)
            if isinstance(error, PromptTooLargeError):
                self._room = min(self._room, max(room, _LEAST_KEPT))
        text = previous
        async for smaller in self._parts(_each(part.turns), kind, room=room):
            text = await self._fold(text, smaller, kind, useless=useless, again=again + 1)
        return text

    async def _parts(
        self, turns: AsyncIterator[Turn], kind: Kind, *, room: int | None = None
    ) -> AsyncIterator[_Part]:
        """Yield the turns in parts of what goes into one call: `room` tokens, or what is known."""
        part = _Part()
        async for turn in turns:
            if not turn.entries:  # what was said is deleted, so what was answered goes with it
                continue
            most = room or self._room
            length = len(turn.answer.text) + sum(len(entry.text) for entry in turn.entries)
            cutting = partial(cut_to, turn, kind, room=most, count=self._count)
            fitting, size = await off_loop_if_long(length, cutting)
            if part.turns and part.size + size > most:
                yield part
                part = _Part()
            part.turns.append(fitting)
            part.size += size
        if part.turns:
            yield part

    async def _ask(
        self, previous: str, turns: Sequence[Turn], kind: Kind, *, useless: int, last: bool
    ) -> str:
        """Return a summary; raise `PromptRefusedError` unless this is the last try."""
        manner = self._manner
        request = summary_request(
            previous, turns, kind=kind, model=manner.model, max_tokens=manner.tokens
        )
        if useless >= PATIENCE:
            answered = await self._ask_model(self._fallback, request)
        else:
            try:
                answered = await self._ask_model(self._model, request)
            except ModelRefusedError as error:
                if isinstance(error, PromptRefusedError) and not last:
                    raise
                log.warning("%s makes a summary instead: %s", self._fallback.name, error)
                answered = await self._ask_model(self._fallback, request)
        text = answered.text.strip()
        size = self._count(text)
        if answered.stop is not StopReason.END or not 0 < size <= _OVERLONG * manner.tokens:
            usage = answered.usage
            paid = f"{usage.prompt:,} + {usage.output:,}" if usage else "an unknown number of"
            raise UselessSummaryError(
                f"The summary is empty, overlong or no whole one ({answered.stop}, {size:,} tokens "
                f"of {manner.tokens:,}); {paid} tokens were paid for it."
            )
        return text

    async def _ask_model(self, model: Model, request: ModelRequest) -> Answered:
        return await ask(
            model, request, clock=self._clock, policy=self._manner.retry, show=lambda _: None
        )


async def _each(turns: Sequence[Turn]) -> AsyncIterator[Turn]:
    for turn in turns:
        yield turn
