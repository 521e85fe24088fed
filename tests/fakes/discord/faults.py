"""What may go wrong between the bot and Discord, planned by a test.

A call's name is its method and its path as in Discord's documentation, as
`POST /channels/{channel_id}/messages`; the names of the commonest ones are below.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection

POST = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
DELETE = "DELETE /channels/{channel_id}/messages/{message_id}"
HISTORY = "GET /channels/{channel_id}/messages"
READ = "GET /channels/{channel_id}/messages/{message_id}"
THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"


@dataclass(frozen=True, slots=True)
class Limited:
    """HTTP 429, and nothing happened (docs: topics/rate-limits)."""

    retry_after: float = 0.05
    everywhere: bool = False
    """The global limit rather than a route's."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut: after the call took effect, or before."""

    after: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """A proxy's page with this HTTP status; `after` the call took effect or before."""

    status: int = 503
    after: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer takes so many seconds; the effect is there at once, or only `then`."""

    seconds: float
    then: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of Discord's own by its code, and nothing happened."""

    code: int
    retry_after: float = 0.05
    """Seconds, where the code is one of a limit (429)."""


@dataclass(frozen=True, slots=True)
class Odd:
    """HTTP 200 with what no call of Discord's answers; `after` the call took effect or before."""

    body: str = "{}"
    content_type: str = "application/json"
    after: bool = False


Fault: TypeAlias = Limited | Cut | Status | Slow | Refused | Odd


@dataclass(slots=True)
class Faults:
    """The plan. Queued faults come first, then outages, lost answers, and every Nth call."""

    twice: bool = False
    """Whether each message event is told twice."""
    shuffle: float = 0.0
    """Seconds within which message events come in any order."""
    starter_again: bool = False
    """Whether a thread's starter comes once more as a message in the thread (discord.md 2)."""
    dealt: list[tuple[str, Fault]] = field(default_factory=list)
    """What went wrong so far."""
    _queued: defaultdict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    _out: dict[str, Fault] = field(default_factory=dict)
    _each: Fault | None = None
    _each_of: Collection[str] | None = None
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _nth: int = 0
    _nth_fault: Fault = field(default_factory=Limited)
    _nth_of: Collection[str] | None = None
    _calls: int = 0

    def next(self, call: str, *faults: Fault) -> None:
        """Plan the next calls of a name, in order; `*` is any."""
        self._queued[call].extend(faults)

    def always(self, call: str, fault: Fault) -> None:
        """Let each call of a name fail until `well`, as in an outage of minutes."""
        self._out[call] = fault

    def well(self, call: str) -> None:
        """End what `always` began."""
        del self._out[call]

    def each_once(self, fault: Fault | None = None, calls: Collection[str] | None = None) -> None:
        """Let each call fail the first time that it's made, and pass when it's repeated as it is.

        Args:
            fault: How; where None, the answer is lost after the call took effect.
            calls: Which; all where None.
        """
        self._each, self._each_of = fault or Cut(), calls

    def every(
        self, nth: int, fault: Fault | None = None, calls: Collection[str] | None = None
    ) -> None:
        """Let every Nth call fail, by default with HTTP 429; 0 ends it."""
        self._nth, self._nth_fault, self._nth_of = nth, fault or Limited(), calls

    def clear(self) -> None:
        """Let all be well from now on; what was dealt is still known."""
        self.twice, self.shuffle, self.starter_again = False, 0.0, False
        self._each, self._nth = None, 0
        self._queued.clear()
        self._out.clear()

    def deal(self, call: str, arguments: str) -> Fault | None:
        """Decide on one call; `arguments` tells it from others of its name."""
        fault = self._decide(call, arguments)
        if fault is not None:
            self.dealt.append((call, fault))
        return fault

    def _decide(self, call: str, arguments: str) -> Fault | None:
        for name in (call, "*"):
            if self._queued and self._queued[name]:
                return self._queued[name].popleft()
        if call in self._out:
            return self._out[call]
        each = self._each is not None and (self._each_of is None or call in self._each_of)
        if each and (call, arguments) not in self._seen:
            self._seen.add((call, arguments))
            return self._each
        if self._nth and (self._nth_of is None or call in self._nth_of):
            self._calls += 1
            if self._calls % self._nth == 0:
                return self._nth_fault
        return None
