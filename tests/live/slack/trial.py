"""Holding a workspace to the table of rules, one after the other."""

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


class Trial(Tally):
    """A run through the rules."""

    def __init__(self, calls: Calls, scene: Scene, clock: Clock) -> None:
        """Try nothing yet."""
        super().__init__(RULES)
        self.calls = calls
        self.scene = scene
        self.clock = clock

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

    def refused(self, rule: str, exchange: Exchange) -> None:
        """Note whether a call was refused as the rule says."""
        self.holds(rule, exchange.error == RULES[rule].error, _told(exchange))

    async def limited(self, rule: str, method: str, made: Callable[[int], dict[str, Any]]) -> None:
        """Hold a method to a limit; `made` returns the arguments for something of this size."""

        async def tried(size: int) -> Told:
            exchange = await self.call(method, **made(size))
            return Told(exchange.error, _told(exchange))

        await self.bounded(rule, method, tried)


def _told(exchange: Exchange) -> str:
    warning = exchange.answer.get("warning")
    return f"{exchange.method} answered {exchange.error or 'ok'}" + (
        f" with the warning {warning}" if warning else ""
    )
