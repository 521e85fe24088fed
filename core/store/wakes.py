"""Wakes: one connection listens, and wakes every task that waits for work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before a listener that ended is started again. Work is found later meanwhile."""


class Wakes:
    """Runs a listener from the first wait on, and wakes all waiting tasks when it hears a wake."""

    def __init__(self, listen: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run `listen` as a task of this name; it goes on until cancelled, and calls `wake`."""
        self._listen = listen
        self._name = name
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Wake the tasks that wait, so that they look for work."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return at a wake, or after this many seconds."""
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
        """Keep listening, whatever a driver raises: without wakes, only polling finds work."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - only `close` may end it
                log.warning("%s ended and starts again: %s", self._name, type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
