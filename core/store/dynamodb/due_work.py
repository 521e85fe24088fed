"""Finding work that may be claimed, where no server has a clock and none sends a message.

`LeaseObserver` finds out when a lease has run out, by watching its beat; `DueWorkPoller` asks the
index of work now and then, as DynamoDB announces nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cachetools import LRUCache

from core.store.dynamodb import index

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.dynamodb.connecting.client import Table

SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks; a look each second costs some two dollars a year."""
_WATCHED = 10_000
"""Leases that are watched at once. Beyond that, the one seen longest ago starts over."""


class LeaseObserver:
    """The beats that this process has seen, and since when it sees the same.

    Each claim and renewal of a lease leaves a beat that never comes again. Its holder counts the
    lease from before that was sent, so whoever has seen the same beat for the time that a lease
    lives, on a steady clock of its own, knows that the lease has run out.
    """

    def __init__(self, clock: Clock, lease_seconds: float) -> None:
        """Have seen nothing yet."""
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.seen: LRUCache[str, tuple[str, float]] = LRUCache(_WATCHED)
        """The last beat of each thread, and since when it is the same."""

    def left(self, thread: str, beat: str) -> float:
        """Note that a thread's lease has this beat now; return the seconds that it still lives.

        Not more than 0: it has run out, and may be taken if its beat is still this one.
        """
        now = self._clock.monotonic()
        last, since = self.seen.get(thread, ("", now))
        if last != beat:
            since = now
        self.seen[thread] = (beat, since)
        return self._lease_seconds - (now - since)

    def forget(self, thread: str) -> None:
        """Watch this thread no more: nobody holds it."""
        self.seen.pop(thread, None)


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
