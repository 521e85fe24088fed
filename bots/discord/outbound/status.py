"""Showing that the bot is typing, for as long as it works; it lasts ten seconds each time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.domain.errors import PlatformError, broke

if TYPE_CHECKING:
    from bots.discord.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_AFTER = 0.3
"""Seconds of work before it is shown: an answer that is ready by then needs none."""
_AGAIN = 8.0


class Status:
    """Shows it in each channel that it was asked for, and never fails."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Show nothing yet."""
        self._api = api
        self._clock = clock
        self._early: dict[str, float] = {}
        """Channels that are not to show it yet, in the order of the times from which they are."""
        self._starting: asyncio.Task[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def show(self, channel: str, *, working: bool) -> None:
        """Let a channel show it, or no longer."""
        self._early.pop(channel, None)
        task = self._tasks.pop(channel, None)
        if task is not None:
            task.cancel()
        if working:
            self._early[channel] = self._clock.monotonic() + _AFTER
            if (
                self._starting is None or self._starting.done()
            ):  # one for all: most turns are over before it is shown
                self._starting = asyncio.create_task(self._start())

    async def close(self) -> None:
        """End all of it."""
        self._early.clear()
        tasks = [*self._tasks.values(), *filter(None, [self._starting])]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _start(self) -> None:
        while self._early:
            channel, due = next(iter(self._early.items()))
            wait = due - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            else:
                del self._early[channel]
                self._tasks[channel] = asyncio.create_task(self._keep(channel))
        self._starting = None

    async def _keep(self, channel: str) -> None:
        while True:
            try:
                await self._api.call(
                    "show that it types", lambda: self._api.http.send_typing(int(channel))
                )
            except PlatformError as error:
                log.info("typing is not shown: %s", error)
                return
            except Exception as error:  # noqa: BLE001 - nobody waits for it
                log.error("typing is not shown: %s", broke(error))  # noqa: TRY400 - no text
                return
            await self._clock.sleep(_AGAIN)
