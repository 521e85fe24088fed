"""What a worker does again and again: looking for work that nobody brought, and sweeping.

A store that is out, or that refuses for a moment, ends no loop. What ends one is a fault of ours.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from core.delivery.port import target_of
from core.domain.cancel import CancelScope, StoppedError
from core.domain.errors import StoreError
from core.store.keys import unique
from core.store.values import Outcome, Work
from core.worker.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from typing import Any

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.port import Store
    from core.worker.outage import Outage
    from core.worker.slots import WaitingThreads

log = logging.getLogger(__name__)

_LOOKS = 3
"""Looks at the work index in the time a lease lives; wakes may be lost, the index is not."""
_SWEEP_SECONDS = 60.0
_OUTAGE_PAUSE = 1.0
"""Seconds between two tries to reach a store that is out."""
_AFTER_OUTAGE = 2.0
"""Seconds for which a store that is there again is left to those that hold leases.

Theirs may have run out meanwhile; renewed, the answers that are being made are not lost.
"""
_PASSED = 200
"""Threads of people with turns enough that are passed over at a look."""
_PASSED_SECONDS = 0.5
"""A pause between two looks that pass some over: the store can't tell when there are others."""


class ClaimLoop:
    """The loops of one worker. They end only when they are cancelled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        platforms: Collection[str],
        outage: Outage,
        *,
        line: WaitingThreads,
        take: Callable[[Work, float, Slot], None],
        put_off: Callable[[ThreadKey, Slot], None],
    ) -> None:
        """Look for work of `platforms`, which may grow, where the room behind `line` has a place.

        `take` gets what is found, the steady time before it was asked for, and its place;
        `put_off` gets a thread that is left unclaimed, with its place in line, as others come
        first. Those that stand in `line` already are our own.
        """
        self._store = store
        self._clock = clock
        self._platforms = platforms
        self._line = line
        self._take = take
        self._put_off = put_off
        self._overdue = False
        """The last that was found had waited for longer than our line, and was not of it."""
        self._passed: list[ThreadKey] = []
        """What the last look passed over."""
        self._joined = CancelScope()
        self._outage = outage

    def forever(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return the loops, by what they do."""
        return {"looks for work": self._claim_forever(), "sweeps": self._sweep_forever()}

    def look_now(self) -> None:
        """Look at once: there are more platforms."""
        self._joined.set()

    async def _claim_forever(self) -> None:
        while True:
            try:
                if self._outage.lasts:
                    await self._come_back()
                await self._claim_next()
            except StoreError as error:
                self._outage.failed(error)
                await self._clock.sleep(_OUTAGE_PAUSE)

    async def _come_back(self) -> None:
        """See that the store serves, and let those that hold leases renew them first."""
        await self._store.ping()
        self._outage.over()
        await self._clock.sleep(min(_AFTER_OUTAGE, self._store.lease_seconds / 2))

    async def _claim_next(self) -> None:
        self._joined = CancelScope()
        platforms = tuple(self._platforms)
        left = await self._claim_any(platforms) if platforms else None
        if left is not None and left <= 0:
            return
        pause = self._pause if left is None else min(self._pause, left)
        # While there is work that we pass over, nobody who waits for work need wait.
        waiting = (
            self._clock.sleep(min(pause, _PASSED_SECONDS))
            if self._passed
            else self._store.wait(platforms, pause)
        )
        with contextlib.suppress(StoppedError):
            await self._joined.ends(waiting)

    async def _claim_any(self, platforms: tuple[str, ...]) -> float | None:
        """Claim what has waited the longest; return the seconds until there is more, if known."""
        place = Slot(self._line.room)
        try:
            await place.take(first=self._overdue)
            if not self._line.room.has_line:
                place.leave()  # whoever comes meanwhile need not wait for our look
            self._passed = self._line.held_back()
            asked_at = self._clock.monotonic()
            found = await self._store.claim_any(platforms, unique(), self._passed)
        except BaseException:
            place.leave()
            raise
        self._overdue = False
        if not isinstance(found, Work):
            place.leave()
            return found.seconds
        if place.pass_to(target_of(found).asker):
            self._overdue = found.lease.thread not in self._line
            self._take(found, asked_at, place)
        else:
            await self._leave(found, place, many=len(self._passed) >= _PASSED)
        return 0

    async def _leave(self, found: Work, place: Slot, *, many: bool) -> None:
        """Leave a thread to its turn in our line, or to another process that has room for it.

        Where there are many already, it is looked at again after a while.
        """
        try:
            delay = self._pause if many else 0
            await self._store.settle(found.lease, Outcome.UNTOUCHED, delay=delay)
        finally:
            if many:
                place.leave()
            else:
                self._put_off(found.lease.thread, place)

    @property
    def _pause(self) -> float:
        return self._store.lease_seconds / _LOOKS

    async def _sweep_forever(self) -> None:
        while True:
            try:
                while await self._store.sweep():
                    await self._clock.sleep(0)
            except StoreError as error:
                log.info("expired sessions stay for now: %s", error)
            await self._clock.sleep(_SWEEP_SECONDS)
