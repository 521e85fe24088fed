"""Rules that we assume a platform follows, and the results of trying them on the real one.

Each platform has one table of rules: its live trial checks them, and our fake enforces them. If the
real platform differs, the rule is wrong: fix it there, and the fake follows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.errors import PlatformError, broke

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

_DOUBLINGS = 4
"""How often to double a limit that was not reached, in search of the real one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a platform does, as far as we know."""

    sentence: str
    """What it does; `{limit}` and `{error}` stand for the fields."""
    source: str
    """How we know it: a page of the platform's docs, an issue, or an assumption."""
    error: str = ""
    """The platform's error code; empty if it refuses nothing."""
    limit: int = 0
    """The most that the platform accepts; 0 if the rule is not about an amount."""

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence.format(error=self.error, limit=f"{self.limit:,}")


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one rule."""

    rule: str
    same: bool | None
    """Whether the platform follows the rule; None if it was not tried."""
    line: str
    """The line to print."""


@dataclass(frozen=True, slots=True)
class Told:
    """A platform's answer to one attempt."""

    error: str
    """Its error code; empty if it succeeded."""
    words: str
    """The same as the end of a sentence."""


class Tally:
    """The results so far."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """Start without results."""
        self.rules = rules
        self.results: list[Result] = []
        self.remarks: list[str] = []
        """Other things that the operator should know."""
        self.broken: list[str] = []
        """Probes that failed, and why."""

    def holds(self, rule: str, fact: object, seen: str) -> None:
        """Record whether a rule holds, and what was seen if it does not."""
        about = self.rules[rule]
        if fact:
            line = f"{'same':10}{rule}: {about}"
        else:
            line = f"{'DIFFERS':10}{rule}: we say that {about} ({about.source}); {seen}"
        self.results.append(Result(rule, bool(fact), line))

    def skip(self, rule: str, why: str) -> None:
        """Record that a rule was not tried, and why."""
        self.results.append(Result(rule, None, f"{'not tried':10}{rule}: {why}"))

    async def bounded(self, rule: str, what: str, tried: Callable[[int], Awaitable[Told]]) -> None:
        """Check a limit; if the real one differs, look for it.

        `tried` makes a call with something of the given size; `what` is the call's name.
        """
        limit = self.rules[rule].limit
        at, over = await tried(limit), await tried(limit + 1)
        if not at.error and over.error == self.rules[rule].error:
            self.holds(rule, fact=True, seen="")
        elif at.error:
            most = await _longest(tried, 0, limit)
            self.holds(rule, fact=False, seen=f"{what} takes {most:,}, and then {at.words}")
        elif over.error:
            self.holds(rule, fact=False, seen=over.words)
        else:
            self.holds(rule, fact=False, seen=await _further(tried, limit + 1, what))

    async def run(self, name: str, probe: Awaitable[None]) -> None:
        """Run a probe; if it fails, record why, so that the others still run."""
        try:
            await probe
        except PlatformError as error:
            self.broken.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 - an answer may be anything
            self.broken.append(f"{name}: {broke(error)}")

    def lines(self) -> Iterator[tuple[str, bool]]:
        """Yield each line to print, and whether it reports a difference."""
        for remark in self.remarks:
            yield remark, False
        for line in self.broken:
            yield f"A probe broke off: {line}", True
        for result in sorted(self.results, key=lambda result: result.same is False):
            yield result.line, result.same is False

    def summary(self) -> str:
        """Return a line with the numbers of rules that hold, differ, or were not tried."""
        count = Counter(result.same for result in self.results)
        return (
            f"Rules that are as we take them to be: {count[True]}; that differ: {count[False]}; "
            f"not tried: {count[None]}"
        )


async def _longest(tried: Callable[[int], Awaitable[Told]], low: int, high: int) -> int:
    """Return the greatest accepted size between an accepted and a refused one."""
    while high - low > 1:
        middle = (low + high) // 2
        if (await tried(middle)).error:
            high = middle
        else:
            low = middle
    return low


async def _further(tried: Callable[[int], Awaitable[Told]], size: int, what: str) -> str:
    for _ in range(_DOUBLINGS):
        last = await tried(size * 2)
        if last.error:
            most = await _longest(tried, size, size * 2)
            return f"{what} takes {most:,}, and then {last.words}"
        size *= 2
    return f"{what} takes {size:,} and more"
