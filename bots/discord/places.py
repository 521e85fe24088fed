"""Where something was said: what discord.py knows of a channel, else what Discord answers."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

import discord

from bots.discord.api import UNKNOWN_CHANNEL, RefusedError
from bots.discord.events import Spot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discord.abc import GuildChannel

    from bots.discord.api import Api

    Channel: TypeAlias = GuildChannel | discord.Thread

log = logging.getLogger(__name__)

_KEPT = 10_000
_OPENS_THREADS = (discord.ChannelType.text, discord.ChannelType.news)
"""Channels in which a message can have a thread (docs: topics/threads)."""
_THREADS = {10, 11, 12}
"""Types of channels that are threads (docs: resources/channel, "Channel Types")."""


class Places:
    """Channels, threads and direct messages by id."""

    def __init__(self, api: Api) -> None:
        """Ask for what is not known."""
        self._api = api
        self._fetched: OrderedDict[str, Spot | None] = OrderedDict()

    async def spot(self, channel: str, guild: str) -> Spot | None:
        """Return what a channel is; None where the bot may not see it. `guild` is empty in DMs.

        Raises `PlatformError` when that can't be told now.
        """
        if not guild:
            return Spot(channel=channel)
        known = self._known(channel)
        if known is not None:
            return self._spot(known)
        if channel not in self._fetched:
            self._fetched[channel] = await self._ask(channel)
            if len(self._fetched) > _KEPT:
                self._fetched.popitem(last=False)
        return self._fetched[channel]

    def known(self, channel: str) -> Spot | None:
        """Return what a server's channel is, as far as discord.py knows."""
        found = self._known(channel)
        return None if found is None else self._spot(found)

    def guild_of(self, channel: str) -> str:
        """Return the server that a channel is in, as far as discord.py knows; else nothing."""
        known = self._known(channel)
        return str(known.guild.id) if known is not None else ""

    def may_read(self, channel: str) -> bool:
        """Tell whether the bot may read what was said in a channel.

        Discord answers with nothing at all where it may not (docs: "Get Channel Messages").
        """
        known = self._known(channel)
        return known is None or self._rights(known).read_message_history

    def names(self, guild: str, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of a server's channels and roles, of those that are known."""
        server = self._api.link.client.get_guild(int(guild)) if guild else None
        if server is None:
            return {}
        found = {id_: server.get_channel_or_thread(int(id_)) for id_ in ids}
        known = {id_: channel or server.get_role(int(id_)) for id_, channel in found.items()}
        return {id_: each.name for id_, each in known.items() if each}

    def forget(self, channel: str) -> None:
        """Ask again what a channel is."""
        self._fetched.pop(channel, None)

    def _known(self, channel: str) -> Channel | None:
        found = self._api.link.client.get_channel(int(channel))
        return None if isinstance(found, discord.abc.PrivateChannel) else found

    def _rights(self, channel: Channel) -> discord.Permissions:
        return channel.permissions_for(channel.guild.me)

    def _spot(self, channel: Channel) -> Spot:
        role = channel.guild.self_role
        thread = isinstance(channel, discord.Thread)
        opens = not thread and channel.type in _OPENS_THREADS
        if opens:
            rights = self._rights(channel)
            opens = rights.create_public_threads and rights.send_messages_in_threads
        return Spot(
            channel=str(channel.id),
            guild=str(channel.guild.id),
            parent=str(channel.parent_id) if isinstance(channel, discord.Thread) else "",
            category=str(_category(channel) or ""),
            opens_threads=opens,
            role=str(role.id) if role else "",
        )

    async def _ask(self, channel: str) -> Spot | None:
        try:
            answer = await self._api.call(
                "look at a channel", lambda: self._api.http.get_channel(int(channel))
            )
        except RefusedError as refused:
            if refused.lacks_right or refused.code == UNKNOWN_CHANNEL:
                return None
            raise
        found: dict[str, Any] = {**answer}
        thread = found.get("type") in _THREADS
        parent = str(found.get("parent_id") or "")
        guild = str(found.get("guild_id") or "")
        above = self._known(parent) if parent else None
        role = above.guild.self_role if above else None
        return Spot(
            channel=channel,
            guild=guild,
            parent=parent if thread else "",
            category=str(_category(above) or "") if above and thread else "",
            role=str(role.id) if role else "",
        )


def _category(channel: Channel | None) -> int | None:
    return getattr(channel, "category_id", None)
