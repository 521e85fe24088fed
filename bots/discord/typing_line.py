"""Showing that the bot is typing, for as long as it works; it lasts ten seconds each time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.errors import PlatformError

if TYPE_CHECKING:
    from bots.discord.api import Api
    from core.clock import Clock

log = logging.getLogger(__name__)

_AFTER = 0.3
"""Seconds of work before it is shown: an answer that is ready by then needs none."""
_AGAIN = 8.0


class TypingLine:
    """Shows it in each channel that it was asked for, and never fails."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Show nothing yet."""
        self._api = api
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def show(self, channel: str, *, working: bool) -> None:
        """Let a channel show it, or no longer."""
        task = self._tasks.pop(channel, None)
        if task is not None:
            task.cancel()
        if working:
            self._tasks[channel] = asyncio.create_task(self._keep(channel))

    async def close(self) -> None:
        """End all of it."""
        tasks = [*self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep(self, channel: str) -> None:
        await self._clock.sleep(_AFTER)
        while True:
            try:
                await self._api.call(
                    "show that it types", lambda: self._api.http.send_typing(int(channel))
                )
            except PlatformError as error:
                log.info("typing is not shown: %s", error)
                return
            await self._clock.sleep(_AGAIN)
