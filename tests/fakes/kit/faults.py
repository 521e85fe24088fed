"""Faults between the bot and a platform, as a test plans them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Fault:
    """Something that goes wrong with one call."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """The connection is cut, after the call took effect or before."""

    after: bool = True


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """A proxy's page with this HTTP status, after the call took effect or before."""

    status: int = 503
    after: bool = False


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """The answer takes so many seconds; the call takes effect at once, or only `then`."""

    seconds: float
    then: bool = False


@dataclass(frozen=True, slots=True)
class Odd(Fault):
    """HTTP 200 with a body that no call answers, after the call took effect or before."""

    body: str = "{}"
    content_type: str = "application/json"
    after: bool = False


class FaultPlan(ABC):
    """The plan. Queued faults come first, then outages, lost answers, and every Nth call."""

    def __init__(self) -> None:
        self.twice = False
        """Whether each event is delivered twice."""
        self.shuffle = 0.0
        """Seconds within which events arrive in any order."""
        self.dealt: list[tuple[str, Fault]] = []
        """What has gone wrong so far, with the name of the call."""
        self._queued: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._out: dict[str, Fault] = {}
        self._each: Fault | None = None
        self._each_of: Collection[str] | None = None
        self._seen: set[tuple[str, str]] = set()
        self._nth = 0
        self._nth_fault: Fault = Cut()
        self._nth_of: Collection[str] | None = None
        self._calls: Counter[str] = Counter()

    @abstractmethod
    def limited(self) -> Fault:
        """Return the platform's HTTP 429."""

    def next(self, call: str, *faults: Fault) -> None:
        """Plan the next calls with this name, in order; `*` is any name."""
        self._queued[call].extend(faults)

    def always(self, call: str, fault: Fault) -> None:
        """Let each call with this name fail until `well`, as in an outage of minutes."""
        self._out[call] = fault

    def well(self, call: str) -> None:
        """End what `always` began."""
        del self._out[call]

    def each_once(self, fault: Fault | None = None, calls: Collection[str] | None = None) -> None:
        """Let each call fail the first time, and succeed when it is repeated unchanged.

        Args:
            fault: How it fails; by default the answer is lost after the call took effect.
            calls: The names of the calls; all by default.
        """
        self._each, self._each_of = fault or Cut(), calls

    def every(
        self, nth: int, fault: Fault | None = None, calls: Collection[str] | None = None
    ) -> None:
        """Let every Nth call of each name fail, by default with HTTP 429; 0 ends it.

        Each name is counted by itself, so that it depends on no other call which of them fail.
        """
        self._nth, self._nth_fault, self._nth_of = nth, fault or self.limited(), calls

    def clear(self) -> None:
        """Let all calls succeed from now on; `dealt` stays."""
        self.twice, self.shuffle, self._each, self._nth = False, 0.0, None, 0
        self._queued.clear()
        self._out.clear()

    def deal(self, call: str, arguments: object) -> Fault | None:
        """Return the fault of one call, if any; `arguments` tell it from others of its name."""
        fault = self._decide(call, repr(arguments))
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
            self._calls[call] += 1
            if self._calls[call] % self._nth == 0:
                return self._nth_fault
        return None
