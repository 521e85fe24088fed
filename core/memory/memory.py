"""The memory of conversations: its strategy and budget, and what is loaded of a thread's log.

If a part of a summary is gone, since something that it was made of was deleted, the turns that it
stood for are loaded instead, the newest first, until it is rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING

from core.domain.session import Session, turns_of, whole_turns
from core.memory.learned import LearnedLimits, minimum_of
from core.memory.strategies.marks import KEEP, SYSTEM, Marks
from core.memory.strategies.registry import DEFAULT_STRATEGY, STRATEGIES, strategy_named
from core.memory.strategies.window import PAIRS
from core.prompt.pins import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from core.domain.message import Kind, ThreadKey
    from core.domain.pins import Pin
    from core.domain.session import Answer, Record, Turn
    from core.domain.settings import ScopeSettings
    from core.memory.strategies.strategy import Strategy
    from core.memory.tokens import TokenCounter
    from core.store.port import Store
    from core.store.values import Work

_PAGE = 200
BYTES_PER_TOKEN = 8
"""More than a token has in any language, so that what fits is loaded; it is counted later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How the bot remembers, in all conversations."""

    counter: TokenCounter
    budget: int
    """Tokens of a whole prompt, by the settings and the catalog; see `room`."""
    marks: Marks | None = field(default_factory=Marks)
    """When turns are folded; None chooses the marks by each conversation's own turns."""
    keep: int = KEEP
    """How many exchanges no summary takes over, if `marks` is None."""
    cache_minimum: int = 0
    """The tokens from which on the model caches the start of a prompt; see `Marks.fitting`."""
    system_tokens: int = SYSTEM
    """About how many tokens the system prompt has."""
    by_kind: Mapping[Kind, str] = field(default_factory=dict)
    """The name of the strategy for a kind of conversation, if it is not the default."""
    pairs: int = PAIRS
    pin_tokens: int = 600
    """Tokens that all pins of a conversation may have together; 0 switches pins off."""
    zone: tzinfo = UTC
    """The time zone of the people, which prompts use."""
    limits: LearnedLimits = field(default_factory=LearnedLimits)
    """What refusals of the model have taught."""
    by_model: Callable[[str], Memory] | None = field(default=None, repr=False, compare=False)
    """Returns how the bot remembers if another model answers; None if no other one can."""

    def under(self, chosen: ScopeSettings) -> Memory:
        """Return the memory of a conversation with these settings; this one if they change nothing.

        What refusals teach is shared by all conversations with one model.
        """
        memory = self
        if chosen.model and self.by_model is not None:
            memory = self.by_model(chosen.model)
        high, low, pairs = chosen.memory_high, chosen.memory_low, chosen.memory_pairs
        if high is None and low is None and pairs is None:
            return memory
        marks = Marks.chosen(high, low, base=memory.marks, keep=memory.keep)
        return replace(memory, marks=marks, pairs=pairs or memory.pairs)

    def room(
        self,
        thread: ThreadKey | None = None,
        *,
        now: float,
        counter: TokenCounter | None = None,
    ) -> int:
        """Return the tokens that a prompt may have: the budget, or less if the model refused it.

        It may be less still in a `thread` in which the model has refused less; `counter` is the
        thread's own. `now` is the steady time.
        """
        room = self.limits.prompt_tokens(self.budget, now=now)
        units = None if thread is None else self.limits.thread_units(thread, now=now)
        factor = (counter or self.counter).factor
        return room if units is None else min(room, int(units * factor))

    def marks_for(
        self, sizes: Sequence[int], room: int, replies: Iterable[Answer] = (), *, lead: int = 0
    ) -> Marks:
        """Return the marks for turns of these tokens, in a prompt with so much room for them.

        The thread's replies tell from how many tokens on the model caches a prefix. `lead` are the
        tokens of the thread's summary and pins.
        """
        marks = self.marks
        if marks is None:
            seen = minimum_of(replies, self.limits.cache_minimum or self.cache_minimum)
            self.limits.cache_minimum = seen
            marks = Marks.fitting(
                sizes, cache_minimum=seen, keep=self.keep, system=self.system_tokens, lead=lead
            )
        return marks.within(room)

    def strategy(self, kind: Kind, chosen: str = "") -> Strategy:
        """Return the strategy for a conversation; `chosen` is the name in its settings, if any.

        A name that this version does not know counts as none, since it must not stop the bot.
        """
        name = chosen if chosen in STRATEGIES else self.by_kind.get(kind, DEFAULT_STRATEGY)
        return strategy_named(name, pairs=self.pairs)

    async def load(self, store: Store, work: Work, strategy: Strategy) -> Session:
        """Return what a prompt needs of a thread, with all waiting messages as its batch.

        If the thread's summary is withheld, or a part of it, no more turns are loaded in its place
        than the budget may hold. Raises `StoreError`.

        Args:
            store: Where the thread's log is.
            work: The thread, claimed or only looked at.
            strategy: The thread's strategy.
        """
        start = max(work.summary.covers, work.reset_position)
        since = min(work.since, max(start, work.head - strategy.lookback))
        records: Sequence[Record] = work.records
        if since < work.since:
            earlier = store.records(work.lease.thread, since, work.since)
            records = [*[record async for record in earlier], *records]
        summary = work.summary
        most = self.budget * BYTES_PER_TOKEN
        missing: tuple[Turn, ...] = ()
        unread = 0
        if summary.withheld and summary.text and strategy.shows_summary:
            missing, unread = await _missing(store, work, most)
        if summary.withheld and not summary.text and strategy.shows_summary:
            summary = replace(summary, covers=work.reset_position)
            before, begin = await _back(store, work, work.reset_position, since, most=most)
            turns, waiting = turns_of([*before, *records])
            if begin < since:  # a page may begin in the middle of a turn
                turns = whole_turns(turns, since=begin, start=work.reset_position)
            since = begin
            # As a summary leaves out turns whose messages were all deleted, so does this.
            turns = tuple(turn for turn in turns if turn.entries or turn.end > start)
        else:
            turns, waiting = turns_of(records)
            turns = whole_turns(turns, since=since, start=start)
        return Session(
            thread=work.lease.thread,
            kind=work.kind,
            summary=summary,
            turns=turns,
            batch=waiting,
            reset_position=work.reset_position,
            since=since,
            files_from=start,
            seen_from=work.seen_from,
            missing=missing,
            unread=unread,
            people=work.people,
            revision=work.revision,
            zone=self.zone,
            pins=self._pins(work),
        )

    def _pins(self, work: Work) -> tuple[Pin, ...]:
        """Return the pins that are shown."""
        most, count = self.pin_tokens, self.counter.count
        return fitting(work.pins, most=most, count=count, zone=self.zone) if work.pins else ()


async def _missing(store: Store, work: Work, most: int) -> tuple[tuple[Turn, ...], int]:
    """Return the turns of those parts of a summary that are withheld, and how many are not read.

    They hold at least `most` bytes of text if there are so many.
    """
    turns: tuple[Turn, ...] = ()
    unread = 0
    for part in reversed([each for each in work.summary.segments if each.withheld]):
        records, begin = await _back(store, work, part.begin, part.end, most=most)
        read = whole_turns(turns_of(records)[0], since=begin, start=part.begin)
        turns = (*[turn for turn in read if turn.entries], *turns)
        most -= _size(records)
        unread += begin - part.begin
    return turns, unread


async def _back(
    store: Store, work: Work, start: int, end: int, *, most: int
) -> tuple[list[Record], int]:
    """Return records that end before `end`, and the position where they begin, `start` at least.

    They hold at least `most` bytes of text if there are so many.
    """
    records: list[Record] = []
    size, begin = 0, end
    while begin > start and size < most:
        end, begin = begin, max(start, begin - _PAGE)
        page = [record async for record in store.records(work.lease.thread, begin, end)]
        size += _size(page)
        records = [*page, *records]
    return records, begin


def _size(records: list[Record]) -> int:
    return sum(len(record.text.encode(errors="surrogatepass")) for record in records)
