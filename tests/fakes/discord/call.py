"""A call of the REST API, and which routes there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.fakes.discord.errors import DiscordError, invalid
from tests.fakes.discord.model import DM, THREADS
from tests.fakes.discord.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.discord.gateway import Gateway
    from tests.fakes.discord.model import Channel, Guild, Interaction, Json, Message
    from tests.fakes.discord.writing import Writing


@dataclass(frozen=True, slots=True)
class Part:
    """A file as it was uploaded."""

    name: str
    data: bytes
    mimetype: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status of its own."""

    status: int
    body: Any


@dataclass(slots=True)
class Call:
    """One call, with its arguments as they came."""

    discord: Writing
    gateway: Gateway
    name: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any
    files: dict[int, Part] = field(default_factory=dict)

    @property
    def json(self) -> Json:
        """Return the body, which has to be an object."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise invalid("", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return self.body

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of the query."""
        text = self.query.get(name, str(default))
        if not text.isdigit():
            raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
        if int(text) < 1:
            raise invalid(
                name, "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1."
            )
        if int(text) > most:
            words = f"int value should be less than or equal to {most}."
            raise invalid(name, "NUMBER_TYPE_MAX", words)
        return int(text)

    def guild(self) -> Guild:
        """Return the guild, which the bot has to be in."""
        found = self.discord.guilds.get(self.params["guild_id"])
        if found is None:
            raise DiscordError(10004)
        if self.discord.bot.id not in found.members:
            raise DiscordError(50001)
        return found

    def channel(self, *needed: Permission) -> Channel:
        """Return the channel, which the bot has to see and may do this in.

        Raises:
            DiscordError: 10003 where there's none, 50001 where it isn't seen, 50013 where it may
                be seen and no more.
        """
        found = self.discord.channels.get(self.params["channel_id"])
        if found is None:
            raise DiscordError(10003)
        self.need(found, *needed)
        return found

    def need(self, channel: Channel, *needed: Permission) -> None:
        """Refuse what the bot may not do in a channel."""
        may = self.discord.may(self.discord.bot, channel)
        if not may & Permission.VIEW_CHANNEL:
            raise DiscordError(50001)
        if channel.kind != DM and any(not may & one for one in needed):
            raise DiscordError(50013)

    def may(self, channel: Channel, permission: Permission) -> bool:
        """Return whether the bot may do something in a channel."""
        return bool(self.discord.may(self.discord.bot, channel) & permission)

    def thread(self, *needed: Permission) -> Channel:
        """Return the channel, which has to be a thread."""
        found = self.channel(*needed)
        if found.kind not in THREADS:
            raise DiscordError(50024)
        return found

    def message(self, channel: Channel) -> Message:
        """Return the message in a channel."""
        found = channel.messages.get(self.params["message_id"])
        if found is None:
            raise DiscordError(10008)
        return found

    def interaction(self) -> Interaction:
        """Return the interaction whose token it came with: good for 15 minutes (discord.md 2)."""
        token = self.params.get("webhook_token") or self.params["interaction_token"]
        found = self.discord.interactions.get(token)
        if found is None:
            raise DiscordError(10015 if "webhook_token" in self.params else 10062)
        if self.discord.now() - found.created > 900:
            raise DiscordError(50027)
        return found


Handler: TypeAlias = "Callable[[Call], Any]"


@dataclass(frozen=True, slots=True)
class Route:
    """What there is to know of a route."""

    method: str
    path: str
    run: Handler
    token: bool = True
    """Whether it needs the bot's token; the interactions' own tokens stand in the path."""

    @property
    def name(self) -> str:
        """Return what it's called in limits, faults and records."""
        return f"{self.method} {self.path}"


ROUTES: list[Route] = []


def route(method: str, path: str, *, token: bool = True) -> Callable[[Handler], Handler]:
    """Make a function the answer to a route; None is answered with 204."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, handler, token))
        return handler

    return register
