"""Channels' members and admins, as Slack has them now; implements `authorized.Directory`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from typing_extensions import override

from bots.settings.environment import is_time_zone
from bots.slack.faults import RefusedError
from bots.slack.inbound.events import NAME, channel_of, place_of, thread_at
from bots.slack.inbound.people import is_id, is_ts
from bots.slack.outbound.permalinks import link_to
from bots.slack.pace import Rank
from core.commands.access import Directory
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import tzinfo

    from bots.slack.api import Api
    from bots.slack.inbound.audience import Audience
    from bots.slack.inbound.events import Me
    from bots.slack.inbound.names import Names
    from core.domain.message import ThreadKey

log = logging.getLogger(__name__)

_PAGE = 1000
_PAGES = 100
_PATIENCE = 30.0


class SlackDirectory(Directory):
    """One workspace's people and channels."""

    name = NAME

    def __init__(self, api: Api, me: Me, names: Names, audience: Audience, *, admins: str) -> None:
        """Ask Slack as `me`.

        `admins` are user ids separated by commas; `workspace` stands for the workspace's admins.
        """
        self._api = api
        self._me = me
        self._names = names
        self._audience = audience
        self._admins = {name.strip() for name in admins.split(",")}

    # --- threads --------------------------------------------------------------------------------

    @property
    def one_dm(self) -> bool:
        """Return whether a DM is one conversation, so that a command there needs no choice."""
        return self._me.dm_scope == "user"

    def thread_at(self, channel: str, root: str) -> ThreadKey:
        """Return the key of a thread, by its channel and its root message."""
        return thread_at(channel, root, self._me)

    @override
    def is_ours(self, thread: ThreadKey) -> bool:
        """Return whether a thread is in the workspace.

        A thread's key may come from a button, which a person may have made up: only ids go on to
        Slack and to the store, so one conversation has one key.
        """
        channel = channel_of(thread.channel)
        if not is_id(channel) or thread.channel != place_of(channel, self._me):
            return False
        return is_ts(thread.thread) or thread.thread == channel

    @override
    def tenant(self, thread: ThreadKey) -> str:
        """Return one name for all threads: the bot is in one workspace."""
        del thread
        return NAME

    @override
    def scope(self, thread: ThreadKey) -> str:
        """Return what visibility depends on: the channel."""
        return thread.channel

    @override
    async def is_direct(self, thread: ThreadKey) -> bool:
        """Return whether it is a direct message, with one person or with several.

        The id of a direct message with several people looks like a channel's.
        """
        if channel_of(thread.channel).startswith("D"):
            return True
        found = await self._channel(thread)
        return not found or bool(found.get("is_im") or found.get("is_mpim"))

    @override
    async def place_of(self, thread: ThreadKey) -> str:
        return await self._names.place(channel_of(thread.channel))

    # --- people ---------------------------------------------------------------------------------

    @override
    async def listens_to(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person belongs to this organisation, or strangers are allowed."""
        del thread  # the answer is the same in all channels
        return await self._audience.listens_to(person)

    @override
    async def may_enter(self, person: str, thread: ThreadKey) -> bool:
        """Return whether the channel is public, and the person no guest (docs: slack.com/help)."""
        if not await self._audience.is_ours(person):
            return False
        found, user = await self._channel(thread), await self._user(person)
        return _is_public(found) and not _is_guest_or_gone(user)

    @override
    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        return await self._misses({person}, thread) == set()

    @override
    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person is an admin, by the settings or in the workspace."""
        del thread  # the answer is the same in all channels
        if person in self._admins:
            return True
        if "workspace" not in self._admins:
            return False
        found = await self._user(person)
        ours = found.get("team_id", self._me.team) in (self._me.team, self._me.enterprise)
        return ours and (found.get("is_admin") is True or found.get("is_owner") is True)

    @override
    async def manages(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person made the channel, is in it, and is no guest.

        Slack tells apps no channel managers; `creator` is in its conversation object (docs:
        reference/objects/conversation-object). A direct message is managed by those who are in it.
        """
        if await self.is_direct(thread):
            return await self.can_see(person, thread)
        if not await self._audience.is_ours(person):
            return False
        found, user = await self._channel(thread), await self._user(person)
        return found.get("creator") == person and not _is_guest_or_gone(user)

    @override
    async def name_of(self, person: str, thread: ThreadKey) -> str:
        del thread  # it is the same in all channels
        return await self._names.of(person)

    @override
    async def zone_of(self, person: str) -> tzinfo | None:
        """Return the zone of a person's clients (docs: reference/objects/user-object, `tz`)."""
        try:
            name = str_of(await self._user(person), "tz")
        except PlatformError as error:
            log.info("a person's time zone is not known: %s", error)
            return None
        return ZoneInfo(name) if is_time_zone(name) else None

    @override
    def link_to(self, thread: ThreadKey, message: str) -> str:
        return link_to(self._me.url, channel_of(thread.channel), message, thread.thread)

    # --- for links to other conversations -------------------------------------------------------

    async def can_read(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person can read a thread now, as a member or since it is public."""
        try:
            user = await self._user(person)
        except RefusedError:  # no such person, or one that the bot may not see
            return False
        if user.get("deleted"):
            return False
        return await self.can_see(person, thread) or await self.may_enter(person, thread)

    async def all_can_read(self, there: ThreadKey, here: ThreadKey) -> bool:
        """Return whether everyone who reads `here` can read `there`, as far as is known.

        A public channel counts as readable, unless people of another organisation read here. A
        guest, who can't open each public channel, counts as a colleague.
        """
        if here.channel == there.channel or channel_of(here.channel).startswith("D"):
            return True
        around, beyond = await self._channel(here), await self._channel(there)
        shared = around.get("is_ext_shared") or around.get("is_pending_ext_shared")
        if around and not shared and _is_public(beyond):
            return True
        return await self._misses(await self._members(here), there) == set()

    # --- steps ----------------------------------------------------------------------------------

    async def _members(self, thread: ThreadKey) -> set[str]:
        """Return all members of a thread's channel; none if the bot is not in it."""
        return {member async for page in self._pages(thread) for member in page}

    async def _misses(self, people: set[str], thread: ThreadKey) -> set[str] | None:
        """Return those of these people who are no members of a thread's channel.

        None if there are no people, or the bot is not in it.
        """
        left, seen = set(people), False
        async for page in self._pages(thread):
            seen = True
            left.difference_update(page)
            if not left:
                break
        return left if people and seen else None

    async def _pages(self, thread: ThreadKey) -> AsyncIterator[list[str]]:
        """Yield the members of a thread's channel, page by page."""
        cursor: str | None = None
        for _ in range(_PAGES):
            try:
                answer = await self._api.call(
                    "conversations.members",
                    repeat=True,
                    patience=_PATIENCE,
                    rank=Rank.COMMAND,
                    channel=channel_of(thread.channel),
                    limit=_PAGE,
                    cursor=cursor,
                )
            except RefusedError:  # the bot is no longer in it, or it is gone
                return
            members = answer.get("members")
            yield (
                [each for each in members if isinstance(each, str)]
                if isinstance(members, list)
                else []
            )
            cursor = str_of(dict_of(answer, "response_metadata"), "next_cursor")
            if not cursor:
                return

    async def _user(self, person: str) -> dict[str, Any]:
        answer = await self._api.call("users.info", repeat=True, rank=Rank.COMMAND, user=person)
        return dict_of(answer, "user")

    async def _channel(self, thread: ThreadKey) -> dict[str, Any]:
        """Return a thread's channel as it is now; empty if Slack does not show it to the bot."""
        channel = channel_of(thread.channel)
        try:
            answer = await self._api.call(
                "conversations.info", repeat=True, rank=Rank.COMMAND, channel=channel
            )
        except RefusedError:
            return {}
        return dict_of(answer, "channel")


def _is_guest_or_gone(user: dict[str, Any]) -> bool:
    """Return whether a person is a guest, or was removed (docs: reference/objects/user-object)."""
    return any(user.get(name) for name in ("is_restricted", "is_ultra_restricted", "deleted"))


def _is_public(channel: Mapping[str, Any]) -> bool:
    return channel.get("is_private") is False and channel.get("is_channel") is True
