"""Holding a workspace to the table of rules, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.slack.live.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bots.slack.live.calls import Calls
    from bots.slack.live.record import Exchange
    from core.clock import Clock

_DOUBLINGS = 4
"""How often a limit that did not show is doubled in search of it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one rule."""

    rule: str
    same: bool | None
    """Whether it is as we take it to be; None where it was not tried."""
    seen: str = ""
    """What was seen instead, or why it was not tried."""

    def __str__(self) -> str:
        """Return what there is to say of it, in one line."""
        rule = RULES[self.rule]
        if self.same is None:
            return f"{'not tried':10}{self.rule}: {self.seen}"
        if self.same:
            return f"{'same':10}{self.rule}: {rule}"
        return f"{'DIFFERS':10}{self.rule}: we say that {rule} ({rule.source}); {self.seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where it happens, and with whom."""

    team: str
    bot: str
    channel: str
    direct: bool
    """Whether the channel is a direct message."""
    human: str
    """Somebody in the channel who is no bot; empty where there is nobody."""
    root: str
    """The message that the probes' thread hangs on."""


class Trial:
    """A run through the rules."""

    def __init__(self, calls: Calls, scene: Scene, clock: Clock) -> None:
        """Try nothing yet."""
        self.calls = calls
        self.scene = scene
        self.clock = clock
        self.results: list[Result] = []
        self.remarks: list[str] = []
        """What was seen beside the rules, and the operator should know."""
        self.broken: list[str] = []
        """Probes that could not be ended, and why."""

    async def call(self, method: str, **arguments: Any) -> Exchange:
        """Make a call in the channel."""
        return await self.calls.call(method, channel=self.scene.channel, **arguments)

    async def post(self, text: str, **more: Any) -> str:
        """Post in the thread of the probes; return its ts, empty where it was refused."""
        made = await self.call("chat.postMessage", thread_ts=self.scene.root, text=text, **more)
        return str(made.answer.get("ts") or "")

    async def thread(self, *, metadata: bool = True) -> Exchange:
        """Read the thread of the probes."""
        given = {"include_all_metadata": True} if metadata else {}
        return await self.call("conversations.replies", ts=self.scene.root, **given)

    def holds(self, rule: str, fact: object, seen: str) -> None:
        """Note whether a rule holds; else what was seen."""
        self.results.append(Result(rule, bool(fact), "" if fact else seen))

    def skip(self, rule: str, why: str) -> None:
        """Note that a rule was not tried."""
        self.results.append(Result(rule, None, why))

    def refused(self, rule: str, exchange: Exchange) -> None:
        """Note whether a call was refused as the rule says."""
        self.holds(rule, exchange.error == RULES[rule].error, _told(exchange))

    async def bounded(self, rule: str, method: str, made: Callable[[int], dict[str, Any]]) -> None:
        """Hold a call to a limit; where it is another, look for it.

        `made` returns the arguments for something of this size.
        """
        limit = RULES[rule].limit

        async def tried(size: int) -> Exchange:
            return await self.call(method, **made(size))

        at, over = await tried(limit), await tried(limit + 1)
        if not at.error and over.error == RULES[rule].error:
            self.holds(rule, fact=True, seen="")
        elif at.error:
            most = await _longest(tried, 0, limit)
            self.holds(rule, fact=False, seen=f"{method} takes {most:,}, and then {_told(at)}")
        elif over.error:
            self.holds(rule, fact=False, seen=_told(over))
        else:
            self.holds(rule, fact=False, seen=await _further(tried, limit + 1, method))


async def _longest(tried: Any, low: int, high: int) -> int:  # noqa: ANN401 - what makes a call
    """Return the greatest size that is taken, between one that is and one that is not."""
    while high - low > 1:
        middle = (low + high) // 2
        if (await tried(middle)).error:
            high = middle
        else:
            low = middle
    return low


async def _further(tried: Any, size: int, method: str) -> str:  # noqa: ANN401 - see above
    for _ in range(_DOUBLINGS):
        last = await tried(size * 2)
        if last.error:
            most = await _longest(tried, size, size * 2)
            return f"{method} takes {most:,}, and then {_told(last)}"
        size *= 2
    return f"{method} takes {size:,} and more"


def _told(exchange: Exchange) -> str:
    warning = exchange.answer.get("warning")
    return f"{exchange.method} answered {exchange.error or 'ok'}" + (
        f" with the warning {warning}" if warning else ""
    )
