"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ManualClock:
    """Implements `core.domain.clock.Clock`; wall time and steady time move together."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """Start at an instant like any other."""
        self._now = start
        self._moved = asyncio.Event()

    def now(self) -> float:
        """Return the wall time."""
        return self._now

    def monotonic(self) -> float:
        """Return the steady time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake who has slept long enough."""
        self._now += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has moved the clock this far."""
        end = self._now + seconds
        while self._now < end:
            await self._moved.wait()
        await asyncio.sleep(0)

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call once the test has moved the clock this far; return what prevents it."""

        async def wait() -> None:
            await self.sleep(seconds)
            call()

        task = asyncio.create_task(wait())

        def never() -> None:
            task.cancel()

        return never
