"""The time of a fake, and waiting for what happens in it."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class UnshownError(AssertionError):
    """A test did what no person could do: pressed what isn't there, wrote where they may not."""


class Simulation:
    """Time passes as the test says, and a test can wait until something holds."""

    def __init__(self, *, now: Callable[[], float] = time.time, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self._now = now
        self._offset = 0.0
        self._waiting: dict[asyncio.Future[None], Callable[[], object]] = {}

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._now() + self._offset

    def hold(self) -> None:
        """Let time stand still from now on, but for `advance`: however slow the machine is."""
        at = self._now()
        self._now = lambda: at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._offset += seconds

    def touch(self) -> None:
        """Wake those who wait for a change that has come."""
        for future, predicate in list(self._waiting.items()):
            if not future.done() and predicate():
                future.set_result(None)

    async def until(self, predicate: Callable[[], object], within: float = 30.0) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: It never did.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = predicate
        try:
            self.touch()
            await asyncio.wait_for(future, within)
        finally:
            del self._waiting[future]

    def require(self, here: object, message: str) -> None:
        """Fail a test that does what no person could."""
        if not here:
            raise UnshownError(message)
