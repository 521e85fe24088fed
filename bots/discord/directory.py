"""Who is where and who is who on Discord; what each method answers is said in `core.desk`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord

from bots.discord.events import NAME, channel_of, guild_of
from core.errors import PlatformError

if TYPE_CHECKING:
    from bots.discord.api import Api
    from core.message import ThreadKey

log = logging.getLogger(__name__)


class DiscordDirectory:
    """Asks Discord about people, at the moment of each command."""

    name = NAME

    def __init__(self, api: Api) -> None:
        """Ask with the bot's own rights."""
        self._api = api

    def is_ours(self, thread: ThreadKey) -> bool:
        """Tell whether a thread is on a server that the bot is on, or a direct message."""
        guild = guild_of(thread.place)
        return not guild or self._guild(thread) is not None

    def is_private(self, thread: ThreadKey) -> bool:
        """Tell whether a thread is a direct message."""
        return not guild_of(thread.place)

    def circle(self, thread: ThreadKey) -> str:
        """Return the server, or the direct messages with one person: not all see one another."""
        return guild_of(thread.place) or thread.place

    def scope(self, thread: ThreadKey) -> str:
        """Return the thread: who sees one of a channel need not see another."""
        return str(thread)

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody sees a thread; a direct message is seen by who took part."""
        if self.is_private(thread):
            return True
        member, guild = await self._member(person, thread), self._guild(thread)
        if member is None or guild is None:
            return False
        channel = guild.get_channel_or_thread(int(thread.thread))
        if isinstance(channel, discord.Thread) and channel.is_private():
            return await self._is_in(person, channel)
        shown = channel or guild.get_channel(int(channel_of(thread.place)))
        return shown is not None and shown.permissions_for(member).view_channel

    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody manages the server that a thread is on."""
        if self.is_private(thread):
            return False
        member = await self._member(person, thread)
        return member is not None and member.guild_permissions.manage_guild

    async def name_of(self, person: str, thread: ThreadKey) -> str:
        """Return what somebody is called on a server."""
        member = None if self.is_private(thread) else await self._member(person, thread)
        return member.display_name if member is not None else person

    def _guild(self, thread: ThreadKey) -> discord.Guild | None:
        return self._api.link.client.get_guild(int(guild_of(thread.place) or 0))

    async def _member(self, person: str, thread: ThreadKey) -> discord.Member | None:
        guild = self._guild(thread)
        if guild is None:
            return None
        try:
            return await self._api.call("look at a member", lambda: guild.fetch_member(int(person)))
        except PlatformError as error:
            log.info("a member is not known: %s", error)
            return None

    async def _is_in(self, person: str, thread: discord.Thread) -> bool:
        try:
            await self._api.call(
                "look at a thread's members", lambda: thread.fetch_member(int(person))
            )
        except PlatformError:
            return False
        return True
