"""How far the bot has heard, so that it knows after a downtime from when on to look.

A cursor moves with what is taken in, and never back. Moving it is not worth a call for each
message: what lies between is read again, and known from the first time. While it is not known
what was missed, no cursor moves past that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.domain.errors import StoreError
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from core.domain.message import Message
    from core.store.port import Store

log = logging.getLogger(__name__)

_EVERY = 20.0
"""Seconds between two moves of one cursor; the margin of catch-up is far more."""
_MICRO = 1_000_000


def _all(_place: str) -> str:
    return ""


class Cursors:
    """The cursors of one bot: one for each place, and one for all places of a group together."""

    def __init__(
        self, store: Store, clock: Clock, bot: str, *, group: Callable[[str], str] = _all
    ) -> None:
        """Keep them in this store under a name of the bot's; held until `release`.

        `group` names what a place is heard together with: where one of them is heard, all are.
        """
        self._store = store
        self._clock = clock
        self._bot = bot
        self._group = group
        self._moved: dict[str, float] = {}
        self._tasks = Tasks("moving a cursor")
        self._held: dict[str, float] | None = {}
        """Where cursors would be by now, as long as they are held."""
        self._holds = 0

    async def of(self, place: str) -> float:
        """Return until when a place was heard, by the platform's clock; 0 where nobody knows."""
        position = await self._store.cursor(self._name(place))
        return (position or await self._store.cursor(self._name(self._group(place)))) / _MICRO

    async def advance(self, place: str, at: float) -> None:
        """Move a place's cursor."""
        await self._store.advance(self._name(place), int(at * _MICRO))

    def hold(self) -> int:
        """Let no cursor move until what was missed is known; return what `release` takes."""
        self._holds += 1
        self._held = {} if self._held is None else self._held
        return self._holds

    @property
    def holds(self) -> int:
        """Return what `release` takes now."""
        return self._holds

    def release(self, holds: int) -> None:
        """Let cursors move again, unless they were held once more in the meantime."""
        if self._held is None or holds != self._holds:
            return
        held, self._held = self._held, None
        for name, at in held.items():
            self._move(name, at)

    def moved(self, message: Message) -> None:
        """Note that a message was taken in."""
        place = message.thread.place
        for name in (place, self._group(place)):
            if self._held is not None:
                self._held[name] = max(message.at, self._held.get(name, 0.0))
            elif self._clock.monotonic() - self._moved.get(name, -_EVERY) >= _EVERY:
                self._move(name, message.at)

    async def close(self) -> None:
        """Let what is being moved arrive."""
        await self._tasks.wait()

    def _move(self, place: str, at: float) -> None:
        self._moved[place] = self._clock.monotonic()
        self._tasks.start(self._advance(place, at))

    async def _advance(self, place: str, at: float) -> None:
        try:
            await self.advance(place, at)
        except StoreError as error:
            log.info("a cursor stays where it is: %s", error)

    def _name(self, place: str) -> str:
        return f"{self._bot}:{place}"
