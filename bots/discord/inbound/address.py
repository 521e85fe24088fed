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
    """Return to whom a message is addressed.

    Its words decide whom it mentions: the list of its payload also has whom a reply notifies, and
    lacks whom an app chose not to notify (docs: resources/message, "Allowed Mentions").
    """
    if not channel.guild:
        return Address.DIRECT
    mentions = mentions_in(str_of(payload, "content"), mine(channel, me))
    if mentions.me:
        return Address.MENTIONED
    reference = dict_of(payload, "message_reference")
    if reference and reference.get("type") != _FORWARD:
        address = _replies_to(payload, me)
    elif not isinstance(payload.get("content"), str) and _pings(payload, me):
        address = Address.MENTIONED
    else:
        address = Address.NOBODY
    if address is not Address.NOBODY:
        return address
    others = mentions.others or payload.get("mention_everyone") is True
    return Address.OTHERS if others else Address.NOBODY


def mine(channel: ChannelInfo, me: Me) -> list[str]:
    """Return the ids by which people mention the bot: its own, and that of its own role."""
    return [each for each in (me.user, channel.role) if each]


def _replies_to(payload: Mapping[str, Any], me: Me) -> Address:
    """Return to whom a reply is addressed by what it replies to.

    A person who replies to their own message goes on talking to whom they talked to, and nobody is
    behind a message that was deleted: Discord then says null for it, and leaves it out if it did
    not look for it (docs: resources/message, "Message Object", `referenced_message`). The reply's
    ping still shows whose it was.
    """
    author = str_of(dict_of(dict_of(payload, "referenced_message"), "author"), "id")
    if author == me.user or (not author and _pings(payload, me)):
        return Address.REPLIED
    if author:
        own = author == str_of(dict_of(payload, "author"), "id")
        return Address.NOBODY if own else Address.OTHERS
    is_gone = payload.get("referenced_message", payload) is None
    return Address.NOBODY if is_gone and not payload.get("mentions") else Address.OTHERS


def _pings(payload: Mapping[str, Any], me: Me) -> bool:
    """Return whether a message notifies the bot."""
    return any(str_of(user, "id") == me.user for user in dicts_of(payload, "mentions"))
