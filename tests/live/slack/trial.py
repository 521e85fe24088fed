"""Checks a workspace against the table of rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.live.rules import Tally, Told
from tests.live.slack.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from tests.live.slack.calls import Calls
    from tests.live.slack.record import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the trial takes place, and with whom."""

    team: str
    bot: str
    channel: str
    direct: bool
    """Whether the channel is a direct message."""
    human: str
    """A person in the channel; empty if there are only bots."""
    root: str
    """The message at the root of the probes' thread."""


class Trial(Tally):
    """One trial of the rules."""

    def __init__(self, calls: Calls, scene: Scene, clock: Clock) -> None:
        """Start without results."""
        super().__init__(RULES)
        self.calls = calls
        self.scene = scene
        self.clock = clock

    async def call(self, method: str, **arguments: Any) -> Exchange:
        """Make a call in the channel."""
        return await self.calls.call(method, channel=self.scene.channel, **arguments)

    async def post(self, text: str, **more: Any) -> str:
        """Post in the probes' thread; return the message's ts, empty if refused."""
        made = await self.call("chat.postMessage", thread_ts=self.scene.root, text=text, **more)
        return str(made.answer.get("ts") or "")

    async def thread(self, *, metadata: bool = True) -> Exchange:
        """Read the probes' thread."""
        given = {"include_all_metadata": True} if metadata else {}
        return await self.call("conversations.replies", ts=self.scene.root, **given)

    def refused(self, rule: str, exchange: Exchange) -> None:
        """Record whether a call was refused as the rule says."""
        self.holds(rule, exchange.error == RULES[rule].error, _told(exchange))

    async def limited(self, rule: str, method: str, made: Callable[[int], dict[str, Any]]) -> None:
        """Check a method's limit; `made` returns the arguments for something of the given size."""

        async def tried(size: int) -> Told:
            exchange = await self.call(method, **made(size))
            return Told(exchange.error, _told(exchange))

        await self.bounded(rule, method, tried)


def _told(exchange: Exchange) -> str:
    warning = exchange.answer.get("warning")
    return f"{exchange.method} answered {exchange.error or 'ok'}" + (
        f" with the warning {warning}" if warning else ""
    )
