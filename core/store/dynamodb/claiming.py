"""Finding work that may be claimed, where no server has a clock and none sends a message.

`LeaseObserver` finds out when a lease has run out, by watching its beat; `DueWorkPoller` asks the
index of work now and then, as DynamoDB announces nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cachetools import LRUCache

from core.domain.clock import Backoff
from core.store.dynamodb import index

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.dynamodb.connecting.client import Table

_POLLING = Backoff(first=0.05, cap=1.0)
"""Seconds between two polls; one poll a second costs some two dollars a year."""
_WATCHED = 10_000
"""Leases that are watched at once. Beyond that, the one seen longest ago starts over."""


class LeaseObserver:
    """The beats that this process has seen, and since when each has not changed.

    Each claim and renewal of a lease writes a beat that never repeats. The holder counts the
    lease from before it sent the beat. So a process that has seen the same beat for the life of a
    lease, by its own monotonic clock, knows that the lease has run out.
    """

    def __init__(self, clock: Clock, lease_seconds: float) -> None:
        """Start without having seen any beat."""
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.seen: LRUCache[str, tuple[str, float]] = LRUCache(_WATCHED)
        """The last beat of each thread, and since when it has not changed."""

    def left(self, thread: str, beat: str) -> float:
        """Note the current beat of a thread's lease; return the seconds that the lease still lives.

        At 0 or less the lease has run out, and may be taken if its beat is still the same.
        """
        now = self._clock.monotonic()
        last, since = self.seen.get(thread, ("", now))
        if last != beat:
            since = now
        self.seen[thread] = (beat, since)
        return self._lease_seconds - (now - since)

    def forget(self, thread: str) -> None:
        """Stop watching a thread, which has no lease now."""
        self.seen.pop(thread, None)


class DueWorkPoller:
    """Polls the index of work, less and less often while there is none."""

    def __init__(self, table: Table, clock: Clock, beats: LeaseObserver) -> None:
        """Poll this table."""
        self._table = table
        self._clock = clock
        self._beats = beats
        self._woken = asyncio.Event()
        self._pauses = iter(_POLLING)
        self._pause = next(self._pauses)

    async def look(
        self, platforms: Collection[str], excluded: int = 0
    ) -> list[tuple[float, ThreadKey]]:
        """Return threads with work in the order of their due times.

        Each poll also watches the leases, so that the lease of a dead holder runs out here.

        Args:
            platforms: The platforms of the threads.
            excluded: How many further threads to read, as the caller skips that many.

        Returns:
            For each thread, in how many seconds it may be claimed.
        """
        found = await index.work(self._table, platforms, excluded)
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
                self._pause = next(self._pauses)
        finally:
            self._woken.clear()

    def wake(self) -> None:
        """Make all waiting tasks of this process poll at once."""
        self._woken.set()

    def found(self) -> None:
        """Poll often again, as there may be more work."""
        self._pauses = iter(_POLLING)
        self._pause = next(self._pauses)

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
