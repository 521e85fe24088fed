"""What may go wrong between the app and Slack, planned by a test."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.fakes.slack.model import Json

STREAMING = ("chat.startStream", "chat.appendStream", "chat.stopStream")


@dataclass(frozen=True, slots=True)
class Limited:
    """HTTP 429, and nothing happened (slack.md 2.3)."""

    retry_after: float = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut: after the call took effect, or before."""

    after: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """A page of a proxy's with this HTTP status; `after` the call took effect or before."""

    status: int = 503
    after: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer takes so many seconds; the effect is there at once."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """An error of Slack's own, and nothing happened."""

    error: str


@dataclass(frozen=True, slots=True)
class Odd:
    """HTTP 200 with what no method of Slack's answers; `after` the call took effect or before."""

    body: str = "{}"
    content_type: str = "application/json"
    after: bool = False


Fault: TypeAlias = Limited | Cut | Status | Slow | Refused | Odd


@dataclass(slots=True)
class Faults:
    """The plan. Queued faults come first, then outages, lost answers, and every Nth call."""

    twice: bool = False
    """Whether each event is delivered twice."""
    shuffle: float = 0.0
    """Seconds within which events come in any order."""
    unsupported: set[str] = field(default_factory=set)
    """Methods that a workspace or a proxy lacks: `unknown_method`."""
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

    def next(self, method: str, *faults: Fault) -> None:
        """Plan the next calls of a method, in order; `*` is any method."""
        self._queued[method].extend(faults)

    def always(self, method: str, fault: Fault) -> None:
        """Let each call of a method fail until `well`, as in an outage of minutes."""
        self._out[method] = fault

    def well(self, method: str) -> None:
        """End what `always` began."""
        del self._out[method]

    def each_once(self, fault: Fault | None = None, methods: Collection[str] | None = None) -> None:
        """Let each call fail the first time that it's made, and pass when it's repeated as it is.

        Args:
            fault: How; where None, the answer is lost after the call took effect.
            methods: Which methods; all where None.
        """
        self._each, self._each_of = fault or Cut(), methods

    def every(
        self, nth: int, fault: Fault | None = None, methods: Collection[str] | None = None
    ) -> None:
        """Let every Nth call fail, by default with HTTP 429; 0 ends it."""
        self._nth, self._nth_fault, self._nth_of = nth, fault or Limited(), methods

    def no_streaming(self) -> None:
        """Be a workspace or a proxy without streaming."""
        self.unsupported.update(STREAMING)

    def clear(self) -> None:
        """Let all be well from now on; what was dealt is still known."""
        self.twice, self.shuffle, self._each, self._nth = False, 0.0, None, 0
        self.unsupported.clear()
        self._queued.clear()
        self._out.clear()

    def deal(self, method: str, arguments: Json) -> Fault | None:
        """Decide on one call."""
        fault = self._decide(method, arguments)
        if fault is not None:
            self.dealt.append((method, fault))
        return fault

    def _decide(self, method: str, arguments: Json) -> Fault | None:
        for name in (method, "*"):
            if self._queued and self._queued[name]:
                return self._queued[name].popleft()
        if method in self._out:
            return self._out[method]
        if self._each and (self._each_of is None or method in self._each_of):
            call = (method, repr(sorted(arguments.items(), key=str)))
            if call not in self._seen:
                self._seen.add(call)
                return self._each
        if self._nth and (self._nth_of is None or method in self._nth_of):
            self._calls += 1
            if self._calls % self._nth == 0:
                return self._nth_fault
        return None
