"""The time, as a dependency that is passed in, so that tests can control it; and backoff."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


_WINDOW = 600.0
"""Seconds after which an estimate gives way to a newer one, so that clocks may drift apart."""
_ODD = 2 * 24 * 3600.0
"""Seconds ahead of the host's clock from which on a time is no clock's, but a fault."""


class PlatformClock(Clock):
    """A platform's own wall time, estimated from the times that it tells.

    What people do there is ordered by that clock, whatever the host's says. A time that was told is
    past, so the latest of several is the best, and the estimate is late by its delay.
    """

    def __init__(self, host: Clock) -> None:
        """Return the host's time until another is heard."""
        self._host = host
        self._ahead = self._before = self._guessed = -math.inf
        """The platform's time less the host's steady time: now, in the window before, guessed."""
        self._until = -math.inf

    def heard(self, at: float) -> None:
        """Note that the platform dates something that happens just now, in seconds since 1970."""
        steady = self._host.monotonic()
        ahead = at - steady
        if ahead <= self._ahead and steady < self._until:  # nearly always
            return
        if at > self._host.now() + _ODD:
            return
        if steady >= self._until:
            self._before, self._ahead, self._until = self._ahead, ahead, steady + _WINDOW
        else:
            self._ahead = ahead

    def guess(self, at: float) -> None:
        """Note a time that is less exact; it counts until one is heard."""
        self._guessed = at - self._host.monotonic()

    @override
    def now(self) -> float:
        heard = max(self._ahead, self._before)
        ahead = heard if heard > -math.inf else self._guessed
        return self._host.monotonic() + ahead if ahead > -math.inf else self._host.now()

    @override
    def monotonic(self) -> float:
        return self._host.monotonic()

    @override
    async def sleep(self, seconds: float) -> None:
        await self._host.sleep(seconds)

    @override
    def later(self, seconds: float, call: Callable[[], object]) -> Callable[[], None]:
        return self._host.later(seconds, call)


# --- waits between attempts -----------------------------------------------------------------------

_MOST_DOUBLINGS = 64
"""Exponent past which a wait has reached any cap; a larger one would overflow a float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow from `first` by `factor` up to `cap`, all in seconds.

    A policy holds no state. Each run of failures iterates over it once::

        waits = iter(Backoff(first=0.2, cap=3.0))
        while not await attempt():
            await clock.sleep(next(waits))

    Or asks by number, if the count is kept elsewhere: `backoff.wait(failures)`.
    """

    first: float
    """Seconds to wait after the first failure."""
    cap: float
    """The most seconds to wait, however many failures there were."""
    factor: float = 2.0
    """By how much the wait grows with each failure."""
    jitter: float = 0.0
    """The share of each wait, from 0 to 1, of which a random part is taken off.

    It keeps replicas that failed together from coming back together.
    """
    random: Random = field(default_factory=SystemRandom, repr=False, compare=False)
    """Where the jitter comes from."""

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after this many failures in a row, counted from 1."""
        exponent = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        full = min(self.cap, self.first * self.factor**exponent)
        return self.random.uniform(full * (1 - self.jitter), full) if self.jitter else full

    def __iter__(self) -> Iterator[float]:
        """Yield the seconds to wait after each failure, without end."""
        failures = 0
        while True:
            failures += 1
            yield self.wait(failures)
