"""Something outside that may be out, such as a model or one of a platform's methods.

While it is out, one caller at a time tries it, and all others wait: an API that is down is not
called by each turn that needs it, and all of them go on at once when it works again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.domain.backoff import Backoff

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.domain.errors import Waitable

log = logging.getLogger(__name__)

_FAILURES = 3
"""Failures in a row, with no success between them, that make an outage of them."""
_BACKOFF = Backoff(first=1.0, cap=5.0)
"""Waits between attempts in an outage. They are short: one caller makes the attempts, and all that
waits is late by as much."""


class Gate:
    """Open while what is behind it works, as far as this process knows."""

    def __init__(self, name: str, clock: Clock) -> None:
        """Begin open; `name` says in the log what is out."""
        self._name = name
        self._clock = clock
        self._failures = 0
        self._until: float | None = None
        """On the steady clock, in an outage: when the next caller may try."""
        self._pauses = iter(_BACKOFF)
        self._pause = next(self._pauses)
        self.again = asyncio.Event()
        """Set when the outage that lasts now is over; each outage has an event of its own."""

    @property
    def is_open(self) -> bool:
        """Tell whether there is no outage."""
        return self._until is None

    def wait(self) -> float:
        """Return the seconds that this caller has to wait; 0 lets it try now.

        In an outage that lets one caller try for all.
        """
        if self._until is None:
            return 0.0
        now = self._clock.monotonic()
        if self._until > now:
            return self._until - now
        self._until = now + self._pause
        return 0.0

    async def passes(self, end: float) -> float:
        """Wait for one's turn to try, until this steady time; return what would be left to wait."""
        while wait := self.wait():
            if wait > end - self._clock.monotonic():
                return wait
            await within(self.again, wait, self._clock)
        return 0.0

    def failed(self, announced: float | None = None) -> None:
        """Note a failure that is not the call's own; `announced` is when to come back, in seconds.

        What was announced is an outage at once, anything else after some failures in a row.
        """
        self._failures += 1
        if announced is None and self._failures < _FAILURES:
            return
        if self._until is None:
            log.warning("%s is out. It is tried until it works again.", self._name)
        self._until = self._clock.monotonic() + (announced or self._pause)
        self._pause = next(self._pauses)

    def worked(self) -> None:
        """Note that it works."""
        self._failures = 0
        if self._until is None:
            return
        log.warning("%s works again.", self._name)
        self._until, self._pauses = None, iter(_BACKOFF)
        self._pause = next(self._pauses)
        self.again.set()
        self.again = asyncio.Event()


async def within(signal: Waitable, seconds: float, clock: Clock) -> None:
    """Wait until the signal is given, and for no longer than this."""
    woken = asyncio.ensure_future(signal.wait())
    never = clock.later(seconds, woken.cancel)
    try:
        await asyncio.wait({woken})
    finally:
        never()
        woken.cancel()
