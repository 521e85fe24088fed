"""Polls whose votes have changed: what the model knows of them is read again when it is asked.

An event tells that a person has voted, and no counts (docs: events/gateway-events, "Message Poll
Vote Add"). The end of a poll comes as an update of its message, with the final counts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from bots.discord.ids import is_id
from bots.discord.inbound import history
from core.domain.errors import PlatformError
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from bots.discord.inbound.events import ChannelInfo

log = logging.getLogger(__name__)

VOTED = frozenset({"MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE"})
_CHANNELS = 10_000
_POLLS = 20
"""Polls of one channel that are kept: the latest in which people have voted."""
_READ = 3
"""Polls that are read again at a time."""
_PATIENCE = 1.0
"""Seconds: newer counts are not worth a longer wait."""


class Polls:
    """Knows the polls whose stored votes are out of date."""

    def __init__(self, api: Api) -> None:
        """Read them through `api`."""
        self._api = api
        self._stale: LRUCache[str, dict[str, str]] = LRUCache(_CHANNELS)
        """By channel, the servers of such polls by their ids, in the order of the votes."""

    def voted(self, vote: Mapping[str, Any]) -> None:
        """Note that the counts of a poll have changed."""
        channel, poll = str_of(vote, "channel_id"), str_of(vote, "message_id")
        if is_id(channel) and is_id(poll):
            polls = self._stale.setdefault(channel, {})
            polls.pop(poll, None)
            polls[poll] = str_of(vote, "guild_id")
            if len(polls) > _POLLS:
                del polls[next(iter(polls))]

    async def changed(self, channel: ChannelInfo) -> list[dict[str, Any]]:
        """Return the messages with such polls in a conversation, as they are now.

        Those that can't be read within a second stay as they are stored.
        """
        if not self._stale:  # nearly always
            return []
        found: list[dict[str, Any]] = []
        for place, poll, guild in self._taken(channel):
            try:
                message = await history.one(self._api, place, poll, _PATIENCE)
            except PlatformError as error:
                log.info("the votes of a poll can't be read: %s", error)
            else:
                found.append({**message, "guild_id": guild} if guild else message)
        return found

    def _taken(self, channel: ChannelInfo) -> list[tuple[str, str, str]]:
        """Return channel, id and server of each such poll, which counts as read from then on."""
        polls = self._stale.pop(channel.id, {}) if channel.id in self._stale else {}
        found = [(channel.id, poll, guild) for poll, guild in polls.items()][-_READ:]
        opening = self._stale.get(channel.parent, {})
        if channel.id in opening:  # the poll is in the channel, where a thread was opened from it
            found.append((channel.parent, channel.id, opening.pop(channel.id)))
        return found
