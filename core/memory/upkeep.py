"""Summaries in the background: nobody waits for one, and no turn fails by one."""

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

SOON = 0.3
"""Seconds from a deletion until its thread's summary is made again: many come together."""


class BackgroundCompaction:
    """What is done for a thread once it has its answer, and once something was taken out of it."""

    def __init__(self, compactor: Compactor) -> None:
        """Have nothing to do."""
        self._compactor = compactor
        self._closed = False
        self._soon: dict[ThreadKey, asyncio.TimerHandle] = {}
        self._busy: dict[ThreadKey, bool] = {}
        """Threads for which something is being done; and whether it is to be done once more."""
        self.jobs = Tasks("making a summary")
        """What is being done."""

    def close(self) -> None:
        """Begin nothing more; what is left is done after a next turn."""
        self._closed = True
        for timer in self._soon.values():
            timer.cancel()
        self._soon.clear()

    def answered(self, work: Work, answer: Answer, size: int) -> None:
        """Fold what is due by now; for `size` see `Compactor.is_due`."""
        if self._closed or not self._is_due(work, answer, size):
            return
        self._begin(work.lease.thread, lost=False)

    def changed(self, thread: ThreadKey) -> None:
        """Make a thread's summary again, if it went with something that was deleted just now.

        Nobody's deletion shall blank what is remembered of the others. Where this process dies
        before, it is made after the thread's next turn; until then the turns are shown themselves.
        """
        self._rebuild(thread, SOON)

    def _rebuild(self, thread: ThreadKey, seconds: float) -> None:
        if self._closed or thread in self._soon:
            return

        def begin() -> None:
            del self._soon[thread]
            self._begin(thread, lost=True)

        self._soon[thread] = asyncio.get_running_loop().call_later(seconds, begin)

    def _begin(self, thread: ThreadKey, *, lost: bool) -> None:
        if thread in self._busy:
            self._busy[thread] = True
            return
        self._busy[thread] = False
        self.jobs.start(self._run(thread, lost=lost))

    def _is_due(self, work: Work, answer: Answer, size: int) -> bool:
        try:
            return self._compactor.is_due(work, answer.text, size=size)
        except Exception as error:  # noqa: BLE001 - the turn is over, whatever this is
            log.warning("whether a summary is due is not known: %s", described(error))
            return False

    async def _run(self, thread: ThreadKey, *, lost: bool) -> None:
        try:
            await self._compactor.compact(thread, lost=lost)  # it never fails
            while self._busy[thread] and not self._closed:
                self._busy[thread] = False
                await self._compactor.compact(thread)
        finally:
            del self._busy[thread]
        if (seconds := self._compactor.owed(thread)) is not None:
            self._rebuild(thread, max(seconds, SOON))
