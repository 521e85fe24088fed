"""What a worker does again and again: looking for work that nobody brought, and sweeping.

A store that is out, or that refuses for a moment, ends no loop. What ends one is a fault of ours.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.room import Place
from core.stop import Stop, StoppedError
from core.store.keys import unique
from core.store.values import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from typing import Any

    from core.clock import Clock
    from core.message import ThreadKey
    from core.outage import Outage
    from core.room import Room
    from core.store.port import Store

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


class Rounds:
    """The loops of one worker. They end only when they are cancelled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        room: Room,
        platforms: Collection[str],
        outage: Outage,
        *,
        take: Callable[[Work, float, Place], None],
        is_ours: Callable[[ThreadKey], bool],
    ) -> None:
        """Look for work of `platforms`, which may grow, where `room` has a place.

        `take` gets what is found, the steady time before it was asked for, and its place.
        `is_ours` tells whether a thread stands in our own line.
        """
        self._store = store
        self._clock = clock
        self._room = room
        self._platforms = platforms
        self._take = take
        self._is_ours = is_ours
        self._overdue = False
        """The last that was found had waited for longer than our line, and was not of it."""
        self._joined = Stop()
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
        await self._store.ping(self._clock.now())
        self._outage.over()
        await self._clock.sleep(min(_AFTER_OUTAGE, self._store.lease_seconds / 2))

    async def _claim_next(self) -> None:
        self._joined = Stop()
        platforms = tuple(self._platforms)
        left = await self._claim_any(platforms) if platforms else None
        if left is not None and left <= 0:
            return
        pause = self._store.lease_seconds / _LOOKS
        waiting = self._store.wait(platforms, pause if left is None else min(pause, left))
        with contextlib.suppress(StoppedError):
            await self._joined.ends(waiting)

    async def _claim_any(self, platforms: tuple[str, ...]) -> float | None:
        """Claim what has waited the longest; return the seconds until there is more, if known."""
        place = Place(self._room)
        try:
            await place.take(first=self._overdue)
            if not self._room.has_line:
                place.leave()  # whoever comes meanwhile need not wait for our look
            asked_at = self._clock.monotonic()
            found = await self._store.claim_any(platforms, unique())
        except BaseException:
            place.leave()
            raise
        if isinstance(found, Work):
            self._overdue = not self._is_ours(found.lease.thread)
            self._take(found, asked_at, place)
            return 0
        self._overdue = False
        place.leave()
        return found.seconds

    async def _sweep_forever(self) -> None:
        while True:
            try:
                while await self._store.sweep():
                    await self._clock.sleep(0)
            except StoreError as error:
                log.info("expired sessions stay for now: %s", error)
            await self._clock.sleep(_SWEEP_SECONDS)
