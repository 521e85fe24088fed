"""Showing that the bot is typing while it works; Discord shows it for ten seconds each time."""

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
"""Seconds of work before it is shown: an answer ready by then needs none."""
_REFRESH = 8.0
"""Seconds after which it is shown again."""


class Status:
    """Shows it in each channel in which the bot works, and never fails."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Start with nothing shown."""
        self._api = api
        self._clock = clock
        self._early: dict[str, float] = {}
        """Channels in which it is not shown yet, with the time at which it is due, in order."""
        self._starting: asyncio.Task[None] | None = None
        """One task for all channels: most turns end before it is due."""
        self._shown: dict[str, asyncio.Task[None]] = {}

    def show(self, channel: str, *, working: bool, at_once: bool = False) -> None:
        """Show in a channel that the bot is typing, or no longer do."""
        self._early.pop(channel, None)
        task = self._shown.pop(channel, None)
        if task is not None:
            task.cancel()
        if working and at_once:
            self._shown[channel] = asyncio.create_task(self._keep_showing(channel))
        elif working:
            self._early[channel] = self._clock.monotonic() + _AFTER
            if self._starting is None or self._starting.done():
                self._starting = asyncio.create_task(self._start())

    async def close(self) -> None:
        """Stop showing it anywhere."""
        self._early.clear()
        tasks = [*self._shown.values(), *filter(None, [self._starting])]
        self._shown.clear()
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
                self._shown[channel] = asyncio.create_task(self._keep_showing(channel))
        self._starting = None

    async def _keep_showing(self, channel: str) -> None:
        while True:
            try:
                await self._api.call(
                    "show that it is typing", lambda: self._api.http.send_typing(int(channel))
                )
            except PlatformError as error:
                log.info("typing is not shown: %s", error)
                return
            except Exception as error:  # noqa: BLE001 - nothing waits for it
                log.error("typing is not shown: %s", broke(error))  # noqa: TRY400 - no text
                return
            await self._clock.sleep(_REFRESH)
