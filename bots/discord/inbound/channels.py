"""Channels, threads and direct messages: as discord.py knows them, else as Discord answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import discord
from cachetools import TTLCache

from bots.discord.faults import UNKNOWN_CHANNEL, RefusedError
from bots.discord.ids import is_id
from bots.discord.inbound.events import ChannelInfo, channel_of, guild_of
from core.domain.errors import broke
from core.domain.payload import dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from discord.abc import GuildChannel

    from bots.discord.api import Api
    from core.domain.clock import Clock

    Channel: TypeAlias = GuildChannel | discord.Thread

log = logging.getLogger(__name__)

_KEPT = 10_000
_SECONDS = 300.0
"""Seconds for which an answer is kept: rights change, and so does a channel's category."""
_OPENS_THREADS = (discord.ChannelType.text, discord.ChannelType.news)
"""Channels in which a message can have a thread (docs: topics/threads)."""
_DIRECT_TYPE, _FORUM_TYPES, _THREAD_TYPES = 1, {15, 16}, {10, 11, 12}
"""Types of direct messages, of forums and media channels, and of threads (docs: resources/channel).

A post in a forum is a thread that contains its opening message, under the post's own id. A thread
that is opened from a message also has that message's id, but the message stays in the channel.
"""


class Channels:
    """Looks up channels, threads and direct messages by id."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Look up through `api` what discord.py does not know."""
        self._api = api
        self._answers: TTLCache[str, Mapping[str, Any]] = TTLCache(_KEPT, _SECONDS, clock.monotonic)
        """Channels as Discord answered; empty for those that the bot may not see."""

    async def find(self, channel: str, guild: str) -> ChannelInfo | None:
        """Return a channel by its id and that of its server, which is empty for a DM.

        Returns None if the bot may not see it. Raises `PlatformError` if that is not known now.
        """
        if not is_id(channel):
            return None
        known = self._cached(channel, guild)
        if known is None and not guild:
            return ChannelInfo(id=channel)
        described = None if known is None else self._described(known)
        return described or await self._looked_up(channel)

    async def find_on_server(self, channel: str) -> ChannelInfo | None:
        """Return a server's channel, if the server's id is unknown; else as `find`."""
        if not is_id(channel):
            return None
        return self.known(channel) or await self._looked_up(channel)

    async def is_direct_of(self, person: str, channel: str) -> bool:
        """Return whether a channel is a person's direct messages with the bot.

        Discord names their `recipients`, who never change (docs: resources/channel). Raises
        `PlatformError` if that is not known now.
        """
        found = await self._answer(channel)
        people = [str_of(each, "id") for each in dicts_of(found, "recipients")]
        return _type_of(found) == _DIRECT_TYPE and person in people

    def known(self, channel: str) -> ChannelInfo | None:
        """Return a server's channel if discord.py knows it; makes no call."""
        found = self._cached(channel) if is_id(channel) else None
        return None if found is None else self._described(found)

    def is_forum(self, channel: str) -> bool:
        """Return whether discord.py knows the channel as a forum or a media channel."""
        found = self._cached(channel)
        return found is not None and found.type.value in _FORUM_TYPES

    async def look_up_forum(self, channel: str) -> bool:
        """Return whether a channel is a forum or a media channel.

        Raises `PlatformError` if that is not known now.
        """
        found = self._cached(channel)
        if found is not None:
            return found.type.value in _FORUM_TYPES
        return _type_of(await self._answer(channel)) in _FORUM_TYPES

    def guild_of(self, channel: str) -> str:
        """Return the server of a channel that discord.py knows; else an empty text."""
        found = self._cached(channel)
        return str(found.guild.id) if found is not None else ""

    def may_read(self, channel: str) -> bool:
        """Return whether the bot may read a channel's history, as far as is known.

        Without that right, Discord answers with an empty page (docs: "Get Channel Messages").
        """
        found = self._cached(channel)
        return found is None or self._may(found, "read_message_history")

    def names(self, guild: str, ids: Collection[str]) -> dict[str, str]:
        """Return the names of those of a server's channels and roles that discord.py knows.

        The bot's own is among them, also in a direct message.
        """
        server = self._api.client.get_guild(int(guild)) if ids and is_id(guild) else None
        names = self._own_name(server) if ids else {}
        if server is None:
            return names
        found = {id_: server.get_channel_or_thread(int(id_)) for id_ in ids}
        named = {id_: channel or server.get_role(int(id_)) for id_, channel in found.items()}
        return names | {id_: each.name for id_, each in named.items() if each}

    def called(self, place: str, thread: str) -> str:
        """Return what people call a thread or a channel of a server that discord.py knows.

        A thread that the bot opened is called by its channel: its name is made of what was said,
        and has to go with it. Returns an empty text for a direct message, and for what is not
        known.
        """
        guild, channel = guild_of(place), channel_of(place)
        above = self._cached(channel, guild) if guild and is_id(channel) else None
        if above is None:
            return ""
        found = self._cached(thread, guild) if is_id(thread) else None
        where = f"#{above.name} in {above.guild.name}"
        me = self._api.client.user
        if not isinstance(found, discord.Thread) or me is None or found.owner_id == me.id:
            return where
        return f"{found.name} ({where})"

    def _own_name(self, server: discord.Guild | None) -> dict[str, str]:
        """Return what the bot is called, by its id."""
        me = self._api.client.user
        if me is None:
            return {}
        member = server.me if server is not None else None
        return {str(me.id): (member or me).display_name}

    def _cached(self, channel: str, guild: str = "") -> Channel | None:
        """Return a channel from discord.py's cache: of this server, or if it is empty, of any.

        discord.py looks at one server after another if it is not told which (2.7, state.py,
        `get_channel`).
        """
        if is_id(guild):
            server = self._api.client.get_guild(int(guild))
            return None if server is None else server.get_channel_or_thread(int(channel))
        found = self._api.client.get_channel(int(channel))
        return None if isinstance(found, discord.abc.PrivateChannel) else found

    def _may(self, channel: Channel, *rights: str) -> bool:
        """Return whether the bot has these rights; True if that is unknown, so it is tried."""
        try:
            held = channel.permissions_for(channel.guild.me)
        except Exception as error:  # noqa: BLE001 - the gateway may have sent half of what it needs
            log.error("the rights in a channel are not known: %s", broke(error))  # noqa: TRY400
            return True
        return all(getattr(held, right) for right in rights)

    def _described(self, channel: Channel) -> ChannelInfo | None:
        """Return what discord.py knows about a channel; None if it lacks a part of it."""
        try:
            return self._info(channel)
        except Exception as error:  # noqa: BLE001 - the gateway may have sent half of what it needs
            log.error("a channel is looked up, as it is half known: %s", broke(error))  # noqa: TRY400
            return None

    def _info(self, channel: Channel) -> ChannelInfo:
        bots = channel.guild.self_role
        id_, guild, role = str(channel.id), str(channel.guild.id), str(bots.id) if bots else ""
        if isinstance(channel, discord.Thread):
            parent = channel.parent
            return ChannelInfo(
                id=id_,
                guild=guild,
                role=role,
                parent=str(channel.parent_id),
                category=_category(parent),
                is_post=parent is not None and parent.type.value in _FORUM_TYPES,
                title=channel.name,
                tags=tuple(tag.name for tag in channel.applied_tags),
                owner=str(channel.owner_id),
            )
        return ChannelInfo(
            id=id_,
            guild=guild,
            role=role,
            category=_category(channel),
            opens_threads=channel.type in _OPENS_THREADS
            and self._may(channel, "create_public_threads", "send_messages_in_threads"),
        )

    async def _looked_up(self, channel: str) -> ChannelInfo | None:
        """Return a channel by Discord's answer."""
        found = await self._answer(channel)
        if not found:
            return None
        parent, guild = str_of(found, "parent_id"), str_of(found, "guild_id")
        server = self._api.client.get_guild(int(guild)) if is_id(guild) else None
        bots = server.self_role if server else None
        role = str(bots.id) if bots else ""
        if _type_of(found) not in _THREAD_TYPES:
            return ChannelInfo(id=channel, guild=guild, role=role, category=parent)
        known = self._cached(parent) if is_id(parent) else None
        above = {} if known or not is_id(parent) else await self._answer(parent)
        return ChannelInfo(
            id=channel,
            guild=guild,
            role=role,
            parent=parent,
            category=_category(known) if known else str_of(above, "parent_id"),
            is_post=is_id(parent) and await self.look_up_forum(parent),
            title=str_of(found, "name"),
            tags=_tags(found, known, above),
            owner=str_of(found, "owner_id"),
        )

    async def _answer(self, channel: str) -> Mapping[str, Any]:
        """Return a channel as Discord answers; empty if the bot may not see it."""
        kept = self._answers.get(channel)
        if kept is not None:
            return kept
        try:
            answer: object = await self._api.call(
                "look up a channel", lambda: self._api.http.get_channel(int(channel))
            )
            found = answer if isinstance(answer, dict) else {}
        except RefusedError as refused:
            if not refused.lacks_right and refused.code != UNKNOWN_CHANNEL:
                raise
            found = {}
        self._answers[channel] = found
        return found


def _type_of(found: Mapping[str, Any]) -> int | None:
    kind = found.get("type")
    return kind if isinstance(kind, int) else None


def _category(channel: Channel | None) -> str:
    """Return the category that a channel is in; empty for a thread, which has none of its own."""
    if channel is None or isinstance(channel, discord.Thread):
        return ""
    return str(channel.category_id or "")


def _tags(
    thread: Mapping[str, Any], forum: Channel | None, answer: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the names of those of a post's tags that its forum still has."""
    names = {str_of(tag, "id"): str_of(tag, "name") for tag in dicts_of(answer, "available_tags")}
    if isinstance(forum, discord.ForumChannel):
        names = {str(tag.id): tag.name for tag in forum.available_tags}
    given = thread.get("applied_tags")
    ids = [str(id_) for id_ in given] if isinstance(given, list) else []
    return tuple(names[id_] for id_ in ids if id_ in names)
