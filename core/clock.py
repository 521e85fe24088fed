"""The time, as something that is handed in, so that a test can hold it still."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """Wall time, a steady time, and a way to wait."""

    def now(self) -> float:
        """Return the wall time in seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        ...

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call in so many seconds; return what keeps it from being made.

        What nearly always ends before that needs no task to wait for it.
        """
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall time in seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on the machine's steady clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        await asyncio.sleep(seconds)

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call in so many seconds; return what keeps it from being made."""
        return asyncio.get_running_loop().call_later(seconds, call).cancel
