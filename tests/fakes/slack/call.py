"""A call of the Web API, and which methods there are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.fakes.slack.model import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.slack.events import Announcer
    from tests.fakes.slack.limits import RateLimits
    from tests.fakes.slack.model import Channel, Install, Json
    from tests.fakes.slack.socket import SocketMode

_REQUIRED = object()
_TS = re.compile(r"\d{10}\.\d{6}")


@dataclass(slots=True)
class Call:
    """One call, with its arguments as they came."""

    slack: Announcer
    limits: RateLimits
    socket: SocketMode
    name: str
    args: Json
    install: Install
    """The install whose token it came with; the first one's for calls that need none."""

    @property
    def bot(self) -> str:
        """Return who calls."""
        return self.install.bot.id

    def text(self, name: str, default: Any = "") -> str:
        """Return an argument as text (errors: docs: apis/web-api, "Evaluating responses")."""
        value = self.args.get(name)
        if value is None or value == "":
            if default is _REQUIRED:
                raise SlackError.arguments(f"missing required field: {name}")
            return str(default)
        return str(value)

    def required(self, name: str) -> str:
        """Return an argument that has to be there."""
        return self.text(name, _REQUIRED)

    def flag(self, name: str) -> bool | None:
        """Return a switch; None where it's not given."""
        value = self.args.get(name)
        return None if value is None else str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number (docs: reference/methods/conversations.history)."""
        text = self.text(name, default)
        if not text.isdigit() or not 0 < int(text) <= most:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return int(text)

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """Return a list or an object, which forms carry as JSON (docs: apis/web-api)."""
        value = self.args.get(name)
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError as fault:
                raise SlackError(error) from fault
        return value

    def broken(self, rule: str, **more: Any) -> SlackError:
        """Return how a call that breaks this rule is refused."""
        return SlackError(self.slack.rules[rule].error, **more)

    def most(self, rule: str) -> int:
        """Return how much this rule allows."""
        return self.slack.rules[rule].limit

    def channel(self, name: str = "channel", *, member: bool = False) -> Channel:
        """Return a channel that the app may know of, and is in if need be.

        Each method's page lists not_in_channel (docs: reference/methods/chat.postMessage).
        """
        given = self.required(name)
        channel = self.slack.channels.get(given)
        if channel is None and given in self.slack.users:
            channel = self.slack.dm(given)  # a user's id is their DM (docs: chat.postMessage)
        if channel is None or channel.team != self.install.team:
            raise self.broken("channel-unknown")
        inside = self.bot in channel.members
        if not inside and channel.kind != "public":
            raise self.broken("channel-unknown")
        if member and not inside:
            raise SlackError("not_in_channel")
        return channel

    def scope(self, scope: str) -> None:
        """Refuse a call that lacks a scope (docs: authentication/installing-with-oauth)."""
        if scope not in self.install.scopes:
            provided = ",".join(sorted(self.install.scopes))
            raise SlackError("missing_scope", needed=scope, provided=provided)
        self.install.used.add(scope)

    def ts(self, name: str) -> str:
        """Return a timestamp as Slack writes them (docs: reference/methods/chat.update)."""
        given = self.required(name)
        if not _TS.fullmatch(given):
            raise SlackError("invalid_ts_" + name if name != "ts" else "message_not_found")
        return given


Handler: TypeAlias = "Callable[[Call], Json]"


@dataclass(frozen=True, slots=True)
class Method:
    """What there is to know of a method."""

    handler: Handler
    scopes: tuple[str, ...]
    """Any one of them will do; none is needed where it's empty."""
    tier: int
    token: str
    """What the token has to begin with; empty where none is needed."""


METHODS: dict[str, Method] = {}


def method(
    name: str, *scopes: str, tier: int = 3, token: str = "xoxb-"
) -> Callable[[Handler], Handler]:
    """Make a function the answer to a method."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(handler, scopes, tier, token)
        return handler

    return register
