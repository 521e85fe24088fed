"""What we take a platform to do, rule by rule, and what came of trying that out on the real one.

Each platform has one table of rules: its live trial probes by it, and our fake of it refuses by
it. Where the real one does otherwise, the rule is wrong: mend it there, and the fake follows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

_DOUBLINGS = 4
"""How often a limit that did not show is doubled in search of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a platform does, as far as we know."""

    sentence: str
    """What it is; `{limit}` and `{error}` stand for the fields."""
    source: str
    """Where that is known from: a page of the platform's docs, an issue, or that it is assumed."""
    error: str = ""
    """The platform's word for refusing; empty where nothing is refused."""
    limit: int = 0
    """How much is still taken; 0 where it is not a matter of how much."""

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence.format(error=self.error, limit=f"{self.limit:,}")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one rule."""

    rule: str
    same: bool | None
    """Whether it is as we take it to be; None where it was not tried."""
    line: str
    """What there is to say of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a platform answered to one try."""

    error: str
    """Its word for refusing; empty where it did it."""
    words: str
    """The same as the end of a sentence."""


class Tally:
    """What came of the rules so far."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """Try nothing yet."""
        self.rules = rules
        self.results: list[Result] = []
        self.remarks: list[str] = []
        """What was seen beside the rules, and the operator should know."""
        self.broken: list[str] = []
        """Probes that could not be ended, and why."""

    def holds(self, rule: str, fact: object, seen: str) -> None:
        """Note whether a rule holds; else what was seen."""
        about = self.rules[rule]
        if fact:
            line = f"{'same':10}{rule}: {about}"
        else:
            line = f"{'DIFFERS':10}{rule}: we say that {about} ({about.source}); {seen}"
        self.results.append(Result(rule, bool(fact), line))

    def skip(self, rule: str, why: str) -> None:
        """Note that a rule was not tried."""
        self.results.append(Result(rule, None, f"{'not tried':10}{rule}: {why}"))

    async def bounded(self, rule: str, what: str, tried: Callable[[int], Awaitable[Told]]) -> None:
        """Hold something to a limit; where it is another, look for it.

        `tried` makes a call with something of this size, and `what` is the call's name.
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

    def lines(self) -> Iterator[tuple[str, bool]]:
        """Yield each line to print, and whether it says that something differs."""
        for remark in self.remarks:
            yield remark, False
        for line in self.broken:
            yield f"A probe broke off: {line}", True
        for result in sorted(self.results, key=lambda result: result.same is False):
            yield result.line, result.same is False

    def summary(self) -> str:
        """Return how many rules are as we take them to be."""
        count = Counter(result.same for result in self.results)
        return (
            f"Rules that are as we take them to be: {count[True]}; that differ: {count[False]}; "
            f"not tried: {count[None]}"
        )


async def _longest(tried: Callable[[int], Awaitable[Told]], low: int, high: int) -> int:
    """Return the greatest size that is taken, between one that is and one that is not."""
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
