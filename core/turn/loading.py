"""Loading what a turn needs of a thread's log: what stands behind the summary.

Where the summary is gone, since something that it was made of was deleted, the turns that it stood
for are loaded themselves, the newest first, until it is made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.session import turns_of, whole_turns

if TYPE_CHECKING:
    from core.domain.session import Entry, Record, Summary, Turn
    from core.memory.strategies.strategy import Strategy
    from core.store.port import Store
    from core.store.values import Work

_PAGE = 200
BYTES_PER_TOKEN = 8
"""More than a token has in any language, so that what fits is loaded; it is counted later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a turn needs of a thread's log."""

    summary: Summary
    turns: tuple[Turn, ...]
    """Whole turns, oldest first."""
    waiting: tuple[Entry, ...]
    since: int
    """The first place that was loaded."""
    files_from: int
    """The first place whose files are to be shown; those before it are named."""


async def load(store: Store, work: Work, strategy: Strategy, *, tokens: int) -> Loaded:
    """Return what a turn needs of a claimed thread, or of one that was looked at.

    Of what a withheld summary stood for, no more is loaded than may have so many tokens.
    """
    thread, start = work.lease.thread, max(work.summary.covers, work.line)
    since = min(work.since, max(start, work.head - strategy.reach))
    before = [record async for record in store.records(thread, since, work.since)]
    records = [*before, *work.records]
    if not (work.summary.withheld and strategy.shows_summary):
        turns, waiting = turns_of(records)
        return Loaded(
            summary=work.summary,
            turns=whole_turns(turns, since=since, start=start),
            waiting=waiting,
            since=since,
            files_from=start,
        )
    before, begin = await _back(store, work, since, most=tokens * BYTES_PER_TOKEN)
    turns, waiting = turns_of([*before, *records])
    if begin < since:  # a page may begin in the middle of a turn
        turns = whole_turns(turns, since=begin, start=work.line)
    return Loaded(
        summary=replace(work.summary, covers=work.line),
        # With what was said, what was answered is left out as well, as of a summary.
        turns=tuple(turn for turn in turns if turn.entries or turn.end > start),
        waiting=waiting,
        since=begin,
        files_from=start,
    )


async def _back(store: Store, work: Work, end: int, *, most: int) -> tuple[list[Record], int]:
    """Return the records before `end`, of at least `most` bytes of text if there are; and where."""
    records: list[Record] = []
    size, begin = 0, end
    while begin > work.line and size < most:
        end, begin = begin, max(work.line, begin - _PAGE)
        page = [record async for record in store.records(work.lease.thread, begin, end)]
        size += sum(len(record.text.encode(errors="surrogatepass")) for record in page)
        records = [*page, *records]
    return records, begin
