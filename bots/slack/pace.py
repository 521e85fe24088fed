"""How often Slack may be called: what it allows beforehand, and what it has told us since.

Posts: about one a second and channel, with short bursts (docs: apis/web-api/rate-limits). Other
methods: so many calls a minute and workspace, by tier. Previews leave a part of that to what has
to arrive. Whoever calls too often all the same is told by a 429 when to come back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.clock import Clock

BURST = 8
"""Posts at once in a channel that was quiet; Slack allows "short bursts" and gives no number."""
_MINUTE = 60.0
_PER_MINUTE = {
    "chat.update": 50,
    "chat.startStream": 20,
    "chat.appendStream": 100,
    "chat.stopStream": 20,
    "agents.sessions.setStatus": 50,
    "assistant.threads.setStatus": 50,
}
"""Calls a minute, by the tier of each method (docs: apis/web-api/rate-limits)."""
_FOR_PREVIEWS = 0.7
"""The part of those calls that what is only a courtesy may use up."""
_POST = "chat.postMessage"


class Pace:
    """Says how long to wait before a call."""

    def __init__(self, clock: Clock, *, seconds: float = 1.0) -> None:
        """Post in a channel every so many seconds in the long run; 0 is as fast as it goes."""
        self._clock = clock
        self._seconds = seconds
        self._next: dict[str, float] = {}
        """By channel: when a post would be due that came after all others."""
        self._not_before: dict[tuple[str, str], float] = {}
        self._made: dict[str, deque[float]] = {}

    def wait(self, method: str, place: str) -> float:
        """Return the seconds to wait before this call."""
        now = self._clock.monotonic()
        told = self._not_before.get(_key(method, place), 0)
        due = told
        if method == _POST and self._seconds:
            due = max(told, self._next.get(place, 0) - BURST * self._seconds)
        return max(0.0, due - now)

    def made(self, method: str, place: str) -> None:
        """Note that a call is being made."""
        now = self._clock.monotonic()
        if method == _POST:
            self._next[place] = max(self._next.get(place, 0), now) + self._seconds
            if len(self._next) > 10_000:  # noqa: PLR2004 - some bound; quiet channels go
                self._next = {name: due for name, due in self._next.items() if due > now}
        elif method in _PER_MINUTE:
            self._recent(method, now).append(now)

    def told(self, method: str, place: str, seconds: float) -> None:
        """Note that Slack wants no such call for so many seconds."""
        self._not_before[_key(method, place)] = self._clock.monotonic() + seconds

    def spares(self, method: str, place: str) -> bool:
        """Tell whether such a call may be made for a preview."""
        if self.wait(method, place):
            return False
        limit = _PER_MINUTE.get(method)
        now = self._clock.monotonic()
        return limit is None or len(self._recent(method, now)) < limit * _FOR_PREVIEWS

    def _recent(self, method: str, now: float) -> deque[float]:
        made = self._made.setdefault(method, deque())
        while made and made[0] <= now - _MINUTE:
            made.popleft()
        return made


def _key(method: str, place: str) -> tuple[str, str]:
    return (method, place if method == _POST else "")
