"""To whom a message on Discord is addressed, as far as its payload shows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.inbound.text import mentions_in
from core.domain.message import Address
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.inbound.events import ChannelInfo, Me

_FORWARD = 1
"""The type of a reference that is not a reply (docs: "Message Reference Types")."""


def address_of(payload: Mapping[str, Any], channel: ChannelInfo, me: Me) -> Address:
    """Return to whom a message is addressed."""
    if not channel.guild:
        return Address.DIRECT
    mentions = mentions_in(str_of(payload, "content"), mine(channel, me))
    if mentions.me:
        return Address.MENTIONED
    reference = dict_of(payload, "message_reference")
    if reference and reference.get("type") != _FORWARD:
        before = dict_of(payload, "referenced_message")
        # If Discord does not show the original, the reply's ping still tells whose it was.
        author = str_of(dict_of(before, "author"), "id")
        to_me = author == me.user if author else _pings(payload, me)
        return Address.REPLIED if to_me else Address.OTHERS
    if not isinstance(payload.get("content"), str) and _pings(payload, me):
        return Address.MENTIONED
    others = mentions.others or payload.get("mention_everyone") is True
    return Address.OTHERS if others else Address.NOBODY


def mine(channel: ChannelInfo, me: Me) -> list[str]:
    """Return the ids by which people mention the bot: its own, and that of its own role."""
    return [each for each in (me.user, channel.role) if each]


def _pings(payload: Mapping[str, Any], me: Me) -> bool:
    """Return whether a message notifies the bot."""
    return any(str_of(user, "id") == me.user for user in dicts_of(payload, "mentions"))
