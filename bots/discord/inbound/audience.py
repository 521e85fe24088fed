"""Whom the bot listens to, by the lists of the settings; applied to every message that it reads."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from bots.discord.inbound.content import UNAIDED
from bots.discord.inbound.events import CREATED, Edited, Said, parse, said, titled, unread
from bots.settings.discord import ids
from core.domain.errors import broke
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import ChannelInfo, Event, Me
    from bots.discord.inbound.names import Names
    from bots.discord.inbound.shown.aids import AidLookup
    from bots.settings.discord import DiscordSettings
    from core.domain.message import Message

log = logging.getLogger(__name__)

_NONE: frozenset[str] = frozenset()
_NOBODY = "0"
"""No user's id: read with it, the bot's own messages are those of another app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """Ids that are allowed, and ids that are denied. An empty list of allowed ids allows all."""

    allowed: frozenset[str] = _NONE
    denied: frozenset[str] = _NONE

    def refuses(self, found: Collection[str]) -> bool:
        """Return whether something with these ids is refused."""
        if not self.denied.isdisjoint(found):
            return True
        return bool(self.allowed) and self.allowed.isdisjoint(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLists:
    """The lists of all kinds.

    What any list denies is denied. A list of allowed ids excludes all others; people and roles
    share one list. In a direct message, no server states a person's roles, so only people count.
    """

    guilds: AccessList = AccessList()
    channels: AccessList = AccessList()
    roles: AccessList = AccessList()
    users: AccessList = AccessList()
    dms: bool = True

    @classmethod
    def of(cls, settings: DiscordSettings) -> Self:
        """Return the lists of the settings."""

        def lists(kind: str) -> AccessList:
            return AccessList(
                allowed=ids(getattr(settings, f"discord_allow_{kind}")),
                denied=ids(getattr(settings, f"discord_deny_{kind}")),
            )

        return cls(
            guilds=lists("guilds"),
            channels=lists("channels"),
            roles=lists("roles"),
            users=lists("users"),
            dms=settings.discord_dms,
        )

    def allow(
        self, channel: ChannelInfo, user: str, roles: Collection[str], *, is_app: bool = False
    ) -> bool:
        """Return whether the bot listens to a person with these roles in this channel.

        What an app says is only context for what people ask, so no list has to name it.
        """
        if user in self.users.denied or not self.roles.denied.isdisjoint(roles):
            return False
        people = self.users.allowed | self.roles.allowed
        if people and not is_app and people.isdisjoint((user, *roles)):
            return False
        if not channel.guild:
            return self.dms
        around = [id_ for id_ in (channel.id, channel.parent, channel.category) if id_]
        return not self.guilds.refuses((channel.guild,)) and not self.channels.refuses(around)


EVERYBODY = AccessLists()
"""No list at all: the bot listens to everybody, everywhere."""


class Audience:
    """Reads payloads as messages of the people whom the bot listens to."""

    def __init__(
        self, lists: AccessLists, channels: Channels, names: Names, aids: AidLookup, me: Me
    ) -> None:
        """Read as `me`, with the help of what `channels`, `names` and `aids` know."""
        self._lists = lists
        self._channels = channels
        self._names = names
        self._aids = aids
        self.me = me

    async def channel_of(self, payload: Mapping[str, Any]) -> ChannelInfo | None:
        """Return where a message was said; None if the bot may not see it.

        Raises `PlatformError` if that is not known now.
        """
        channel, guild = str_of(payload, "channel_id"), str_of(payload, "guild_id")
        if not guild and dict_of(payload, "member"):  # it was said on a server all the same
            return await self._channels.find_on_server(channel)
        return await self._channels.find(channel, guild)

    def parse(
        self, kind: str, payload: Mapping[str, Any], channel: ChannelInfo | None
    ) -> Event | None:
        """Return what an event says, as `events.parse`.

        A new message that can't be parsed is one without words if it is addressed to the bot.
        """
        try:
            aids = self._aids.at_hand(payload, channel) if channel else UNAIDED
            return parse(kind, payload, channel, self.me, aids)
        except Exception as error:  # one message must not stop those after it
            if kind != CREATED or channel is None:
                raise
            log.error("a message could not be read: %s", broke(error))  # noqa: TRY400 - no text
            message = unread(payload, channel, self.me)
            return None if message is None else Said(message)

    async def understand(
        self, kind: str, payload: Mapping[str, Any], channel: ChannelInfo | None
    ) -> Event | None:
        """Return what an event says, as `parse`, with what its payload leaves out."""
        event = self.parse(kind, payload, channel)
        if channel is None:
            return event
        if kind == CREATED:
            self._aids.note(payload, channel)
        if not isinstance(event, Said | Edited):
            return event
        complete = await self._aids.complete(payload, channel)
        return event if complete is None else self.parse(kind, complete, channel)

    async def recall(self, payload: Mapping[str, Any], channel: ChannelInfo) -> Message | None:
        """Return a message from history as `read` does, or one of the bot's own."""
        if str_of(dict_of(payload, "author"), "id") != self.me.user:
            return await self.read(payload, channel)
        someone = replace(self.me, user=_NOBODY)
        return said(payload, channel, someone, self._aids.at_hand(payload, channel))

    async def read(self, payload: Mapping[str, Any], channel: ChannelInfo) -> Message | None:
        """Return a message from history, if the bot listens to its author; with their name."""
        event = await self.understand(CREATED, payload, channel)
        if not isinstance(event, Said):
            return None
        return await self.admit(event.message, payload, channel)

    async def admit(
        self, message: Message, payload: Mapping[str, Any], channel: ChannelInfo
    ) -> Message | None:
        """Return a message with its author's name, if the bot listens to them."""
        member = await self._names.of(payload, channel.guild)
        author = message.author
        if not self._lists.allow(channel, author.id, member.roles, is_app=author.is_app):
            return None
        if member.name == message.author.name:
            return message
        return replace(message, author=replace(message.author, name=member.name))

    async def meet(self, payloads: Sequence[Mapping[str, Any]], channel: ChannelInfo) -> None:
        """Look up the authors of messages that will be read, all at once."""
        await self._names.learn_authors(channel.guild, payloads)

    async def read_title(self, channel: ChannelInfo) -> Message | None:
        """Return a thread's title as its creator's message, if the bot listens to them."""
        message = titled(channel, self.me)
        if message is None:
            return None
        return await self.admit(message, {"author": {"id": message.author.id}}, channel)

    async def unread(self, payload: Mapping[str, Any], channel: ChannelInfo) -> Message | None:
        """Return a message to the bot without its words, if the bot listens to its author."""
        message = unread(payload, channel, self.me)
        return message and await self.admit(message, payload, channel)

    def opening(self, payload: Mapping[str, Any], channel: ChannelInfo) -> Message | None:
        """Return a thread's opening message by any author; the author's name may be missing."""
        return said(payload, channel, self.me, self._aids.at_hand(payload, channel))
