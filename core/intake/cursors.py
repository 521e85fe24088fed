"""Cursors: up to when each channel was heard, so that catch-up knows where to start.

A cursor moves forward with the messages that are taken in. It is not moved for each message: those
since its last move are read again, and recognized. While it is not known what was missed, no cursor
moves past that.
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
"""Seconds between two moves of one cursor; the overlap of catch-up is far larger."""
_MICRO = 1_000_000


def _all(_channel: str) -> str:
    return ""


class Cursors:
    """The cursors of one bot: one for each channel, and one for each group of channels."""

    def __init__(
        self, store: Store, clock: Clock, bot: str, *, group: Callable[[str], str] = _all
    ) -> None:
        """Store them under the bot's name, and hold them until `release`.

        `group` returns the name of a channel's group: if one channel of it is heard, all are.
        """
        self._store = store
        self._clock = clock
        self._bot = bot
        self._group = group
        self._moved: dict[str, float] = {}
        self._tasks = Tasks("moving a cursor")
        self._held: dict[str, float] | None = {}
        """Where the cursors would be by now, while they are held."""
        self._holds = 0

    async def of(self, channel: str) -> float:
        """Return up to when a channel was heard, by the platform's clock; 0 if unknown."""
        position = await self._store.cursor(self._name(channel))
        return (position or await self._store.cursor(self._name(self._group(channel)))) / _MICRO

    async def advance(self, channel: str, at: float) -> None:
        """Move a channel's cursor."""
        await self._store.advance(self._name(channel), int(at * _MICRO))

    def hold(self) -> int:
        """Hold all cursors until it is known what was missed; return the argument for `release`."""
        self._holds += 1
        self._held = {} if self._held is None else self._held
        return self._holds

    @property
    def holds(self) -> int:
        """Return the current argument for `release`."""
        return self._holds

    def release(self, holds: int) -> None:
        """Let the cursors move again, unless they were held again meanwhile."""
        if self._held is None or holds != self._holds:
            return
        held, self._held = self._held, None
        for name, at in held.items():
            self._move(name, at)

    def moved(self, message: Message) -> None:
        """Note that a message was taken in."""
        channel = message.thread.place
        for name in (channel, self._group(channel)):
            if self._held is not None:
                self._held[name] = max(message.at, self._held.get(name, 0.0))
            elif self._clock.monotonic() - self._moved.get(name, -_EVERY) >= _EVERY:
                self._move(name, message.at)

    async def close(self) -> None:
        """Wait for the moves that are under way."""
        await self._tasks.wait()

    def _move(self, channel: str, at: float) -> None:
        self._moved[channel] = self._clock.monotonic()
        self._tasks.start(self._advance(channel, at))

    async def _advance(self, channel: str, at: float) -> None:
        try:
            await self.advance(channel, at)
        except StoreError as error:
            log.info("a cursor stays where it is: %s", error)

    def _name(self, channel: str) -> str:
        return f"{self._bot}:{channel}"
