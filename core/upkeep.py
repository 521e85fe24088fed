"""Summaries in the background: nobody waits for one, and no turn fails by one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.odd import described

if TYPE_CHECKING:
    from core.compaction import Compactor
    from core.message import ThreadKey
    from core.session import Answer
    from core.store.values import Work

log = logging.getLogger(__name__)


class Upkeep:
    """What is done for a thread once it has its answer."""

    def __init__(self, compactor: Compactor) -> None:
        """Have nothing to do."""
        self._compactor = compactor
        self._closed = False
        self.jobs: set[asyncio.Task[None]] = set()
        """What is being done."""

    def close(self) -> None:
        """Begin nothing more."""
        self._closed = True

    def answered(self, work: Work, answer: Answer, size: int) -> None:
        """Fold what is due by now; for `size` see `Compactor.is_due`."""
        if self._closed or not self._is_due(work, answer, size):
            return
        job = asyncio.create_task(self._compact(work.lease.thread))
        self.jobs.add(job)
        job.add_done_callback(self.jobs.discard)

    def _is_due(self, work: Work, answer: Answer, size: int) -> bool:
        try:
            return self._compactor.is_due(work, answer.text, size=size)
        except Exception as error:  # noqa: BLE001 - the turn is over, whatever this is
            log.warning("whether a summary is due is not known: %s", described(error))
            return False

    async def _compact(self, thread: ThreadKey) -> None:
        await self._compactor.compact(thread)  # it never fails
