"""When summaries are made: after an answer, and after a deletion that has removed a part of one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.domain.errors import described
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.domain.session import Answer
    from core.memory.compaction import Compactor
    from core.store.values import Work

log = logging.getLogger(__name__)

REBUILD_DELAY = 0.3
"""Seconds from a deletion until the thread's summary is rebuilt: many deletions come together."""


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
