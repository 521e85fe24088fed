"""What helps to read a message, beside its payload: names, the message that it replies to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache

from bots.discord.faults import UNKNOWN_MESSAGE, RefusedError
from bots.discord.ids import is_id
from bots.discord.inbound import history
from bots.discord.inbound.content import REPLY, Aids, ids_of, people_in
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import ChannelInfo
    from bots.discord.inbound.names import Names
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_KEPT = 10_000
_SECONDS = 60.0
"""Seconds after a forward in which a mention by the same person is taken to be about it."""
_PATIENCE = 1.0
"""Seconds: the message that a reply is about is not worth a longer wait."""


class AidLookup:
    """Finds what helps to read a message: in the bot's memory, else by asking Discord."""

    def __init__(self, api: Api, channels: Channels, names: Names, clock: Clock) -> None:
        """Look up names by `channels` and `names`, and messages through `api`."""
        self._api = api
        self._channels = channels
        self._names = names
        self._forwards: TTLCache[tuple[str, str], Mapping[str, Any]] = TTLCache(
            _KEPT, _SECONDS, clock.monotonic
        )
        """The last forward in a channel by each person, by the ids of both."""

    def note(self, payload: Mapping[str, Any], channel: ChannelInfo) -> None:
        """Remember a message that a person forwarded to a channel, in case they ask about it."""
        if channel.is_channel and payload.get("message_snapshots"):
            self._forwards[channel.id, _author(payload)] = payload

    def at_hand(self, payload: Mapping[str, Any], channel: ChannelInfo) -> Aids:
        """Return what is known about a message without asking Discord."""
        forward = self._forward_before(payload, channel)
        found = ids_of(payload) | (ids_of(forward) if forward else set())
        names = self._channels.names(channel.guild, found) if found else {}
        names |= self._names.known(channel.guild, found - names.keys())
        return Aids(names=names, forward=forward)

    async def complete(
        self, payload: Mapping[str, Any], channel: ChannelInfo
    ) -> Mapping[str, Any] | None:
        """Return a message with what it replies to; learn the names of those whom it mentions.

        What can't be found out within a second stays unknown. Returns None if there is nothing
        to find out.
        """
        complete = await self._with_original(payload, channel)
        people = people_in(complete)
        if people and channel.guild:
            await self._names.learn(channel.guild, people)
        return None if complete is payload and not people else complete

    def _forward_before(
        self, payload: Mapping[str, Any], channel: ChannelInfo
    ) -> Mapping[str, Any] | None:
        """Return what the author of a message forwarded just before it."""
        if not channel.is_channel or not self._forwards:
            return None
        found = self._forwards.get((channel.id, _author(payload)))
        ids = [str_of(found or {}, "id"), str_of(payload, "id")]
        is_before = all(map(is_id, ids)) and int(ids[0]) < int(ids[1])
        return found if is_before else None

    async def _with_original(
        self, payload: Mapping[str, Any], channel: ChannelInfo
    ) -> Mapping[str, Any]:
        if payload.get("type") != REPLY or "referenced_message" in payload:
            return payload
        reference = dict_of(payload, "message_reference")
        id_ = str_of(reference, "message_id")
        if not is_id(id_) or str_of(reference, "channel_id") not in {"", channel.id}:
            return payload
        try:
            found = await history.one(self._api, channel.id, id_, _PATIENCE)
        except RefusedError as refused:
            gone = refused.code == UNKNOWN_MESSAGE
            return {**payload, "referenced_message": None} if gone else payload
        except PlatformError as error:
            log.info("what a message replies to can't be read: %s", error)
            return payload
        return {**payload, "referenced_message": found}


def _author(payload: Mapping[str, Any]) -> str:
    return str_of(dict_of(payload, "author"), "id")
