"""How often Discord may be called, where a test switches that on (docs: topics/rate-limits)."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from dataclasses import dataclass, field

GLOBAL = (50, 1.0)  # calls a second; interactions' endpoints don't count (discord.md 2)
INVALID = (10_000, 600.0)  # 401, 403 and 429 in ten minutes, then the address is banned

# Calls and seconds per route and channel. Discord publishes none; these are what is commonly
# reported for them (discord.md 2, "Rate limits"), and everything else gets the last one.
_BUCKETS: tuple[tuple[str, tuple[int, float]], ...] = (
    ("POST /channels/{channel_id}/messages", (5, 5.0)),
    ("PATCH /channels/{channel_id}/messages/{message_id}", (5, 5.0)),
    ("DELETE /channels/{channel_id}/messages/{message_id}", (5, 1.0)),
    ("PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me", (1, 0.25)),
)
_OTHER = (50, 1.0)
MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits say to one call."""

    headers: dict[str, str]
    wait: float = 0.0
    """Seconds after which it may be made again; 0 where it may be made now."""
    everywhere: bool = False
    banned: bool = False


@dataclass(slots=True)
class RateLimits:
    """The limits, with the switch."""

    on: bool = False
    invalid: deque[float] = field(default_factory=deque)
    """When calls were refused with 401, 403 or 429."""
    hits: list[str] = field(default_factory=list)
    """The calls that were refused, by name."""
    _calls: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def check(self, name: str, params: dict[str, str], now: float) -> Verdict:
        """Count a call."""
        if not self.on:
            return Verdict({})
        _trim(self.invalid, INVALID[1], now)
        if len(self.invalid) >= INVALID[0]:
            return Verdict({}, banned=True)
        most, within = dict(_BUCKETS).get(name, _OTHER)
        place = "+".join(params[key] for key in MAJOR if key in params)
        calls = self._calls[f"{name} {place}"]
        _trim(calls, within, now)
        headers = _headers(name, most, len(calls), (calls[0] + within if calls else now + within))
        headers["X-RateLimit-Reset-After"] = f"{(calls[0] if calls else now) + within - now:.3f}"
        if len(calls) >= most:
            self.hits.append(name)
            wait = calls[0] + within - now
            return Verdict(headers | {"X-RateLimit-Scope": "user"}, wait)
        if not name.startswith(("POST /interactions", "POST /webhooks", "PATCH /webhooks")):
            every = self._calls["*"]
            _trim(every, GLOBAL[1], now)
            if len(every) >= GLOBAL[0]:
                self.hits.append("*")
                return Verdict({"X-RateLimit-Global": "true"}, every[0] + GLOBAL[1] - now, True)
            every.append(now)
        calls.append(now)
        return Verdict(headers)

    def refused(self, status: int, now: float) -> None:
        """Count a call that was refused."""
        if status in {401, 403, 429}:
            self.invalid.append(now)


def _headers(name: str, most: int, used: int, reset: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(max(0, most - used - 1)),
        "X-RateLimit-Reset": f"{reset:.3f}",
        "X-RateLimit-Bucket": hashlib.md5(name.encode()).hexdigest(),
    }


def _trim(times: deque[float], within: float, now: float) -> None:
    while times and times[0] <= now - within:
        times.popleft()
