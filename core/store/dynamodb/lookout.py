"""Looking for work: DynamoDB tells nobody of what others leave, so it is asked, now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.store.dynamodb import index

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.dynamodb.beats import LeaseObserver
    from core.store.dynamodb.client import Table

SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks; a look each second costs some two dollars a year."""


class DueWorkPoller:
    """Looks at the index of work, less and less often while there is none."""

    def __init__(self, table: Table, clock: Clock, beats: LeaseObserver) -> None:
        """Look there."""
        self._table = table
        self._clock = clock
        self._beats = beats
        self._woken = asyncio.Event()
        self._pause = SHORTEST_PAUSE

    async def look(
        self, platforms: Collection[str], besides: int = 0
    ) -> list[tuple[float, ThreadKey]]:
        """Return threads with work, those due first, and in how many seconds each may be claimed.

        So many more are looked at as there are of which nothing is wanted.

        With that, every lease is watched: one whose holder is dead runs out here in its time.
        """
        found = await index.work(self._table, platforms, besides)
        return [(self._left(listed), listed.thread) for listed in found]

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        try:
            while (left := end - loop.time()) > 0:
                if await self._woken_within(min(self._pause, left)):
                    self.found()
                    return
                if loop.time() >= end:
                    return
                if any(left <= 0 for left, _ in await self.look(platforms)):
                    return
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
        finally:
            self._woken.clear()

    def wake(self) -> None:
        """Let all who wait here look at once."""
        self._woken.set()

    def found(self) -> None:
        """Look often again: where there was work there may be more."""
        self._pause = SHORTEST_PAUSE

    def _left(self, listed: index.Listed) -> float:
        if listed.beat:
            return self._beats.left(str(listed.thread), listed.beat)
        return listed.due - self._clock.now()

    async def _woken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._woken.wait()
        except TimeoutError:
            return False
