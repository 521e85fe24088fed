"""How far the bot has heard, so that it knows after a downtime from when on to look.

A cursor moves with what is taken in, and never back. Moving it is not worth a call for each
message: what lies between is read again, and known from the first time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.errors import StoreUnavailableError

if TYPE_CHECKING:
    from core.clock import Clock
    from core.message import Message
    from core.store.port import Store

log = logging.getLogger(__name__)

_EVERY = 20.0
"""Seconds between two moves of one cursor; the margin of catch-up is far more."""
_MICRO = 1_000_000


class Cursors:
    """The cursors of one workspace: one for each place, and one for all together."""

    def __init__(self, store: Store, clock: Clock, team: str) -> None:
        """Keep them in this store."""
        self._store = store
        self._clock = clock
        self._team = team
        self._moved: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def of(self, place: str) -> float:
        """Return until when a place was heard, by the platform's clock; 0 where nobody knows."""
        position = await self._store.cursor(self._name(place))
        return (position or await self._store.cursor(self._name(""))) / _MICRO

    async def advance(self, place: str, at: float) -> None:
        """Move a place's cursor."""
        await self._store.advance(self._name(place), int(at * _MICRO))

    def moved(self, message: Message) -> None:
        """Note that a message was taken in."""
        now = self._clock.monotonic()
        for place in (message.thread.place, ""):
            if now - self._moved.get(place, -_EVERY) >= _EVERY:
                self._moved[place] = now
                task = asyncio.create_task(self._advance(place, message.at))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let what is being moved arrive."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _advance(self, place: str, at: float) -> None:
        try:
            await self.advance(place, at)
        except StoreUnavailableError as error:
            log.info("a cursor stays where it is: %s", error)

    def _name(self, place: str) -> str:
        return f"slack:{self._team}:{place}"
