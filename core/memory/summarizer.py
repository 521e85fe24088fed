"""Making a summary from the one before and from turns, in as many model calls as it takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from core.domain.errors import (
    ModelError,
    PromptRefusedError,
    PromptTooLargeError,
)
from core.domain.tasks import off_loop_if_long
from core.memory.learned_limits import HEADROOM
from core.models.port import StopReason
from core.models.retry import RetryPolicy, ask
from core.prompt.prompt import summary_request
from core.prompt.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Kind
    from core.domain.session import Turn
    from core.memory.memory import Memory
    from core.models.port import Model, ModelRequest
    from core.models.retry import Answered

log = logging.getLogger(__name__)

NOTHING_LEFT: Final = "Everything that was said before this was deleted."
"""The summary of turns whose messages are all deleted; a summary is never empty."""
FALLBACK_AFTER = 3
"""Unusable answers in a row after which the fallback makes the summary: it refuses nothing."""
MAX_SPLITS = 3
"""How often turns that the model refuses as too large are split into smaller parts."""
_SHARES = (2 / 3, 1 / 2, 1 / 3)
"""How much of refused turns goes into the next call if the refusal names no numbers."""
_SMALLEST_PART = 200
"""Tokens that every model accepts."""
_SMALLEST_FIRST_PART = 1_000
"""Tokens that later summaries start with at least, however small the parts had to be in this one.

Small parts are many calls, and a single text may be the reason for them.
"""
_OVERLONG = 4
"""How many times the allowed length is no summary: what it replaces would be shorter."""


class UnusableSummaryError(ModelError):
    """The model's answer is no summary: it was cut off, refused, empty or overlong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryConfig:
    """How summaries are made."""

    model: str
    tokens: int = 1000
    """The most tokens that a summary may have."""
    room: int = 30_000
    """Tokens of turns in one call; more turns take several calls, one after the other."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(slots=True)
class _Part:
    """The turns in one call."""

    turns: list[Turn] = field(default_factory=list)
    size: int = 0
    """Their tokens."""
    most: int = 0
    """Characters from which on a text is cut; 0 if all of them fit."""


class Summarizer:
    """Makes summaries by a model, or by a fallback that refuses nothing."""

    def __init__(
        self, model: Model, fallback: Model, memory: Memory, clock: Clock, config: SummaryConfig
    ) -> None:
        """Make summaries by `model`, or by `fallback` of turns that the model never takes."""
        self._model = model
        self._fallback = fallback
        self._count = memory.counter.count
        self._zone = memory.zone
        self._clock = clock
        self._config = config
        self._room = min(config.room, memory.budget // 2)
        """Tokens of turns in one call; fewer once the model has refused that many."""

    async def summarize(
        self, previous: str, turns: AsyncIterator[Turn], *, kind: Kind, unusable: int
    ) -> str:
        """Return the summary that replaces the previous one and these turns.

        Args:
            previous: The summary so far; empty if there is none.
            turns: The turns to add, oldest first.
            kind: The kind of conversation.
            unusable: How many answers in a row were no summary.

        Raises:
            ModelError: No summary was made.
        """
        text = previous
        async for part in self._parts(turns, kind):
            text = await self._add(part, text, kind, unusable=unusable)
        return text or NOTHING_LEFT

    async def _add(
        self, part: _Part, previous: str, kind: Kind, *, unusable: int, splits: int = 0
    ) -> str:
        """Return the summary with this part, which is split if the model refuses it."""
        try:
            return await self._ask(
                previous, part, kind, unusable=unusable, last=splits == MAX_SPLITS
            )
        except PromptRefusedError as error:  # perhaps too large, in words that are not known here
            share = _SHARES[min(splits, len(_SHARES) - 1)]
            if isinstance(error, PromptTooLargeError):
                share = error.share(self._config.tokens) or share
            room = max(_SMALLEST_PART, int(part.size * share * (1 - HEADROOM)))
            log.info("summarizing %d tokens of turns at a time: %s", room, error)
            if isinstance(error, PromptTooLargeError):
                self._room = min(self._room, max(room, _SMALLEST_FIRST_PART))
        text = previous
        async for smaller in self._parts(_each(part.turns), kind, room=room):
            text = await self._add(smaller, text, kind, unusable=unusable, splits=splits + 1)
        return text

    async def _parts(
        self, turns: AsyncIterator[Turn], kind: Kind, *, room: int | None = None
    ) -> AsyncIterator[_Part]:
        """Yield the turns in parts of `room` tokens, or of as many as one call is known to take."""
        part = _Part()
        async for turn in turns:
            if not turn.entries:  # the messages are deleted, so the answer is left out as well
                continue
            wanted = room or self._room
            length = len(turn.answer.text) + sum(entry.length for entry in turn.entries)
            read = partial(transcript, [turn], kind, self._zone)
            fit = partial(fitting, turn, read, room=wanted, count=self._count)
            most, size = await off_loop_if_long(length, fit)
            if part.turns and (most or part.most or part.size + size > wanted):
                yield part
                part = _Part()
            part.turns.append(turn)
            part.size += size
            part.most = most
        if part.turns:
            yield part

    async def _ask(
        self, previous: str, part: _Part, kind: Kind, *, unusable: int, last: bool
    ) -> str:
        """Return a summary; raise `PromptRefusedError` unless this is the last attempt.

        If the account or the key is refused, nothing replaces the turns: that may pass, and a
        summary is kept for good.
        """
        config = self._config
        request = summary_request(
            previous,
            part.turns,
            kind=kind,
            model=config.model,
            max_tokens=config.tokens,
            zone=self._zone,
            most=part.most,
        )
        if unusable >= FALLBACK_AFTER:
            answered = await self._ask_model(self._fallback, request)
        else:
            try:
                answered = await self._ask_model(self._model, request)
            except PromptRefusedError as error:
                if not last:
                    raise
                log.warning("%s makes the summary instead: %s", self._fallback.name, error)
                answered = await self._ask_model(self._fallback, request)
        return self._usable(answered)

    def _usable(self, answered: Answered) -> str:
        """Return the answer if it is a summary; else raise `UnusableSummaryError`."""
        text = answered.text.strip()
        size, most = self._count(text), self._config.tokens
        if answered.stop is StopReason.END and 0 < size <= _OVERLONG * most:
            return text
        usage = answered.usage
        paid = f"{usage.prompt:,} + {usage.output:,}" if usage else "an unknown number of"
        raise UnusableSummaryError(
            f"The model's summary is empty, overlong or cut off (stop reason {answered.stop}, "
            f"{size:,} tokens of {most:,}); {paid} tokens were paid for it."
        )

    async def _ask_model(self, model: Model, request: ModelRequest) -> Answered:
        return await ask(
            model, request, clock=self._clock, policy=self._config.retry, show=lambda _: None
        )


async def _each(turns: Sequence[Turn]) -> AsyncIterator[Turn]:
    for turn in turns:
        yield turn


def fitting(
    turn: Turn, read: Callable[..., str], *, room: int, count: Callable[[str], int]
) -> tuple[int, int]:
    """Return from how many characters on to cut a turn's texts so that it fits, and its tokens.

    Only a summary ever sees a turn that is cut: it is shorter than the turn in any case.

    Args:
        turn: The turn.
        read: Returns its transcript; `most` cuts the texts in it, as in `transcript`.
        room: The tokens that it may take.
        count: Returns the tokens of a text.

    Returns:
        0 characters if nothing has to be cut.
    """
    size, most = count(read()), 0
    texts = [turn.answer.text]
    for entry in turn.entries:
        texts += [entry.text, *(quote.text for quote in entry.quotes)]
    longest = max(map(len, texts))
    while size > room and longest > 1:
        most = longest = longest // 2
        size = count(read(most=most))
    return most, size
