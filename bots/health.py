"""Health of the bot, for load balancers; `bots.slack.connection.http` serves it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from core.domain.clock import SystemClock
from core.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.store.port import Store

STORE = "store"
WORKER = "worker"
_FRESH_SECONDS = 0.25


class Connected(Protocol):
    """Port: the bot on one platform, and whether it is connected."""

    @property
    def platform(self) -> Platform:
        """Return the platform, for its name."""

    @property
    def connected(self) -> bool:
        """Return whether events can arrive at this moment."""


class WorkerHealth(Protocol):
    """Port: what answers the messages."""

    @property
    def works(self) -> bool:
        """Return whether the loops that look for work run, and the store serves them."""


class Health:
    """Knows what the bot needs, and what of it is missing."""

    def __init__(
        self,
        store: Store,
        platforms: Iterable[str] = (),
        *,
        worker: WorkerHealth | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Expect the bot on these platforms; each is missing until `watch` gets its bot."""
        self._store = store
        self._worker = worker
        self._clock = clock or SystemClock()
        self._wanted = tuple(platforms)
        self._bots: dict[str, Connected] = {}
        self._ping: asyncio.Task[bool] | None = None
        """The last ping of the store; callers during it, and shortly after, share it."""
        self._pinged_at = 0.0

    def watch(self, bot: Connected) -> None:
        """Ask this bot from now on whether it is connected."""
        self._bots[bot.platform.name] = bot

    async def missing(self) -> tuple[str, ...]:
        """Return the names of what is missing: the store, the worker, platforms."""
        store = () if await self._store_serves() else (STORE,)
        worker = () if self._worker is None or self._worker.works else (WORKER,)
        return (*store, *worker, *(name for name in self._wanted if not self._is_on(name)))

    def _is_on(self, name: str) -> bool:
        bot = self._bots.get(name)
        return bot is not None and bot.connected

    async def _store_serves(self) -> bool:
        """Return whether the store serves; rapid calls share one ping, since anyone may call."""
        now = self._clock.monotonic()
        if self._ping is None or (self._ping.done() and now - self._pinged_at > _FRESH_SECONDS):
            self._pinged_at, self._ping = now, asyncio.create_task(self._pinged())
        return await asyncio.shield(self._ping)

    async def _pinged(self) -> bool:
        try:
            await self._store.ping()
        except StoreError:
            return False
        return True
