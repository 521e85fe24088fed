"""How often Slack may be called, where a test switches that on."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

_TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute, per method and workspace (slack.md 2.3)
BURST = 5  # posts at once in a channel; Slack says "short bursts" and no number
PAGE = 15  # what `limit` is cut to for a distributed app (slack.md 2.3)
RESTRICTED = ("conversations.history", "conversations.replies")


@dataclass(slots=True)
class RateLimits:
    """The limits, with the switch."""

    on: bool = False
    distributed: bool = False
    """Whether the app is one that's sold outside the Marketplace: history once a minute, 15."""
    _calls: defaultdict[tuple[str, str], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def check(self, method: str, tier: int, place: str, now: float) -> int:
        """Count a call; return 0, or the seconds after which it may be made again."""
        if self.distributed and method in RESTRICTED:
            return self._count((method, ""), 1, 60.0, now)
        if not self.on:
            return 0
        if method == "chat.postMessage":  # one a second and channel, with bursts (slack.md 2.3)
            return self._count((method, place), BURST, float(BURST), now)
        return self._count((method, ""), _TIERS[tier], 60.0, now)

    def _count(self, key: tuple[str, str], most: int, within: float, now: float) -> int:
        calls = self._calls[key]
        while calls and calls[0] <= now - within:
            calls.popleft()
        if len(calls) >= most:
            return max(1, round(calls[0] + within - now))
        calls.append(now)
        return 0
