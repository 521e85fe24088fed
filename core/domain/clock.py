"""The time, as a dependency that is passed in, so that tests can control it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """The wall time, a steady time, and a way to wait."""

    def now(self) -> float:
        """Return the wall time in seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back or stops; only differences count."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        ...

    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        """Make a call in so many seconds; return a function that cancels it.

        For a timeout that is nearly always cancelled, this is cheaper than a task that sleeps.
        """
        ...


_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""The steady clock that also runs while the machine sleeps, since leases expire meanwhile.

That is CLOCK_BOOTTIME on Linux, and CLOCK_MONOTONIC on macOS. `time.monotonic` stops on both.
"""


class SystemClock(Clock):
    """The machine's own clock."""

    @override
    def now(self) -> float:
        return time.time()

    @override
    def monotonic(self) -> float:
        return time.monotonic() if _STEADY is None else time.clock_gettime(_STEADY)

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @override
    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        return asyncio.get_running_loop().call_later(seconds, call).cancel
