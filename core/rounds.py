"""What a worker does again and again: looking for work that nobody brought, and sweeping."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from core.errors import StoreUnavailableError
from core.room import Place
from core.stop import Stop, StoppedError
from core.store.keys import unique
from core.store.values import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from typing import Any

    from core.clock import Clock
    from core.message import ThreadKey
    from core.room import Room
    from core.store.port import Store

log = logging.getLogger(__name__)

_LOOKS = 3
"""Looks at the work index in the time a lease lives; wakes may be lost, the index is not."""
_SWEEP_SECONDS = 60.0


class Rounds:
    """The loops of one worker. They end only when they are cancelled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        room: Room,
        platforms: Collection[str],
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

    def forever(self) -> list[Coroutine[Any, Any, None]]:
        """Return the loops."""
        return [self._claim_forever(), self._sweep_forever()]

    def look_now(self) -> None:
        """Look at once: there are more platforms."""
        self._joined.set()

    async def _claim_forever(self) -> None:
        reachable = True
        while True:
            try:
                await self._claim_next()
                reachable = True
            except StoreUnavailableError as error:
                if reachable:  # once for an outage, not once a second
                    log.warning("the store is out of reach, trying again: %s", error)
                reachable = False
                await self._clock.sleep(1)

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
            except StoreUnavailableError as error:
                log.warning("expired sessions stay for now: %s", error)
            await self._clock.sleep(_SWEEP_SECONDS)
