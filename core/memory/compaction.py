"""Compaction: letting the summary take over old turns, behind the user's back.

Nothing is ever lost by it. The log keeps all turns, and the summary is replaced in one step, and
only if neither it nor anything it covers has moved since it was read. Whatever fails before that
leaves everything as it was, and is not paid for again at once, neither here nor elsewhere.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.errors import described
from core.domain.session import Answer, AnswerKind, Turn, next_batch, turns_of
from core.memory.plan import size_of
from core.memory.summarizer import Summarizer, SummaryConfig, UselessSummaryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.memory.memory import Memory
    from core.models.port import Model
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

FIRST_PAUSE = 30.0
"""Seconds after a first failure; also those in which one process makes a thread's summary."""
LONGEST_PAUSE = 3600.0
_SETBACKS = 1000
"""Threads whose setbacks are remembered; the oldest are forgotten, and tried again sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A summary to be made: of `previous` and of the turns at the places [begin, to)."""

    previous: str
    begin: int
    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setback:
    """How often a thread's summary failed in a row, here."""

    failures: int = 0
    useless: int = 0
    """How many of them were answers of no use."""
    until: float = 0
    """On the clock's steady time: not tried before."""


class Compactor:
    """Makes summaries, at most one of a thread at a time in this process."""

    def __init__(
        self,
        store: Store,
        model: Model,
        fallback: Model,
        memory: Memory,
        clock: Clock,
        manner: SummaryConfig,
    ) -> None:
        """Make summaries by `model`, or by `fallback` where that refuses for good."""
        self._store = store
        self._summariser = Summarizer(model, fallback, memory, clock, manner)
        self._memory = memory
        self._count = memory.counter.count
        self._clock = clock
        self._running: set[ThreadKey] = set()
        self._lost: set[ThreadKey] = set()
        """Threads whose summary went with something that was deleted, and is not there again."""
        self._setbacks: dict[ThreadKey, _Setback] = {}

    def is_due(self, work: Work, answer: str, *, size: int = 0) -> bool:
        """Tell whether `compact` may have something to do once this turn has its answer.

        It saves the store a question after most turns: all that it needs is known already. If
        `size` is given, all that no summary covers has no more tokens, the answer apart: where
        so much needs no folding, nothing is counted.
        """
        kind = AnswerKind.ANSWER
        said = Answer(place=work.next, turn="", token="", kind=kind, text=answer, at=0)
        if size:
            two = (Turn(entries=(), answer=said),) * 2  # as if all before it were one turn
            if self._task(work, two, [size + size_of(two[1], work.kind, self._count), 0]) is None:
                return False
        turns, waiting = turns_of(work.records)
        if batch := next_batch(waiting, alone=False):
            turns = (*turns, Turn(entries=batch, answer=replace(said, place=batch[-1].place)))
        return self._task(work, turns) is not None

    async def compact(self, thread: ThreadKey, *, lost: bool = False) -> bool:
        """Let the summary take over what it should by now; tell whether it did.

        `lost`: only where there is no summary any more, since what it was made of was deleted.
        Never fails. Whatever goes wrong, be it the model, the store or this program, is logged,
        and it is tried again after a later reply and a pause, which grows with each failure.
        """
        setback = self._setbacks.get(thread, _Setback())
        if thread in self._running or setback.until > self._clock.monotonic():
            return False
        self._running.add(thread)
        try:
            return await self._compact(thread, setback, lost=lost)
        except Exception as error:  # noqa: BLE001 - what it was matters to nobody's turn
            useless = setback.useless + isinstance(error, UselessSummaryError)
            setback = replace(setback, useless=useless)
            pause = self._set_back(thread, setback, pauses=setback.failures)
            text = "a summary stays as it was, for %.0f seconds at least: %s"
            log.warning(text, pause, described(error))
            return False
        finally:
            self._running.discard(thread)

    def owed(self, thread: ThreadKey) -> float | None:
        """Return after how many seconds a summary that is lost is tried again; None if none is."""
        if thread not in self._lost:
            return None
        return max(0.0, self._setbacks.get(thread, _Setback()).until - self._clock.monotonic())

    async def _compact(self, thread: ThreadKey, setback: _Setback, *, lost: bool) -> bool:
        work = await self._store.peek(thread)
        if work is not None and work.summary.withheld:
            self._lost.add(thread)
        else:
            self._lost.discard(thread)
        if lost and thread not in self._lost:
            return False
        task = None if work is None else await self._due(work)
        if work is None or task is None:
            self._lost.discard(thread)
            self._setbacks.pop(thread, None)
            return False
        if not await self._is_first(work):
            until = self._clock.monotonic() + FIRST_PAUSE
            self._remember(thread, replace(setback, until=until))
            return False
        text = await self._summariser.summarise(
            task.previous,
            self._turns(work, task.begin, task.to),
            kind=work.kind,
            useless=setback.useless,
        )
        done = await self._store.compact(
            thread, covers=work.summary.covers, rev=work.rev, to=task.to, text=text
        )
        if done:
            self._lost.discard(thread)
            self._setbacks.pop(thread, None)
        else:  # it is of something else by now: made again at once, but not again and again
            self._set_back(thread, setback, pauses=setback.failures - 1)
        return done

    async def _due(self, work: Work) -> _Task | None:
        strategy = self._memory.strategy(work.kind, work.settings.strategy)
        start = max(work.summary.covers, work.line)
        turns = (
            [turn async for turn in self._turns(work, start, work.head)] if strategy.folds else []
        )
        return self._task(work, turns)

    async def _is_first(self, work: Work) -> bool:
        """Tell whether no other process has begun the same summary in these seconds.

        Where several serve a thread by turns, each would pay for it, and for its failures.
        """
        seconds = int(self._clock.now() // FIRST_PAUSE)
        thread = work.lease.thread
        name = f"summary {thread} from {work.summary.covers} at {work.rev} in {seconds}"
        return await self._store.claim_once(thread.platform, name)

    def _task(self, work: Work, turns: Sequence[Turn], sizes: Sequence[int] = ()) -> _Task | None:
        """Return the summary to be made of turns that none covers, counted here if need be."""
        strategy = self._memory.strategy(work.kind, work.settings.strategy)
        if not strategy.shows_summary:
            return None
        sizes = sizes or [size_of(turn, work.kind, self._count) for turn in turns]
        room = self._memory.room(work.lease.thread, now=self._clock.monotonic())
        place = strategy.fold(turns, sizes, self._memory.marks.within(room // 2))
        summary = work.summary
        if summary.covers > work.line and (summary.stale or not summary.text):
            # What it was made of has changed: it is made anew, from the log.
            return _Task(previous="", begin=work.line, to=place or summary.covers)
        if place is None:
            return None
        begin = max(summary.covers, work.line)
        return _Task(previous=summary.text, begin=begin, to=place)

    def _set_back(self, thread: ThreadKey, setback: _Setback, *, pauses: int) -> float:
        """Leave the thread alone for a while, and for longer with each pause there was before.

        Return the pause, in seconds; there is none where `pauses` is negative.
        """
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(pauses, 16)) if pauses >= 0 else 0
        until = self._clock.monotonic() + pause
        self._remember(thread, replace(setback, failures=setback.failures + 1, until=until))
        return pause

    def _remember(self, thread: ThreadKey, setback: _Setback) -> None:
        self._setbacks[thread] = setback
        if len(self._setbacks) > _SETBACKS:
            del self._setbacks[next(iter(self._setbacks))]

    async def _turns(self, work: Work, begin: int, end: int) -> AsyncIterator[Turn]:
        """Yield the turns at the places [begin, end), oldest first."""
        records: list[Record] = []
        async for record in self._records(work, begin, end):
            records.append(record)
            if isinstance(record, Answer):
                yield turns_of(records)[0][0]
                records = []

    async def _records(self, work: Work, begin: int, end: int) -> AsyncIterator[Record]:
        """Yield the records at the places [begin, end): those at hand, or page by page."""
        if begin < work.since:
            async for record in self._store.records(work.lease.thread, begin, end):
                yield record
            return
        for record in work.records:
            if begin <= record.place < end:
                yield record
