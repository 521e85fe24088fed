"""Members, channels and roles, as Discord has them now; implements `authorized.Directory`.

A member and their roles are looked up each time. Channels, and who can see them, are as discord.py
keeps them from the gateway; an archived thread, which it does not know, is looked up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from typing_extensions import override

from bots.discord.faults import UNKNOWN_CHANNEL, RefusedError
from bots.discord.ids import is_id
from bots.discord.inbound import people
from bots.discord.inbound.audience import EVERYBODY
from bots.discord.inbound.events import NAME, ChannelInfo, channel_of, guild_of
from bots.discord.inbound.history import one
from bots.discord.outbound.permalinks import link_into
from core.commands.access import Directory
from core.domain.errors import PlatformError, broke

if TYPE_CHECKING:
    from datetime import tzinfo

    from discord.abc import GuildChannel

    from bots.discord.api import Api
    from bots.discord.inbound.audience import AccessLists
    from bots.discord.inbound.channels import Channels
    from core.domain.message import ThreadKey

log = logging.getLogger(__name__)

_PRIVATE = discord.ChannelType.private_thread
_READING = ("view_channel", "read_message_history")
"""The permissions that reading takes (docs: topics/permissions)."""
_SERVER = "server"
_DIRECT = "Direct messages"


class DiscordDirectory(Directory):
    """The people and channels of the servers that the bot is on."""

    name = NAME

    def __init__(
        self, api: Api, channels: Channels, admins: str, lists: AccessLists = EVERYBODY
    ) -> None:
        """Ask Discord with the bot's own rights.

        Args:
            api: Discord's REST API.
            channels: Know what channels and threads are called.
            admins: Ids of users and roles, separated by commas; `server` stands for the members
                who may manage a server.
            lists: Whom the bot listens to.
        """
        self._api = api
        self._channels = channels
        self._lists = lists
        self._admins = set(filter(None, admins.split(",")))

    # --- threads --------------------------------------------------------------------------------

    @override
    def is_ours(self, thread: ThreadKey) -> bool:
        """Return whether a thread is a direct message, or on a server that the bot is on.

        A thread's key may come from a button, which a person may have made up.
        """
        server, _, channel = thread.channel.partition("/")
        if not (is_id(channel) and is_id(thread.thread)):
            return False
        if server == "dm":
            return thread.thread == channel
        return is_id(server) and self._guild(thread) is not None

    @override
    async def is_direct(self, thread: ThreadKey) -> bool:
        return _is_dm(thread)

    @override
    def tenant(self, thread: ThreadKey) -> str:
        """Return the server; of a direct message, the channel: its figures are one person's."""
        return guild_of(thread.channel) or thread.channel

    @override
    def scope(self, thread: ThreadKey) -> str:
        """Return what visibility depends on: the channel if the thread is known to be public."""
        guild = self._guild(thread)
        known = guild.get_channel_or_thread(int(thread.thread)) if guild is not None else None
        return thread.channel if known is not None and known.type is not _PRIVATE else str(thread)

    def title(self, thread: ThreadKey) -> str:
        """Return the name by which people know a thread."""
        guild = self._guild(thread)
        if guild is None:
            return _DIRECT
        known = guild.get_channel_or_thread(int(thread.thread))
        above = guild.get_channel(int(channel_of(thread.channel)))
        place = f"#{above.name}" if above is not None else guild.name
        return f"{known.name} ({place})" if isinstance(known, discord.Thread) else place

    @override
    async def place_of(self, thread: ThreadKey) -> str:
        return self._channels.called(thread.channel, thread.thread)

    # --- people ---------------------------------------------------------------------------------

    @override
    async def listens_to(self, person: str, thread: ThreadKey) -> bool:
        """Return whether the lists of the settings let a person talk to the bot there."""
        if self._lists == EVERYBODY:
            return True
        server = guild_of(thread.channel)
        if not server:
            return self._lists.allow(ChannelInfo(id=thread.thread), person, ())
        guild, member = self._guild(thread), await self._member(person, thread)
        if guild is None or member is None:
            return False
        channel = channel_of(thread.channel)
        above = guild.get_channel(int(channel))
        info = ChannelInfo(
            id=thread.thread,
            guild=server,
            parent=channel,
            category=str(above.category_id or "") if above is not None else "",
        )
        return self._lists.allow(info, person, [str(role.id) for role in member.roles])

    @override
    async def may_enter(self, person: str, thread: ThreadKey) -> bool:
        """Return False: a person who may enter a channel sees it already."""
        del person, thread
        return False

    @override
    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person sees a thread; a direct message is shown to its members only."""
        if _is_dm(thread):
            return await self._channels.is_direct_of(person, thread.thread)
        guild, member = self._guild(thread), await self._member(person, thread)
        above = guild.get_channel(int(channel_of(thread.channel))) if guild is not None else None
        if member is None or guild is None or above is None:
            return False
        try:
            rights = above.permissions_for(member)
        except Exception as error:  # noqa: BLE001 - the gateway may have sent half of what it needs
            log.error("a person's rights are not known: %s", broke(error))  # noqa: TRY400 - no text
            return False
        if not rights.view_channel:
            return False
        kind = await self._kind(thread, guild)
        if kind is not _PRIVATE:
            return kind is not None
        return rights.manage_threads or await self._is_in(person, thread)

    @override
    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person is an admin of the thread's server; a DM has no admins."""
        if _is_dm(thread):
            return False
        member = await self._member(person, thread)
        if member is None:
            return False
        if self._admins & {person, *(str(role.id) for role in member.roles)}:
            return True
        return _SERVER in self._admins and member.guild_permissions.manage_guild

    @override
    async def manages(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person may edit the channel (docs: topics/permissions, MANAGE_CHANNELS).

        A person in a time-out may not: Discord takes away all that they may but reading. A direct
        message is managed by the person with whom the bot has it.
        """
        if _is_dm(thread):
            return await self.can_see(person, thread)
        guild, member = self._guild(thread), await self._member(person, thread)
        above = guild.get_channel(int(channel_of(thread.channel))) if guild is not None else None
        if member is None or above is None or member.is_timed_out():
            return False
        return above.permissions_for(member).manage_channels

    @override
    async def name_of(self, person: str, thread: ThreadKey) -> str:
        """Return a person's name on a server, else their global one; their id if neither is known.

        Never raises.
        """
        try:
            member = await self._member(person, thread)
            if member is not None:
                return member.display_name
            user: object = await self._api.call(
                "look up a user", lambda: self._api.http.get_user(int(person))
            )
        except PlatformError as error:
            log.info("a person's name is not known: %s", error)
            return person
        return people.name_of(user if isinstance(user, dict) else {}, {}) or person

    @override
    async def zone_of(self, person: str) -> tzinfo | None:
        """Return None: Discord does not tell people's time zones."""
        del person
        return None

    @override
    def link_to(self, thread: ThreadKey, message: str) -> str:
        forum = self._channels.is_forum(channel_of(thread.channel))
        return link_into(thread, message, forum=forum)

    # --- for links to other conversations -------------------------------------------------------

    async def is_own_dm(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a direct message is the one between a person and the bot."""
        http = self._api.http

        async def opened() -> str:
            return str((await http.start_private_message(int(person)))["id"])

        try:
            own = await self._api.call("look up a direct message", opened)
        except RefusedError:
            return False
        return own == channel_of(thread.channel)

    async def can_read(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person can read what was said in a server's thread before now."""
        if _is_dm(thread) or not await self.can_see(person, thread):
            return False
        member, above = await self._member(person, thread), self._above(thread)
        return bool(member and above and above.permissions_for(member).read_message_history)

    async def all_can_read(self, there: ThreadKey, here: ThreadKey) -> bool:
        """Return whether everyone who reads `here` can read `there`, as far as is known.

        They can if it is in the same channel, in one that all members of the server can read, or
        in one whose permissions are the same; but nobody else can read a private thread.
        """
        if _is_dm(here):
            return True
        guild = self._guild(there)
        around, beyond = self._above(here), self._above(there)
        if guild is None or around is None or beyond is None or around.guild != beyond.guild:
            return False
        if await self._kind(there, guild) in {_PRIVATE, None}:
            return False
        return (
            around == beyond or _rules(around) == _rules(beyond) or _is_for_everyone(beyond, guild)
        )

    # --- the steps ------------------------------------------------------------------------------

    def _guild(self, thread: ThreadKey) -> discord.Guild | None:
        guild = guild_of(thread.channel)
        return self._api.client.get_guild(int(guild)) if is_id(guild) else None

    def _above(self, thread: ThreadKey) -> GuildChannel | None:
        """Return the channel that a thread is in."""
        guild = self._guild(thread)
        return guild.get_channel(int(channel_of(thread.channel))) if guild is not None else None

    async def _member(self, person: str, thread: ThreadKey) -> discord.Member | None:
        guild = self._guild(thread)
        if guild is None:
            return None
        try:
            return await self._api.call("look up a member", lambda: guild.fetch_member(int(person)))
        except RefusedError as refused:
            log.info("a person is not on the server: %s", refused)
            return None

    async def _kind(self, thread: ThreadKey, guild: discord.Guild) -> discord.ChannelType | None:
        """Return a thread's type; None if it is gone.

        A message from which no thread could be opened was answered in its channel: then it is text.
        """
        id_ = int(thread.thread)
        known = guild.get_channel_or_thread(id_)
        if known is not None:
            return known.type

        async def kind() -> discord.ChannelType:
            return discord.ChannelType((await self._api.http.get_channel(id_))["type"])

        try:
            return await self._api.call("look up a thread", kind)
        except RefusedError as refused:
            if refused.code != UNKNOWN_CHANNEL:
                return None
        try:
            await one(self._api, channel_of(thread.channel), thread.thread)
        except RefusedError:
            return None
        return discord.ChannelType.text

    async def _is_in(self, person: str, thread: ThreadKey) -> bool:
        http, id_ = self._api.http, int(thread.thread)
        try:
            await self._api.call(
                "look up a thread's member", lambda: http.get_thread_member(id_, int(person))
            )
        except RefusedError:
            return False
        return True


def _is_dm(thread: ThreadKey) -> bool:
    return not guild_of(thread.channel)


def _rules(channel: GuildChannel) -> dict[int, tuple[bool | None, ...]]:
    """Return who may see and read a channel other than by their roles on the server, by id."""
    found = {
        target.id: tuple([getattr(rules, each) for each in _READING])
        for target, rules in channel.overwrites.items()
    }
    return {id_: rules for id_, rules in found.items() if any(each is not None for each in rules)}


def _is_for_everyone(channel: GuildChannel, guild: discord.Guild) -> bool:
    """Return whether all members can read a channel: everyone may, and nobody is kept out."""
    rights = channel.permissions_for(guild.default_role)
    denied = [False in rules for rules in _rules(channel).values()]
    return all(getattr(rights, each) for each in _READING) and not any(denied)
