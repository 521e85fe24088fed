"""Where something was said: what discord.py knows of a channel, else what Discord answers."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import discord

from bots.discord.api import UNKNOWN_CHANNEL, RefusedError
from bots.discord.ids import is_id
from bots.discord.inbound.events import Spot
from core.domain.errors import broke
from core.domain.payload import dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discord.abc import GuildChannel

    from bots.discord.api import Api
    from core.domain.clock import Clock

    Channel: TypeAlias = GuildChannel | discord.Thread

log = logging.getLogger(__name__)

_KEPT = 10_000
_FRESH = 300.0
"""Seconds for which an answer holds: rights change, and so does the category of a channel."""
_OPENS_THREADS = (discord.ChannelType.text, discord.ChannelType.news)
"""Channels in which a message can have a thread (docs: topics/threads)."""
_POSTS_ONLY, _THREADS = {15, 16}, {10, 11, 12}
"""Types of channels: of forums and media channels, and of threads (docs: resources/channel).

A post is a thread whose opening message stands in it, under the post's own id; a thread that is
made from a message has that message's id as well, but the message stands in the channel.
"""


class Places:
    """Channels, threads and direct messages by id."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Ask for what is not known."""
        self._api = api
        self._clock = clock
        self._asked: OrderedDict[str, tuple[dict[str, Any], float]] = OrderedDict()
        """Channels as Discord answered, empty where it shows none; and until when that holds."""

    async def spot(self, channel: str, guild: str) -> Spot | None:
        """Return what a channel is; None where the bot may not see it. `guild` is empty in DMs.

        Raises `PlatformError` when that can't be told now.
        """
        if not is_id(channel):
            return None
        if not guild and self._known(channel) is None:
            return Spot(channel=channel)
        return await self.asked(channel)

    async def asked(self, channel: str) -> Spot | None:
        """Return what a server's channel is, whichever server that is; see `spot`."""
        if not is_id(channel):
            return None
        spot = self.known(channel)
        if spot is not None:
            return spot
        found = await self._ask(channel)
        return await self._answered(channel, found) if found else None

    def known(self, channel: str) -> Spot | None:
        """Return what a server's channel is, as far as discord.py knows."""
        found = self._known(channel)
        try:
            return None if found is None else self._spot(found)
        except Exception as error:  # noqa: BLE001 - it may have been told half of what it needs
            log.error("a channel is asked for, as it is not known well: %s", broke(error))  # noqa: TRY400
            return None

    def holds_posts(self, channel: str) -> bool:
        """Tell whether all that stands in a channel is posts, as far as discord.py knows."""
        known = self._known(channel)
        return known is not None and known.type.value in _POSTS_ONLY

    async def takes_posts(self, channel: str) -> bool:
        """Tell whether all that can stand in a channel is posts: a forum's, a media channel's.

        Raises `PlatformError` when that can't be told now.
        """
        if self._known(channel) is not None:
            return self.holds_posts(channel)
        return _type_of(await self._ask(channel)) in _POSTS_ONLY

    def guild_of(self, channel: str) -> str:
        """Return the server that a channel is in, as far as discord.py knows; else nothing."""
        known = self._known(channel)
        return str(known.guild.id) if known is not None else ""

    def may_read(self, channel: str) -> bool:
        """Tell whether the bot may read what was said in a channel.

        Discord answers with nothing at all where it may not (docs: "Get Channel Messages").
        """
        known = self._known(channel)
        return known is None or self._may(known, "read_message_history")

    def names(self, guild: str, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of a server's channels and roles, of those that are known."""
        server = self._api.link.client.get_guild(int(guild)) if is_id(guild) else None
        if server is None:
            return {}
        found = {id_: server.get_channel_or_thread(int(id_)) for id_ in ids}
        known = {id_: channel or server.get_role(int(id_)) for id_, channel in found.items()}
        return {id_: each.name for id_, each in known.items() if each}

    def _known(self, channel: str) -> Channel | None:
        found = self._api.link.client.get_channel(int(channel)) if is_id(channel) else None
        return None if isinstance(found, discord.abc.PrivateChannel) else found

    def _may(self, channel: Channel, *rights: str) -> bool:
        """Tell whether the bot has these rights in a channel; where that is not known, try it."""
        try:
            held = channel.permissions_for(channel.guild.me)
        except Exception as error:  # noqa: BLE001 - it may have been told half of what it needs
            log.error("the rights in a channel are not known: %s", broke(error))  # noqa: TRY400
            return True
        return all(getattr(held, right) for right in rights)

    def _spot(self, channel: Channel) -> Spot:
        bots = channel.guild.self_role
        id_, guild, role = str(channel.id), str(channel.guild.id), str(bots.id) if bots else ""
        if isinstance(channel, discord.Thread):
            return Spot(
                channel=id_,
                guild=guild,
                role=role,
                parent=str(channel.parent_id),
                category=_category(channel.parent),
                is_post=self.holds_posts(str(channel.parent_id)),
                title=channel.name,
                tags=tuple(tag.name for tag in channel.applied_tags),
                owner=str(channel.owner_id),
            )
        return Spot(
            channel=id_,
            guild=guild,
            role=role,
            category=_category(channel),
            opens_threads=channel.type in _OPENS_THREADS
            and self._may(channel, "create_public_threads", "send_messages_in_threads"),
        )

    async def _answered(self, channel: str, found: Mapping[str, Any]) -> Spot:
        """Return what a channel is by Discord's answer."""
        parent, guild = str_of(found, "parent_id"), str_of(found, "guild_id")
        server = self._api.link.client.get_guild(int(guild)) if is_id(guild) else None
        role = server.self_role if server else None
        spot = Spot(channel=channel, guild=guild, role=str(role.id) if role else "")
        if _type_of(found) not in _THREADS:
            return replace(spot, category=parent)
        known = self._known(parent)
        above = {} if known or not is_id(parent) else await self._ask(parent)
        return replace(
            spot,
            parent=parent,
            category=_category(known) if known else str_of(above, "parent_id"),
            is_post=is_id(parent) and await self.takes_posts(parent),
            title=str_of(found, "name"),
            tags=_tags(found, known, above),
            owner=str_of(found, "owner_id"),
        )

    async def _ask(self, channel: str) -> Mapping[str, Any]:
        """Return a channel as Discord answers; empty where the bot may not see it."""
        kept, until = self._asked.get(channel, ({}, 0.0))
        if self._clock.monotonic() < until:
            return kept
        try:
            answer: object = await self._api.call(
                "look at a channel", lambda: self._api.http.get_channel(int(channel))
            )
            found = answer if isinstance(answer, dict) else {}
        except RefusedError as refused:
            if not refused.lacks_right and refused.code != UNKNOWN_CHANNEL:
                raise
            found = {}
        self._asked.pop(channel, None)
        self._asked[channel] = (found, self._clock.monotonic() + _FRESH)
        if len(self._asked) > _KEPT:
            self._asked.popitem(last=False)
        return found


def _type_of(found: Mapping[str, Any]) -> int | None:
    kind = found.get("type")
    return kind if isinstance(kind, int) else None


def _category(channel: Channel | None) -> str:
    """Return the category that a channel is in; a thread knows none without its parent."""
    if channel is None or isinstance(channel, discord.Thread):
        return ""
    return str(channel.category_id or "")


def _tags(
    thread: Mapping[str, Any], forum: Channel | None, answer: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the names of a post's tags, of those that its forum still has."""
    known = {str_of(tag, "id"): str_of(tag, "name") for tag in dicts_of(answer, "available_tags")}
    if isinstance(forum, discord.ForumChannel):
        known = {str(tag.id): tag.name for tag in forum.available_tags}
    given = thread.get("applied_tags")
    ids = [str(id_) for id_ in given] if isinstance(given, list) else []
    return tuple(known[id_] for id_ in ids if id_ in known)
