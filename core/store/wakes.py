"""Wakes: whoever waits for work is woken by what one connection hears."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before what listens is started again, if it ended. Until then work is found later."""


class Wakes:
    """Runs what listens, from the first wait on, and lets all who wait look when it hears."""

    def __init__(self, listen: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run `listen` as a task of this name; it goes on until cancelled, and calls `wake`."""
        self._listen = listen
        self._name = name
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Let whoever waits look for work."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return at a wake, or after this time."""
        if self._task is None:
            self._task = asyncio.create_task(self._forever(), name=self._name)
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def _forever(self) -> None:
        """Listen, whatever a driver raises: without wakes, each message waits for the next look."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - nothing may end it but `close`
                log.warning("%s ended and starts again: %s", self._name, type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
