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
        """Return seconds on a clock that never goes back or stands still; its differences count."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        ...

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call in so many seconds; return what keeps it from being made.

        What nearly always ends before that needs no task to wait for it.
        """
        ...


_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""The steady clock that goes on while the machine sleeps, on which a lease elsewhere runs out.

On Linux that is CLOCK_BOOTTIME, on macOS CLOCK_MONOTONIC; `time.monotonic` stands still on both.
"""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall time in seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on the machine's steady clock, those included for which it slept."""
        return time.monotonic() if _STEADY is None else time.clock_gettime(_STEADY)

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        await asyncio.sleep(seconds)

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call in so many seconds; return what keeps it from being made."""
        return asyncio.get_running_loop().call_later(seconds, call).cancel
