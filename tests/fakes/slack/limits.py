"""How often Slack may be called, where a test switches that on (docs: apis/web-api/rate-limits)."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

_TIERS = {1: 4, 2: 20, 3: 50, 4: 100}
"""Calls a minute, per method and workspace (slack.md 2.3).

Slack says of tier 1 "1+" and that "a small amount of burst behavior is tolerated": an app opens
two sockets as it starts.
"""
BURST = 5  # posts at once in a channel; Slack says "short bursts" and no number
PAGE = 15  # what `limit` is cut to for a distributed app (slack.md 2.3)
RESTRICTED = ("conversations.history", "conversations.replies")
_ON_THE_WAY = 0.9
"""Seconds in which calls still come from who can't have heard of a refusal."""


@dataclass(slots=True)
class RateLimits:
    """The limits, with the switch."""

    on: bool = False
    minute: float = 60.0
    """Seconds that Slack's minute has, and a sixtieth of it its second: tests divide it."""
    distributed: bool = False
    """Whether the app is one that's sold outside the Marketplace: history once a minute, 15."""
    refused: list[tuple[str, float]] = field(default_factory=list)
    """The calls that came too often, and the Retry-After that each was given."""
    early: list[str] = field(default_factory=list)
    """The calls that were made again before that was over."""
    _calls: defaultdict[tuple[str, str], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _told: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def check(self, method: str, tier: int, place: str, now: float) -> float:
        """Count a call; return 0, or the seconds after which it may be made again."""
        if self.distributed and method in RESTRICTED:
            return self._count((method, ""), 1, self.minute, now)
        if not self.on:
            return 0
        if method == "chat.postMessage":  # one a second and channel, with bursts (slack.md 2.3)
            return self._count((method, place), BURST, BURST * self.minute / 60, now)
        return self._count((method, ""), _TIERS[tier], self.minute, now)

    def _count(self, key: tuple[str, str], most: int, within: float, now: float) -> float:
        calls = self._calls[key]
        since, until = self._told.get(key, (now, 0.0))
        if since + _ON_THE_WAY * self.minute / 60 < now < until:
            self.early.append(key[0])
        while calls and calls[0] <= now - within:
            calls.popleft()
        if len(calls) < most:
            calls.append(now)
            return 0
        second = self.minute / 60
        wait = max(1, math.ceil((calls[0] + within - now) / second)) * second
        self.refused.append((key[0], wait))
        self._told[key] = (now, now + wait)
        return wait
