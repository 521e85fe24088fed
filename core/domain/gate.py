"""A gate before something outside that may be down, such as the model or a platform's method.

In an outage, one caller at a time tries, and all others wait: an API that is down is not called by
each turn that needs it, and all turns go on at once when it works again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.domain.clock import Backoff

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.domain.errors import Waitable

log = logging.getLogger(__name__)

_FAILURES = 3
"""Failures in a row that count as an outage."""
_BACKOFF = Backoff(first=1.0, cap=5.0)
"""Waits between attempts in an outage. They are short: one caller makes the attempts, and all that
waits is late by as much."""


class Gate:
    """Open while what is behind it works, as far as this process knows."""

    def __init__(self, name: str, clock: Clock, *, level: int = logging.WARNING) -> None:
        """Start open; `name` says in the log, at this level, what is down."""
        self._name = name
        self._level = level
        self._clock = clock
        self._failures = 0
        self._next_try: float | None = None
        """In an outage, the steady time from which the next caller may try."""
        self._pauses = iter(_BACKOFF)
        self._pause = next(self._pauses)
        self.again = asyncio.Event()
        """Set when the current outage is over; each outage has an event of its own."""

    @property
    def is_open(self) -> bool:
        """Return whether there is no outage."""
        return self._next_try is None

    def wait(self) -> float:
        """Return the seconds that this caller has to wait; 0 lets it try now.

        In an outage, 0 is returned to one caller, who tries for all.
        """
        if self._next_try is None:
            return 0.0
        now = self._clock.monotonic()
        if self._next_try > now:
            return self._next_try - now
        self._next_try = now + self._pause
        return 0.0

    async def passes(self, end: float) -> float:
        """Wait until the caller may try, at most until the steady time `end`.

        Returns 0, or the seconds that the caller would still have to wait.
        """
        while wait := self.wait():
            if wait > end - self._clock.monotonic():
                return wait
            await wait_for(self.again, wait, self._clock)
        return 0.0

    def failed(self, announced: float | None = None) -> None:
        """Note a failure that the call itself did not cause.

        `announced` is the time to come back after, in seconds. An announced failure is an outage at
        once, any other after several failures in a row.
        """
        self._failures += 1
        if announced is None and self._failures < _FAILURES:
            return
        if self._next_try is None:
            log.log(self._level, "%s is down. Retrying until it works.", self._name)
        self._next_try = self._clock.monotonic() + (announced or self._pause)
        self._pause = next(self._pauses)

    def worked(self) -> None:
        """Note a success, which ends an outage."""
        self._failures = 0
        if self._next_try is None:
            return
        log.log(self._level, "%s works again.", self._name)
        self._next_try, self._pauses = None, iter(_BACKOFF)
        self._pause = next(self._pauses)
        self.again.set()
        self.again = asyncio.Event()


async def wait_for(signal: Waitable | None, seconds: float, clock: Clock) -> None:
    """Wait until the signal is set, or for this many seconds, whichever is sooner."""
    if signal is None:
        await clock.sleep(seconds)
        return
    waiting = asyncio.ensure_future(signal.wait())
    cancel_timer = clock.later(seconds, waiting.cancel)
    try:
        await asyncio.wait({waiting})
    finally:
        cancel_timer()
        waiting.cancel()
