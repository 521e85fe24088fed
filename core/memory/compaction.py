"""Compaction: the summary takes over old turns in the background, after the answer is posted.

Nobody waits for a summary, no turn fails because of one, and nothing is lost: the log keeps all
turns, and the store replaces the summary in one step, only if neither the summary nor anything that
it covers has changed since it was read. A failure leaves everything as it was. After a failure, no
process pays for the same summary again at once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cachetools import LRUCache

from core.domain.backoff import Backoff
from core.domain.errors import described
from core.domain.session import Answer, AnswerKind, Turn, next_batch, turns_of
from core.domain.tasks import Tasks
from core.memory.plan import size_of
from core.memory.summarizer import Summarizer, SummaryConfig, UnusableSummaryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.memory.memory import Memory
    from core.models.port import Model
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

FIRST_PAUSE = 30.0
"""Seconds until the next attempt after a first failure.

In the same time, only one process makes a thread's summary.
"""
LONGEST_PAUSE = 3600.0
_FAILED_THREADS = 1000
"""Threads whose failures are remembered; a thread that was forgotten is tried again sooner."""
REBUILD_DELAY = 0.3
"""Seconds from a deletion until the thread's summary is rebuilt: many deletions come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A summary to make: of `previous` and of the turns at the positions [begin, end)."""

    previous: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failures:
    """How often a thread's summary failed in a row in this process."""

    count: int = 0
    unusable: int = 0
    """How many of them were answers that are no summary."""
    paused_until: float = 0
    """The steady time before which there is no further attempt."""


class Compactor:
    """Makes summaries, at most one per thread at a time in this process."""

    def __init__(
        self,
        store: Store,
        model: Model,
        fallback: Model,
        memory: Memory,
        clock: Clock,
        config: SummaryConfig,
    ) -> None:
        """Make summaries by `model`, or by `fallback` of turns that the model never takes."""
        self._store = store
        self._summarizer = Summarizer(model, fallback, memory, clock, config)
        self._memory = memory
        self._clock = clock
        self._backoff = Backoff(first=FIRST_PAUSE, cap=LONGEST_PAUSE)
        self._running: set[ThreadKey] = set()
        self._missing: set[ThreadKey] = set()
        """Threads whose summary was removed by a deletion and is not rebuilt yet."""
        self._failures: LRUCache[ThreadKey, _Failures] = LRUCache(_FAILED_THREADS)

    def is_due(self, work: Work, answer: str, *, size: int = 0) -> bool:
        """Return whether `compact` may have something to do once this turn has its answer.

        This saves the store a read after most turns, since all that is needed is known already.

        Args:
            work: The claimed thread, as it was before the answer.
            answer: The answer's text.
            size: The most tokens that all turns without a summary have, the answer left out; 0 if
                that is not known. If so few tokens need no folding, nothing is counted.
        """
        kind = AnswerKind.ANSWER
        said = Answer(position=work.next, turn="", token="", kind=kind, text=answer, sent_at=0)
        if size:
            two = (Turn(entries=(), answer=said),) * 2  # as if all before it were one turn
            count = self._count(work)
            if self._job(work, two, [size + size_of(two[1], work.kind, count), 0]) is None:
                return False
        turns, waiting = turns_of(work.records)
        if batch := next_batch(waiting, alone=False):
            turns = (*turns, Turn(entries=batch, answer=replace(said, position=batch[-1].position)))
        return self._job(work, turns) is not None

    async def compact(self, thread: ThreadKey, *, only_missing: bool = False) -> bool:
        """Let the summary take over what is due by now; return whether it did.

        Never fails: an error of the model, the store or this program is logged, and the next
        attempt follows a later reply, after a pause that grows with each failure.

        Args:
            thread: The thread to make a summary of.
            only_missing: Do nothing unless a deletion has removed the summary.
        """
        failures = self._failures.get(thread, _Failures())
        if thread in self._running or failures.paused_until > self._clock.monotonic():
            return False
        self._running.add(thread)
        try:
            return await self._compact(thread, failures, only_missing=only_missing)
        except Exception as error:  # noqa: BLE001 - no turn depends on it, whatever it was
            unusable = failures.unusable + isinstance(error, UnusableSummaryError)
            pause = self._backoff.wait(failures.count + 1)
            self._pause(thread, replace(failures, unusable=unusable), pause)
            text = "a summary was not made, and is not tried again for %.0f seconds: %s"
            log.warning(text, pause, described(error))
            return False
        finally:
            self._running.discard(thread)

    def retry_after(self, thread: ThreadKey) -> float | None:
        """Return in how many seconds a missing summary may be retried; None if none is missing."""
        if thread not in self._missing:
            return None
        failures = self._failures.get(thread, _Failures())
        return max(0.0, failures.paused_until - self._clock.monotonic())

    async def _compact(self, thread: ThreadKey, failures: _Failures, *, only_missing: bool) -> bool:
        work = await self._store.peek(thread)
        if work is not None and work.summary.withheld:
            self._missing.add(thread)
        else:
            self._missing.discard(thread)
        if only_missing and thread not in self._missing:
            return False
        job = None if work is None else await self._due_job(work)
        if work is None or job is None:
            self._succeed(thread)
            return False
        if not await self._claim(work):
            self._failures[thread] = replace(
                failures, paused_until=self._clock.monotonic() + FIRST_PAUSE
            )
            return False
        text = await self._summarizer.summarize(
            job.previous,
            self._turns(work, job.begin, job.end),
            kind=work.kind,
            unusable=failures.unusable,
        )
        done = await self._store.compact(
            thread, covers=work.summary.covers, revision=work.revision, to=job.end, text=text
        )
        if done:
            self._succeed(thread)
        else:  # the thread has changed meanwhile: retry at once, but not again and again
            pause = self._backoff.wait(failures.count) if failures.count else 0
            self._pause(thread, failures, pause)
        return done

    def _succeed(self, thread: ThreadKey) -> None:
        self._missing.discard(thread)
        self._failures.pop(thread, None)

    def _pause(self, thread: ThreadKey, failures: _Failures, seconds: float) -> None:
        """Count a failure, and leave the thread alone for so many seconds."""
        until = self._clock.monotonic() + seconds
        self._failures[thread] = replace(failures, count=failures.count + 1, paused_until=until)

    async def _claim(self, work: Work) -> bool:
        """Return whether no other process has begun the same summary in these seconds.

        If several processes serve a thread by turns, each would pay for the summary and for its
        failures.
        """
        period = int(self._clock.now() // FIRST_PAUSE)
        thread = work.lease.thread
        name = f"summary {thread} from {work.summary.covers} at {work.revision} in {period}"
        return await self._store.claim_once(thread.platform, name)

    async def _due_job(self, work: Work) -> _Job | None:
        strategy = self._memory.strategy(work.kind, work.settings.strategy)
        start = max(work.summary.covers, work.reset_position)
        turns = (
            [turn async for turn in self._turns(work, start, work.head)] if strategy.folds else []
        )
        return self._job(work, turns)

    def _job(self, work: Work, turns: Sequence[Turn], sizes: Sequence[int] = ()) -> _Job | None:
        """Return the summary to make of turns that no summary covers; None if none is due.

        `sizes` are the tokens of the turns; they are counted here if they are not given.
        """
        strategy = self._memory.strategy(work.kind, work.settings.strategy)
        if not strategy.shows_summary:
            return None
        count = self._count(work)
        sizes = sizes or [size_of(turn, work.kind, count) for turn in turns]
        room = self._memory.room(work.lease.thread, now=self._clock.monotonic())
        end = strategy.fold(turns, sizes, self._memory.marks.within(room // 2))
        summary = work.summary
        if summary.covers > work.reset_position and (summary.stale or not summary.text):
            # Something that it covers has changed: it is rebuilt from the log.
            return _Job(previous="", begin=work.reset_position, end=end or summary.covers)
        if end is None:
            return None
        return _Job(previous=summary.text, begin=max(summary.covers, work.reset_position), end=end)

    def _count(self, work: Work) -> Callable[[str], int]:
        """Return what counts the tokens of a text in this conversation."""
        answers = (each for each in reversed(work.records) if isinstance(each, Answer))
        return self._memory.counter.after(answers).count

    async def _turns(self, work: Work, begin: int, end: int) -> AsyncIterator[Turn]:
        """Yield the turns at the positions [begin, end), oldest first."""
        records: list[Record] = []
        async for record in self._records(work, begin, end):
            records.append(record)
            if isinstance(record, Answer):
                yield turns_of(records)[0][0]
                records = []

    async def _records(self, work: Work, begin: int, end: int) -> AsyncIterator[Record]:
        """Yield the records at the positions [begin, end): those loaded, or else from the store."""
        if begin < work.since:
            async for record in self._store.records(work.lease.thread, begin, end):
                yield record
            return
        for record in work.records:
            if begin <= record.position < end:
                yield record


class BackgroundCompaction:
    """Starts summaries after an answer, and after a deletion that has removed a summary."""

    def __init__(self, compactor: Compactor) -> None:
        """Start summaries by `compactor`."""
        self._compactor = compactor
        self._closed = False
        self._timers: dict[ThreadKey, asyncio.TimerHandle] = {}
        self._busy: dict[ThreadKey, bool] = {}
        """Threads whose summary is being made, and whether it must be made once more."""
        self.jobs = Tasks("making a summary")
        """The summaries that are being made."""

    def close(self) -> None:
        """Start no more summaries; those that are due follow the threads' next turns."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def answered(self, work: Work, answer: Answer, size: int) -> None:
        """Make the summary that this answer makes due, if any; for `size` see `is_due`."""
        if not self._closed and self._is_due(work, answer, size):
            self._start(work.lease.thread, only_missing=False)

    def changed(self, thread: ThreadKey) -> None:
        """Rebuild a thread's summary if a deletion has just removed it.

        One person's deletion must not blank what is remembered of the others. If this process ends
        before, the summary is made after the thread's next turn; until then, the model sees the
        turns themselves.
        """
        self._rebuild_in(REBUILD_DELAY, thread)

    def _rebuild_in(self, seconds: float, thread: ThreadKey) -> None:
        if self._closed or thread in self._timers:
            return

        def rebuild() -> None:
            del self._timers[thread]
            self._start(thread, only_missing=True)

        self._timers[thread] = asyncio.get_running_loop().call_later(seconds, rebuild)

    def _start(self, thread: ThreadKey, *, only_missing: bool) -> None:
        if thread in self._busy:
            self._busy[thread] = True
            return
        self._busy[thread] = False
        self.jobs.start(self._run(thread, only_missing=only_missing))

    def _is_due(self, work: Work, answer: Answer, size: int) -> bool:
        try:
            return self._compactor.is_due(work, answer.text, size=size)
        except Exception as error:  # noqa: BLE001 - the turn is over, whatever this is
            log.warning("could not find out whether a summary is due: %s", described(error))
            return False

    async def _run(self, thread: ThreadKey, *, only_missing: bool) -> None:
        try:
            await self._compactor.compact(thread, only_missing=only_missing)  # it never fails
            while self._busy[thread] and not self._closed:
                self._busy[thread] = False
                await self._compactor.compact(thread)
        finally:
            del self._busy[thread]
        if (seconds := self._compactor.retry_after(thread)) is not None:
            self._rebuild_in(max(seconds, REBUILD_DELAY), thread)
