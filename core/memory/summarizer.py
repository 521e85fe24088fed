"""Making a summary's segments of turns, in as many model calls as it takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from core.domain.errors import (
    ModelError,
    PromptRefusedError,
    PromptTooLargeError,
)
from core.domain.session import NO_USAGE
from core.domain.summary import Segment
from core.domain.tasks import off_loop_if_long
from core.memory.learned import HEADROOM
from core.memory.replies import answers
from core.memory.segments import corrected, lasting_notes
from core.models.port import StopReason
from core.models.retry import RetryPolicy, ask
from core.prompt.summary import corrected_in, corrections_request, lines_in, summary_request
from core.prompt.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Kind
    from core.domain.session import Turn, Usage
    from core.domain.summary import Line
    from core.memory.memory import Memory
    from core.models.port import Model, ModelRequest
    from core.models.retry import Answered

log = logging.getLogger(__name__)

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
_CORRECTIONS_TOKENS = 200
"""Room for far more pairs of numbers than one fold has."""
_OVERLONG = 4
"""How many times the allowed length is no summary: what it replaces would be shorter."""


class UnusableSummaryError(ModelError):
    """The model's answer is no summary: it was cut off, refused, empty, overlong, or a reply."""


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
class Spent:
    """The tokens that a summary took, whatever came of it."""

    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Turns to sum up: those at the positions [begin, end)."""

    begin: int
    end: int
    turns: AsyncIterator[Turn]
    """Oldest first."""
    kind: Kind
    corrections: tuple[str, ...] = ()
    """What people said is right, whatever these turns say."""


@dataclass(slots=True)
class _Part:
    """The turns in one call."""

    turns: list[Turn] = field(default_factory=list)
    size: int = 0
    """Their tokens."""
    most: int = 0
    """Characters from which on a text is cut; 0 if all of them fit."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What all calls for one fold have in common; see `Summarizer.summarize`."""

    fold: Fold
    unusable: int
    spent: Spent


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

    async def summarize(self, fold: Fold, *, unusable: int, spent: Spent) -> tuple[Segment, ...]:
        """Return the segments for these turns: one for each call that it takes.

        Args:
            fold: The turns.
            unusable: How many answers in a row were no summary.
            spent: Takes the tokens that it takes.

        Raises:
            ModelError: No summary was made.
        """
        ask = _Ask(fold, unusable, spent)
        made: list[Segment] = []
        async for part in self._parts(fold.turns, fold.kind):
            for end, lines in await self._add(part, ask):
                begin = made[-1].end if made else fold.begin
                made.append(Segment(begin=begin, end=end, lines=lines))
        if not made:
            return (Segment(begin=fold.begin, end=fold.end),)
        return (*made[:-1], replace(made[-1], end=fold.end))

    async def correct(
        self, segments: Sequence[Segment], begin: int, end: int, spent: Spent
    ) -> tuple[Segment, ...]:
        """Return the segments, with what the lines of the positions [begin, end) correct, marked.

        Lines before them may be corrected by them, and they by lines behind them. If the model
        fails, nothing is marked: of two lines that disagree, the later one counts in any case.
        """
        places = lasting_notes(segments)
        numbers = [n for n, (where, _) in enumerate(places) if begin <= segments[where].begin < end]
        if not numbers or len(numbers) == len(places):
            return tuple(segments)
        new = range(numbers[0], numbers[-1] + 1)
        notes = [segments[where].lines[index].text for where, index in places]
        request = corrections_request(
            notes, new, model=self._config.model, max_tokens=_CORRECTIONS_TOKENS
        )
        try:
            answered = await self._ask_model(self._model, request, spent)
        except ModelError as error:
            log.info("what a summary corrects was not found out: %s", error)
            return tuple(segments)
        found = corrected_in(answered.text, notes, new)
        return corrected(
            segments, {places[earlier]: places[later][0] for earlier, later in found.items()}
        )

    async def _add(
        self, part: _Part, ask: _Ask, *, splits: int = 0
    ) -> list[tuple[int, tuple[Line, ...]]]:
        """Return what is kept of this part, which is split if the model refuses it.

        Each item ends at a position, and begins at the end of the one before.
        """
        try:
            lines = await self._ask(part, ask, last=splits == MAX_SPLITS)
        except PromptRefusedError as error:  # perhaps too large, in words that are not known here
            share = _SHARES[min(splits, len(_SHARES) - 1)]
            if isinstance(error, PromptTooLargeError):
                share = error.share(self._config.tokens) or share
            room = max(_SMALLEST_PART, int(part.size * share * (1 - HEADROOM)))
            log.info("summarizing %d tokens of turns at a time: %s", room, error)
            if isinstance(error, PromptTooLargeError):
                self._room = min(self._room, max(room, _SMALLEST_FIRST_PART))
        else:
            return [(part.turns[-1].end, lines)]
        made: list[tuple[int, tuple[Line, ...]]] = []
        async for smaller in self._parts(_each(part.turns), ask.fold.kind, room=room):
            made += await self._add(smaller, ask, splits=splits + 1)
        return made

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

    async def _ask(self, part: _Part, ask: _Ask, *, last: bool) -> tuple[Line, ...]:
        """Return what is kept; raise `PromptRefusedError` unless this is the last attempt.

        If the account or the key is refused, nothing replaces the turns: that may pass, and a
        summary is kept for good.
        """
        config = self._config
        request = summary_request(
            part.turns,
            kind=ask.fold.kind,
            model=config.model,
            max_tokens=config.tokens,
            zone=self._zone,
            most=part.most,
            corrections=ask.fold.corrections,
        )
        if ask.unusable >= FALLBACK_AFTER:
            answered = await self._ask_model(self._fallback, request, ask.spent)
        else:
            try:
                answered = await self._ask_model(self._model, request, ask.spent)
            except PromptRefusedError as error:
                if not last:
                    raise
                log.warning("%s makes the summary instead: %s", self._fallback.name, error)
                answered = await self._ask_model(self._fallback, request, ask.spent)
        return await self._usable(answered, part.turns)

    async def _usable(self, answered: Answered, turns: Sequence[Turn]) -> tuple[Line, ...]:
        """Return what an answer says if it sums up turns; else raise `UnusableSummaryError`."""
        size, most = self._count(answered.text), self._config.tokens
        lines: tuple[Line, ...] | None = None
        if answered.stop is StopReason.END and size <= _OVERLONG * most:
            read = partial(lines_in, answered.text, partial(answers, turns=turns))
            lines = await off_loop_if_long(sum(turn.length for turn in turns), read)
        if lines is not None:
            return lines
        usage = answered.usage
        paid = f"{usage.prompt:,} + {usage.output:,}" if usage else "an unknown number of"
        raise UnusableSummaryError(
            "The model's summary is empty, overlong, cut off, or a reply to the conversation (stop "
            f"reason {answered.stop}, {size:,} tokens of {most:,}); {paid} tokens were paid for it."
        )

    async def _ask_model(self, model: Model, request: ModelRequest, spent: Spent) -> Answered:
        answered = await ask(
            model, request, clock=self._clock, policy=self._config.retry, show=lambda _: None
        )
        spent.usage += answered.usage or NO_USAGE
        return answered


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
