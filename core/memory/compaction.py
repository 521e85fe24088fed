"""Compaction: the summary takes over old turns in the background, after the answer is posted.

Nobody waits for a summary, no turn fails because of one, and nothing is lost: the log keeps all
turns, and the store replaces the summary in one step, only if neither the summary nor anything that
it covers has changed since it was read. A failure leaves everything as it was. After a failure, no
process pays for the same summary again at once.

A fold makes a segment of the turns that it takes over, and touches no other. So after an edit or a
deletion, only the segment of that message is made again. If that says nothing any more, since
newer lines needed its room, only a few turns around an edit are looked at.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from core.domain.clock import Backoff
from core.domain.errors import described
from core.domain.pins import PinKind
from core.domain.session import NO_USAGE, Answer, AnswerKind, Turn, next_batch, turns_of
from core.domain.summary import dumped, whole
from core.memory.plan import saved_in, sizes_of
from core.memory.segments import fitted, replaced, uncorrected
from core.memory.summarizer import (
    Fold,
    Spent,
    Summarizer,
    SummaryConfig,
    UnusableSummaryError,
)
from core.prompt.tags import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record, Usage
    from core.domain.summary import Segment
    from core.memory.memory import Memory
    from core.memory.strategies.strategy import Strategy
    from core.memory.tokens import TokenCounter
    from core.models.port import Model
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

FIRST_PAUSE = 30.0
"""Seconds until the next attempt after a first failure.

In the same time, only one process makes a thread's summary.
"""
LONGEST_PAUSE = 3600.0
_AROUND = 64
"""Positions on each side of an edit that are looked at for the turns around it."""
_TURNS_BEFORE = 3
"""Turns before an edited one that are summed up with it, so that it can be understood."""
_LAST_REPLIES = 4
"""Replies that are looked at after each turn for what they say of the cache: earlier ones were."""
_FAILED_THREADS = 1000
"""Threads whose failures are remembered; a thread that was forgotten is tried again sooner."""


class _Span(NamedTuple):
    """Turns to sum up: those at the positions [begin, end)."""

    begin: int
    end: int
    shortened_to: int = 0
    """The position before which the window then shows long answers by their start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failures:
    """How often a thread's summary failed in a row in this process."""

    count: int = 0
    unusable: int = 0
    """How many of them were answers that are no summary."""
    paused_until: float = 0
    """The steady time before which there is no further attempt."""
    spent: Usage = NO_USAGE
    """The tokens that were paid for nothing; they are counted with the next summary."""


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
        self._most = config.tokens
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
        if not self._strategy(work).shows_summary:
            return False
        if _is_broken(work):
            return True
        turns, waiting = turns_of(work.records)
        batch = next_batch(waiting, alone=False)
        if batch:
            last, kind = batch[-1].position, AnswerKind.ANSWER
            said = Answer(position=last, turn="", token="", kind=kind, text=answer, sent_at=0)
            turns = (*turns, Turn(entries=batch, answer=said))
        counter = self._counter(work)
        size += counter.count_message(quoted(answer)) if size else 0
        if size and turns and self._is_small(work, turns, counter, size):
            return False
        return self._fold_end(work, turns, counter) is not None

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
        spent = Spent(failures.spent)
        try:
            return await self._compact(thread, failures, spent, only_missing=only_missing)
        except Exception as error:  # noqa: BLE001 - no turn depends on it, whatever it was
            unusable = failures.unusable + isinstance(error, UnusableSummaryError)
            pause = self._backoff.wait(failures.count + 1)
            self._pause(thread, replace(failures, unusable=unusable, spent=spent.usage), pause)
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

    async def _compact(
        self, thread: ThreadKey, failures: _Failures, spent: Spent, *, only_missing: bool
    ) -> bool:
        work = await self._store.peek(thread)
        if work is not None:
            work = work.under(await self._store.layers(thread))
        if work is not None and work.summary.withheld:
            self._missing.add(thread)
        else:
            self._missing.discard(thread)
        if only_missing and thread not in self._missing:
            return False
        spans = [] if work is None else await self._due_spans(work)
        if work is None or not spans:
            self._succeed(thread)
            return False
        if not await self._claim(work):
            self._failures[thread] = replace(
                failures, paused_until=self._clock.monotonic() + FIRST_PAUSE
            )
            return False
        if await self._fold_all(work, spans, failures.unusable, spent):
            self._succeed(thread)
            return True
        # The thread has changed meanwhile: retry at once, but not again and again.
        pause = self._backoff.wait(failures.count) if failures.count else 0
        self._pause(thread, replace(failures, spent=spent.usage), pause)
        return False

    async def _fold_all(
        self, work: Work, spans: Sequence[_Span], unusable: int, spent: Spent
    ) -> bool:
        """Sum up these turns, and store each result; return False if the thread has changed."""
        segments, covers = _segments_of(work), work.summary.covers
        corrections = tuple([pin.text for pin in work.pins if pin.kind is PinKind.CORRECTION])
        for begin, end, shortened_to in spans:
            fold = Fold(
                begin=begin,
                end=end,
                turns=self._turns(work, begin, end),
                kind=work.kind,
                corrections=corrections,
            )
            made = await self._summarizer.summarize(fold, unusable=unusable, spent=spent)
            segments = uncorrected(replaced(segments, begin, end, made), begin, end)
            segments = await self._summarizer.correct(segments, begin, end, spent)
            segments = fitted(segments, most=self._most, count=self._memory.counter.count)
            shortened = max(shortened_to, work.summary.shortened_to)
            segments = (*segments[:-1], replace(segments[-1], shortened_to=shortened))
            done = await self._store.compact(
                work.lease.thread,
                covers=covers,
                revision=work.revision,
                to=max(covers, end),
                text=dumped(segments),
                usage=spent.usage,
            )
            if not done:
                return False
            covers, spent.usage = max(covers, end), NO_USAGE
        return True

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

    async def _due_spans(self, work: Work) -> list[_Span]:
        """Return what to sum up: what has changed, and then what is to be folded."""
        strategy = self._strategy(work)
        if not strategy.shows_summary:
            return []
        spans: list[_Span] = []
        for segment in _segments_of(work):
            if segment.edits:
                spans += await self._around(work, segment)
            elif segment.stale or segment.withheld:
                spans.append(_Span(segment.begin, segment.end))
        start = max(work.summary.covers, work.reset_position)
        if strategy.folds:
            turns = [turn async for turn in self._turns(work, start, work.head)]
            end = self._fold_end(work, turns, self._counter(work))
            if end is not None:
                spans.append(_Span(start, end, self._shortened_to(turns)))
        return spans

    async def _around(self, work: Work, segment: Segment) -> list[_Span]:
        """Return a few turns around each edit in a segment that says nothing."""
        spans: list[_Span] = []
        done = segment.begin
        for position in sorted(segment.edits):
            if position < done:
                continue
            low, high = max(done, position - _AROUND), min(segment.end, position + _AROUND)
            records = self._records(work, low, high)
            ends = [each.position + 1 async for each in records if isinstance(each, Answer)]
            before = [end for end in ends if end <= position]
            begin = before[-_TURNS_BEFORE:][0] if before else low
            done = next((end for end in ends if end > position), high)
            spans.append(_Span(begin, done))
        return spans

    def _is_small(
        self, work: Work, turns: Sequence[Turn], counter: TokenCounter, size: int
    ) -> bool:
        """Return whether turns that have so many tokens together need no folding."""
        sizes = [size // len(turns) + 1] * len(turns)  # as if all of them were of one size
        replies = [turn.answer for turn in turns[-_LAST_REPLIES:]]
        room, lead = self._room(work), _lead(work, counter)
        marks = self._memory_of(work).marks_for(sizes, room, replies, lead=lead)
        strategy = self._strategy(work)
        return strategy.fold(turns, sizes, marks) is None

    def _fold_end(self, work: Work, turns: Sequence[Turn], counter: TokenCounter) -> int | None:
        """Return the position up to which these turns are to be folded; None if none are.

        The turns are those that no summary covers.
        """
        strategy = self._strategy(work)
        whole = sizes_of(turns, work.kind, counter)
        replies = [turn.answer for turn in turns]
        room, lead = self._room(work), _lead(work, counter)
        marks = self._memory_of(work).marks_for(whole, room, replies, lead=lead)
        saved = [saved_in(turn, counter.count) for turn in turns]
        least = [size - less for size, less in zip(whole, saved, strict=True)]
        done = sum(turn.end <= work.summary.shortened_to for turn in turns)
        return strategy.fold(turns, [*least[:done], *whole[done:]], marks, least)

    def _shortened_to(self, turns: Sequence[Turn]) -> int:
        """Return the position before which long answers are shortened after a fold."""
        keep = (self._memory.marks or self._memory).keep
        return turns[-keep].start if len(turns) > keep else 0

    def _room(self, work: Work) -> int:
        """Return the tokens that turns may have before they are folded."""
        return self._memory_of(work).room(work.lease.thread, now=self._clock.monotonic()) // 2

    def _memory_of(self, work: Work) -> Memory:
        """Return the memory of a conversation under its settings."""
        return self._memory.under(work.effective.settings)

    def _strategy(self, work: Work) -> Strategy:
        chosen = work.effective.settings.strategy
        return self._memory_of(work).strategy(work.kind, chosen)

    def _counter(self, work: Work) -> TokenCounter:
        """Return what counts the tokens of texts in this conversation."""
        answers = (each for each in reversed(work.records) if isinstance(each, Answer))
        return self._memory_of(work).counter.after(answers)

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


def _is_broken(work: Work) -> bool:
    """Return whether a part of a thread's summary must be made again."""
    summary = work.summary
    return summary.covers > work.reset_position and (summary.stale or not summary.text)


def _lead(work: Work, counter: TokenCounter) -> int:
    """Return the tokens of a thread's summary and pins."""
    return counter.count(work.summary.text) + sum([counter.count(pin.text) for pin in work.pins])


def _segments_of(work: Work) -> tuple[Segment, ...]:
    """Return the segments of a thread's summary; that of an earlier version is one."""
    summary = work.summary
    return summary.segments or whole(
        summary.text,
        begin=work.reset_position,
        end=summary.covers,
        stale=summary.stale,
        withheld=summary.withheld,
    )
