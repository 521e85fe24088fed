"""Pacing of calls: Slack's documented rate limits, and the waits that it asks for.

Posts: about one a second for each channel, with short bursts (docs: apis/web-api/rate-limits).
Other methods: a number of calls a minute for each workspace, by tier. All callers of a method share
its minute, and calls that matter more go first: a read that only fills a gap uses what answers
leave over. A 429 still says when to call again, and delays only its own method.
"""

from __future__ import annotations

from collections import defaultdict, deque
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.clock import Clock

BURST = 8
"""Posts at once in a quiet channel; Slack allows "short bursts" and gives no number."""
_MINUTE = 60.0
_TIER_2, _TIER_3, _TIER_4 = 20, 50, 100
_PER_MINUTE = {
    "agents.sessions.setStatus": _TIER_3,
    "assistant.threads.setStatus": _TIER_3,
    "bots.info": _TIER_3,
    "chat.appendStream": _TIER_4,
    "chat.delete": _TIER_3,
    "chat.startStream": _TIER_2,
    "chat.stopStream": _TIER_2,
    "chat.update": _TIER_3,
    "conversations.history": _TIER_3,
    "conversations.info": _TIER_3,
    "conversations.members": _TIER_4,
    "conversations.open": _TIER_3,
    "conversations.replies": _TIER_3,
    "files.info": _TIER_4,
    "reactions.add": _TIER_3,
    "usergroups.list": _TIER_2,
    "users.conversations": _TIER_3,
    "users.info": _TIER_4,
}
"""Calls a minute, by the tier on each method's page (docs: apis/web-api/rate-limits)."""
_POST = "chat.postMessage"
_GRACE = 2.0
"""Seconds for which a method is reserved for a call that had to wait, once it is due."""


class Rank(IntEnum):
    """What a call is for, in order of precedence."""

    ANSWER = 0
    """To post an answer."""
    TAKEOVER = 1
    """To see what an earlier lease has posted of a turn."""
    COMMAND = 2
    """To do what a person asked for outside of the conversation."""
    COURTESY = 3
    """To show something that no one misses. To take it away again is no courtesy."""
    BACKFILL = 4
    """To read what was said in a thread before the bot was mentioned."""
    CATCH_UP = 5
    """To read what was said while the bot was away."""


_SHARE = {
    Rank.ANSWER: 1.0,
    Rank.TAKEOVER: 1.0,
    Rank.COMMAND: 0.9,
    Rank.COURTESY: 0.7,
    Rank.BACKFILL: 0.8,
    Rank.CATCH_UP: 0.5,
}
"""The share of a method's calls in a minute up to which a call of this rank may be made."""
_QUEUES = {Rank.ANSWER, Rank.TAKEOVER, Rank.COMMAND}
"""Ranks whose waiting calls delay the calls of lower ranks."""


class Pace:
    """Decides how long to wait before a call."""

    def __init__(self, clock: Clock, *, seconds: float = 1.0) -> None:
        """Allow one post in a channel every `seconds` in the long run; 0 sets no limit of our own.

        The tiers' minute is scaled by it: with half a second, twice as many calls are allowed. With
        0, only courtesies keep to the tiers, so that they delay no answer.
        """
        self._clock = clock
        self._seconds = seconds
        self._minute = _MINUTE * (seconds or 1.0)
        self._next: dict[str, float] = {}
        """By channel: when a post would be due after all others."""
        self._not_before: dict[tuple[str, str], float] = {}
        self._made: defaultdict[str, deque[float]] = defaultdict(deque)
        self._wanted: defaultdict[str, dict[Rank, float]] = defaultdict(dict)
        """By method and rank: until when a waiting call reserves the method."""

    def wait(self, method: str, channel: str, rank: Rank = Rank.ANSWER) -> float:
        """Return the seconds to wait before this call; calls of lower ranks wait for it."""
        now = self._clock.monotonic()
        due = max(self._limited(method, channel), self._window(method, now, rank))
        if method == _POST and self._seconds:
            due = max(due, self._next.get(channel, 0) - BURST * self._seconds)
        if method != _POST:
            due = max(due, self._behind(method, rank))
        if due <= now:
            return 0.0
        if rank in _QUEUES:
            self._wanted[method][rank] = due + _GRACE
        return due - now

    def made(self, method: str, channel: str) -> None:
        """Note that a call is being made."""
        now = self._clock.monotonic()
        if method == _POST:
            self._next[channel] = max(self._next.get(channel, 0), now) + self._seconds
            if len(self._next) > 10_000:  # noqa: PLR2004 - drop quiet channels
                self._next = {name: due for name, due in self._next.items() if due > now}
        elif method in _PER_MINUTE:
            self._recent(method, now).append(now)

    def limited(self, method: str, channel: str, seconds: float) -> None:
        """Note that Slack allows no such call for this many seconds."""
        self._not_before[_key(method, channel)] = self._clock.monotonic() + seconds

    def spares(self, method: str, channel: str) -> bool:
        """Return whether a courtesy may be made at once."""
        return not self.wait(method, channel, Rank.COURTESY)

    def _limited(self, method: str, channel: str) -> float:
        return self._not_before.get(_key(method, channel), 0.0)

    def _window(self, method: str, now: float, rank: Rank) -> float:
        """Return when the calls of the last minute leave room for one of this rank."""
        limit = _PER_MINUTE.get(method)
        if limit is None or not (self._seconds or rank is Rank.COURTESY):
            return 0.0
        made, most = self._recent(method, now), int(limit * _SHARE[rank])
        return made[len(made) - most] + self._minute if len(made) >= most else 0.0

    def _behind(self, method: str, rank: Rank) -> float:
        """Return until when calls of higher ranks reserve the method."""
        return max([until for r, until in self._wanted[method].items() if r < rank], default=0.0)

    def _recent(self, method: str, now: float) -> deque[float]:
        made = self._made[method]
        while made and made[0] <= now - self._minute:
            made.popleft()
        return made


def _key(method: str, channel: str) -> tuple[str, str]:
    return (method, channel if method == _POST else "")
