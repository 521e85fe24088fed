"""Follows a thread's log and shows each record once, whichever process wrote it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.session import Answer, Entry, Status
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.port import Store
    from core.store.values import Work

_PAGE = 200


class Follower:
    """Shows what is new in one thread's log, in order.

    An answer comes right after the last message it answers, so it may come *before* messages that
    are already shown. Everything up to the last answer shown is final, and each read starts there.
    The message at that position also proves that the log is still the same, and not a new one
    after an erase.
    """

    def __init__(
        self, store: Store, thread: ThreadKey, show: Callable[[Record], Awaitable[None]]
    ) -> None:
        """Show the records of `thread` by `show`; await `begin` first."""
        self.thread = thread
        self._store = store
        self._show = show
        self._lock = asyncio.Lock()
        self._after = -1
        """Up to this position everything is answered and shown."""
        self._anchor = ""
        """The id of the message at that position."""
        self._shown: dict[str, int] = {}
        """The messages after it that are already shown: id → position."""
        self._last = ""
        """The id of the last message read."""
        self._at_end = False

    async def begin(self) -> tuple[Entry, ...]:
        """Start at the end of the log; return the messages there that wait for an answer."""
        work = await self._store.peek(self.thread)
        if work is None:
            return ()
        self._after = _settled(work)
        at = self._after
        page = await self._store.history(self.thread, after=at - 1, limit=1) if at >= 0 else ()
        self._anchor = next((r.id for r in page if isinstance(r, Entry) and r.position == at), "")
        return tuple(
            record
            for record in work.records
            if isinstance(record, Entry)
            and record.position > self._after
            and record.status is Status.ADDRESSED
        )

    def misses(self, message: str) -> bool:
        """Return whether the log lacks a message that should wait there for its answer."""
        return self._at_end and message not in self._shown

    async def catch_up(self) -> None:
        """Show everything new. Several tasks may call this at once."""
        async with self._lock:
            while await self._show_page():
                pass

    async def _show_page(self) -> bool:
        """Show what is new in one page; return whether there may be more."""
        before = self._after
        page = await self._store.history(self.thread, after=max(before - 1, -1), limit=_PAGE)
        self._at_end = len(page) < _PAGE
        if self._is_other_log(page):
            self._after, self._anchor = -1, ""
            self._shown.clear()
            return True
        for record in page:
            await self._show_record(record)
        return self._after != before and not self._at_end

    def _is_other_log(self, page: tuple[Record, ...]) -> bool:
        if not self._anchor:
            return False
        first = page[0] if page else None
        return not (isinstance(first, Entry) and first.id == self._anchor)

    async def _show_record(self, record: Record) -> None:
        if record.position <= self._after:
            return
        if isinstance(record, Entry):
            if record.id not in self._shown:
                self._shown[record.id] = record.position
                await self._show(record)
            self._last = record.id
            return
        # Set first: a shutdown may cancel `show` when it has already shown the record.
        self._after, self._anchor = record.position, self._last
        self._shown = {id_: at for id_, at in self._shown.items() if at > record.position}
        await self._show(record)


def _settled(work: Work) -> int:
    """Return the position up to which there is nothing left to show."""
    if work.state is not TurnState.COMMITTED:
        return work.head - 1
    # The last answer is recorded, but perhaps not shown to anyone yet.
    return next(
        (
            record.position - 1
            for record in work.records
            if isinstance(record, Answer) and record.turn == work.lease.turn
        ),
        work.head - 1,
    )
