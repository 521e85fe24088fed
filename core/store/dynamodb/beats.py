"""When a lease has run out, where no server has a clock: by watching its beat."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.clock import Clock

_WATCHED = 10_000
"""Leases that are watched at once; of more, the one seen longest ago is watched anew."""


class LeaseObserver:
    """The beats that this process has seen, and since when it sees the same.

    Each claim and renewal of a lease leaves a beat that never comes again. Its holder counts the
    lease from before that was sent, so whoever has seen the same beat for the time that a lease
    lives, on a steady clock of its own, knows that the lease has run out.
    """

    def __init__(self, clock: Clock, lease_seconds: float) -> None:
        """Have seen nothing yet."""
        self._clock = clock
        self._lease_seconds = lease_seconds
        self.seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """The last beat of each thread, and since when it is the same."""

    def left(self, thread: str, beat: str) -> float:
        """Note that a thread's lease has this beat now; return the seconds that it still lives.

        Not more than 0: it has run out, and may be taken if its beat is still this one.
        """
        now = self._clock.monotonic()
        last, since = self.seen.get(thread, ("", now))
        if last != beat:
            since = now
            self.seen[thread] = (beat, now)
        self.seen.move_to_end(thread)
        if len(self.seen) > _WATCHED:
            self.seen.popitem(last=False)
        return self._lease_seconds - (now - since)

    def forget(self, thread: str) -> None:
        """Watch this thread no more: nobody holds it."""
        self.seen.pop(thread, None)
