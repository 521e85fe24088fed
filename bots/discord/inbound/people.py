"""Who said something on Discord, to whom, what they are called, and which files they sent. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

from bots.discord.ids import is_id
from bots.discord.inbound.text import mentions_in
from core.domain.message import Address, Attachment, Author
from core.domain.payload import count_of, dict_of, dicts_of, str_of
from core.domain.text import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.inbound.events import ChannelInfo, Me

WRITTEN = (0, 19)
"""Types of messages in a person's own words, plain or as a reply (docs: "Message Types")."""
_POLL_RESULT = 46
"""The type of the message by which Discord tells how a person's poll ended."""
_BY_APPS = (*WRITTEN, 20, 23, _POLL_RESULT)
"""The same, and answers to commands and context menus: no person writes those."""
_LAST_KNOWN = 55
"""The last type that Discord's description of its API names; all that are not written are notices
of Discord's own."""
_FORWARD = 1
"""The type of a reference that is not a reply (docs: "Message Reference Types")."""
UNKNOWN_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
_LONGEST = 255
"""Characters of a name; Discord allows 32 for a person's, and cuts a file's at about 255."""


def may_be_written(payload: Mapping[str, Any], *, alone: bool) -> bool:
    """Return whether a message may be in its author's words; a type that is no number may.

    `alone` says that it is a direct message: there, a person is owed a word about what they sent,
    whatever type Discord has invented for it.
    """
    kind = payload.get("type")
    if not isinstance(kind, int):
        return True
    if is_app(payload):
        return kind in _BY_APPS
    return kind in WRITTEN or (alone and kind > _LAST_KNOWN)


def is_app(payload: Mapping[str, Any]) -> bool:
    """Return whether a message is a bot's, a webhook's, or Discord's own."""
    by_bot = dict_of(payload, "author").get("bot") is True
    return by_bot or is_id(payload.get("webhook_id")) or payload.get("type") == _POLL_RESULT


def is_bot(payload: Mapping[str, Any]) -> bool:
    """Return whether a message is another bot's, and not a webhook's."""
    by_bot = dict_of(payload, "author").get("bot") is True
    return by_bot and not is_id(payload.get("webhook_id"))


def is_proxied(payload: Mapping[str, Any], proxies: frozenset[str]) -> bool:
    """Return whether an app has posted a message for a person.

    `proxies` are ids of webhooks and of the applications that own them (docs: resources/message,
    `application_id`).
    """
    webhook = payload.get("webhook_id")
    if not (proxies and is_id(webhook)):
        return False
    return not proxies.isdisjoint((webhook, payload.get("application_id")))


def author_of(payload: Mapping[str, Any], me: Me) -> Author | None:
    """Return a message's author, except the bot.

    A person for whom an app posts has the app's name for them, and an id that is nobody's on
    Discord, so it has no rights; unless the payload has their own id in place of the webhook's.
    """
    user = dict_of(payload, "author")
    id_ = str_of(user, "id")
    if not is_id(id_) or id_ == me.user:
        return None
    name = name_of(user, dict_of(payload, "member"))
    if not is_proxied(payload, me.proxies):
        return Author(id=id_, name=name, is_app=is_app(payload))
    if id_ == payload["webhook_id"]:
        id_ = f"{id_}/{crc32(name.encode(errors='replace')):08x}"
    return Author(id=id_, name=name)


def name_of(user: Mapping[str, Any], member: Mapping[str, Any]) -> str:
    """Return the name that others see: the one on this server, else the global one."""
    name = str_of(member, "nick") or str_of(user, "global_name") or str_of(user, "username")
    return (name or str_of(user, "id"))[:_LONGEST]


def names_in(payload: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of those whom a message mentions, by id, as far as it tells them.

    It tells those of people, and if it was published from another server, of that one's channels
    (docs: resources/message, `mention_channels`).
    """
    people = dicts_of(payload, "mentions")
    names = {str_of(user, "id"): name_of(user, dict_of(user, "member")) for user in people}
    if payload.get("mention_channels"):
        named = dicts_of(payload, "mention_channels")
        names |= {str_of(each, "id"): str_of(each, "name")[:_LONGEST] for each in named}
    return names


def roles_of(payload: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the roles of a message's author; None if the payload does not state them."""
    roles = dict_of(payload, "member").get("roles")
    return tuple(map(str, roles)) if isinstance(roles, list) else None


def address_of(payload: Mapping[str, Any], channel: ChannelInfo, me: Me) -> Address:
    """Return to whom a message is addressed.

    Its words decide whom it mentions: the list of its payload also has whom a reply notifies, and
    lacks whom an app chose not to notify (docs: resources/message, "Allowed Mentions").
    """
    mentions = mentions_in(str_of(payload, "content"), mine(channel, me))
    if mentions.me:
        return Address.MENTIONED  # in a direct message, too: a mention makes a word a command
    if not channel.guild:
        return Address.DIRECT
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


def files_of(payload: Mapping[str, Any], channel: str) -> tuple[Attachment, ...]:
    """Return a message's files by reference (channel, message, file): their addresses expire.

    `channel` is where the message is, unless it says so itself: what opens a thread is above it.
    """
    message, stated = str_of(payload, "id"), payload.get("channel_id")
    channel = stated if isinstance(stated, str) and is_id(stated) else channel
    return tuple(
        Attachment(
            id=f"{channel}/{message}/{str_of(file, 'id')}",
            name=file_name(file),
            media_type=_media_type_of(file),
            size=count_of(file, "size"),
        )
        for file in attachments_of(payload)
        if is_id(str_of(file, "id"))
    )


def file_name(file: Mapping[str, Any]) -> str:
    """Return a file's name as people see it.

    Discord strips a name of all that is not ASCII, and keeps the rest of it as the title (docs:
    resources/message, "Attachment Structure"; github.com/discord/discord-api-docs, pull request
    6945).
    """
    name = str_of(file, "filename") or str_of(file, "id")
    title, ending = str_of(file, "title"), name.rpartition(".")[2]
    if title and "." in name and not title.endswith(f".{ending}"):
        title = f"{title}.{ending}"
    return shortened(title or name, _LONGEST)


def attached_to(payload: Mapping[str, Any]) -> list[str]:
    """Return the names of a message's own files."""
    return [file_name(file) for file in dicts_of(payload, "attachments")]


def attachments_of(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a message and of the message that it forwards, as Discord sends them."""
    forwarded = [dict_of(each, "message") for each in dicts_of(payload, "message_snapshots")]
    return [file for each in (payload, *forwarded) for file in dicts_of(each, "attachments")]


def _media_type_of(file: Mapping[str, Any]) -> str:
    stated = str_of(file, "content_type").partition(";")[0]
    return stated if _TYPE.fullmatch(stated) else UNKNOWN_TYPE
