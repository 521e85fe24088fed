"""Exponential backoff: how long to wait between attempts at something that keeps failing."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
