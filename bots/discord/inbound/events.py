"""Discord's payloads, parsed into what people said, edited or deleted. Pure.

The facts behind each line are in Discord's docs under resources/message and in its pages on the
gateway; where the docs are silent, the source is named. Nothing here raises, whatever arrives: a
payload that can't be understood is None, and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id, seconds, time_of
from bots.discord.inbound.content import (
    REPLY,
    UNAIDED,
    Content,
    content_of,
    shows_more,
    title_of,
)
from bots.discord.inbound.people import (
    WRITTEN,
    address_of,
    author_of,
    is_app,
    is_bot,
    may_be_written,
)
from core.domain.message import FOR_US, Address, Author, Kind, Message, QuoteKind, ThreadKey
from core.domain.payload import str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.inbound.content import Aids

NAME = "discord"

CREATED = "MESSAGE_CREATE"
UPDATED = "MESSAGE_UPDATE"
DELETED = "MESSAGE_DELETE"
BULK_DELETED = "MESSAGE_DELETE_BULK"
"""The gateway's events about messages (docs: events/gateway-events, "Receive Events")."""
_COMPLETE = {"content", "attachments"}
"""Keys of an update that states all of a message's words and files."""
_SUPPRESS_EMBEDS = 1 << 2
_SHOWN_IN_FULL = {"attachments", "embeds", "referenced_message"}
"""Keys of an update that states all that people see with a reply; other messages lack the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the bot is, and which settings decide what it reads."""

    user: str
    allow_bots: bool = False
    """Whether messages of other bots count; the bot's own and a webhook's do not."""
    proxies: frozenset[str] = frozenset()
    """Apps and webhooks that post for people, so that their messages count as people's."""
    threads: bool = True
    """Whether a mention in a channel opens a thread; else it is answered in the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """A channel, a thread or a direct message: where a message was said."""

    id: str
    guild: str = ""
    """Empty for a direct message."""
    parent: str = ""
    """The channel that a thread is in; empty if this is not a thread."""
    is_post: bool = False
    """Whether this is a thread of a forum or a media channel, whose opening message is in it."""
    title: str = ""
    """A thread's name."""
    tags: tuple[str, ...] = ()
    """The names of a post's tags."""
    owner: str = ""
    """Who created a thread."""
    category: str = ""
    opens_threads: bool = False
    """Whether the bot may open threads from messages here."""
    role: str = ""
    """The bot's own role, by which people may mention it, too."""

    @property
    def place(self) -> str:
        """Return the channel's name in thread keys: settings, cursors and rights depend on it."""
        return place_of(self.guild, self.parent or self.id)

    @property
    def is_channel(self) -> bool:
        """Return whether it is a server's channel rather than a thread or a direct message."""
        return bool(self.guild) and not self.parent

    @property
    def whole(self) -> ThreadKey:
        """Return the conversation that takes place in the whole of it."""
        return ThreadKey(NAME, self.place, self.id)

    def keys(self, message: str) -> tuple[ThreadKey, ...]:
        """Return the conversations that a message here may belong to."""
        if not self.is_channel:
            return (self.whole,)
        return (ThreadKey(NAME, self.place, message), self.whole)


@dataclass(frozen=True, slots=True)
class Said:
    """A person said something to the bot, or in a thread of its."""

    message: Message


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed the words or the files of a message."""

    message: Message
    """The message as it is now."""
    keys: tuple[ThreadKey, ...]
    """The conversations that it may belong to."""
    has_files: bool
    """Whether the payload states which files the message has."""
    has_quotes: bool
    """Whether it states all that people see with the message."""
    is_heard: bool
    """Whether it would count as said if it were new."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """Messages are gone."""

    ids: tuple[str, ...]


Event: TypeAlias = Said | Edited | Deleted


def place_of(guild: str, channel: str) -> str:
    """Return a channel's name in thread keys; `guild` is empty for a direct message."""
    return f"{guild or 'dm'}/{channel}"


def guild_of(place: str) -> str:
    """Return the server of a channel that is named as by `place_of`; empty for a DM."""
    guild = place.partition("/")[0]
    return "" if guild == "dm" else guild


def channel_of(place: str) -> str:
    """Return the id of a channel that is named as by `place_of`."""
    return place.rpartition("/")[2]


def identity(message: str) -> str:
    """Return the name by which a repeated delivery is recognised: Discord's ids are unique."""
    return f"{NAME}:{message}"


def parse(
    kind: str,
    payload: Mapping[str, Any],
    channel: ChannelInfo | None,
    me: Me,
    aids: Aids = UNAIDED,
) -> Event | None:
    """Return what a gateway event about messages says; None if it is nothing to the bot.

    Args:
        kind: Discord's name of the event, such as `CREATED`.
        payload: The event's content.
        channel: Where it happened; None if the bot can't see the channel.
        me: Who the bot is.
        aids: What is known beside the payload.
    """
    if kind in {DELETED, BULK_DELETED}:
        return Deleted(deleted_ids(payload))
    if channel is None:
        return None
    if kind == CREATED:
        message = said(payload, channel, me, aids)
        return None if message is None else Said(message)
    message = edited(payload, channel, me, aids)
    if message is None:
        return _previewed(payload, channel, me, aids)
    if message.author.is_app and channel.is_channel and not payload.get("thread"):
        return None  # apps edit often, and only threads keep what they say
    return Edited(
        message=message,
        keys=channel.keys(message.id),
        has_files=states_files(payload),
        has_quotes=_states_quotes(payload),
        is_heard=_says_something(message, payload)
        and not message.author.is_app
        and _is_heard(message, channel),
    )


def said(
    payload: Mapping[str, Any], channel: ChannelInfo, me: Me, aids: Aids = UNAIDED
) -> Message | None:
    """Return what a person said to the bot, or in a thread; `aids` as for `parse`.

    In a channel, only what mentions the bot or replies to it counts. A message to the bot in which
    there is nothing that can be read is returned without words: its author is owed an answer.
    """
    if channel.is_channel and address_of(payload, channel, me) not in FOR_US:
        return None  # most of what is said on a server
    message = _message(payload, channel, me, aids)
    if message is None or not _says_something(message, payload):
        return _owed(message, payload, me)
    return message if _is_heard(message, channel) else None


def unread(payload: Mapping[str, Any], channel: ChannelInfo, me: Me) -> Message | None:
    """Return a message to the bot without its words; it reads as little as that takes."""
    return _owed(_message(payload, channel, me, UNAIDED, read=False), payload, me)


def edited(
    payload: Mapping[str, Any], channel: ChannelInfo, me: Me, aids: Aids = UNAIDED
) -> Message | None:
    """Return a message whose author changed its words or files, as it is now; `aids` as above.

    It may have neither: either nothing is left that the bot can read or, without the message
    content intent, it no longer mentions the bot. Discord also sends updates for what it adds to a
    message itself, such as a link's preview; those leave `edited_timestamp` as it was.
    """
    if not isinstance(payload.get("content"), str) or not is_id(payload.get("id")):
        return None  # it says nothing about the words
    message = _message(payload, channel, me, aids)
    if message is None or not message.edited_at:
        return None
    return message if payload.keys() >= _COMPLETE or _says_something(message, payload) else None


def _previewed(
    payload: Mapping[str, Any], channel: ChannelInfo, me: Me, aids: Aids
) -> Edited | None:
    """Return a person's message whose previews of links, or votes, Discord has changed, if so.

    Nobody has edited its words, so it has the stamp right after the one that it has. What
    removes previews has the one after that, since it is never older than what added them.
    """
    is_whole = isinstance(payload.get("content"), str) and _states_quotes(payload)
    is_more, is_less = payload.get("embeds") or payload.get("poll"), _has_no_previews(payload)
    if not (is_whole and (is_more or is_less) and is_id(payload.get("id"))):
        return None
    message = _message(payload, channel, me, aids)
    if message is None or message.author.is_app:
        return None
    stamp = math.nextafter(message.edited_at, math.inf)
    stamp = math.nextafter(stamp, math.inf) if is_less else stamp
    return Edited(
        message=replace(message, edited_at=stamp),
        keys=channel.keys(message.id),
        has_files=False,
        has_quotes=True,
        is_heard=False,
    )


def _has_no_previews(payload: Mapping[str, Any]) -> bool:
    """Return whether its author, or a moderator, has removed a message's previews.

    Docs: resources/message, "Message Flags", `SUPPRESS_EMBEDS`.
    """
    flags = payload.get("flags")
    return isinstance(flags, int) and bool(flags & _SUPPRESS_EMBEDS)


def states_files(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload states which files a message has."""
    return isinstance(payload.get("attachments"), list)


def _states_quotes(payload: Mapping[str, Any]) -> bool:
    missing = _SHOWN_IN_FULL - payload.keys()
    return not missing or (missing == {"referenced_message"} and payload.get("type") != REPLY)


def titled(channel: ChannelInfo, me: Me) -> Message | None:
    """Return a thread's title as what its creator said first, for a thread without an opening."""
    if not channel.parent or not channel.title:
        return None
    if not is_id(channel.owner) or channel.owner == me.user:
        return None
    return Message(
        thread=channel.whole,
        kind=Kind.THREAD,
        id=f"{channel.id}:title",
        identities=(f"{identity(channel.id)}:title",),
        author=Author(id=channel.owner, name=channel.owner),
        text="",
        sent_at=seconds(channel.id),
        address=Address.NOBODY,
        answer_in=channel.id,
        quotes=(title_of(channel),),
    )


def is_withheld(payload: Mapping[str, Any], me: Me) -> bool:
    """Return whether a person's message came without its content.

    Messages come like this if the bot lacks the intent for their content (docs: events/gateway,
    "Message Content Intent").
    """
    return (
        payload.get("type") in WRITTEN
        and not is_app(payload)
        and author_of(payload, me) is not None
        and not str_of(payload, "content")
        and not shows_more(payload)
    )


def deleted_ids(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the messages that an event says are deleted."""
    found = payload.get("ids")
    ids = found if isinstance(found, list) else [payload.get("id")]
    return tuple(sorted(str(id_) for id_ in ids if is_id(id_)))


def _is_heard(message: Message, channel: ChannelInfo) -> bool:
    return message.address in FOR_US or not channel.is_channel


def _message(
    payload: Mapping[str, Any],
    channel: ChannelInfo,
    me: Me,
    aids: Aids,
    *,
    read: bool = True,
) -> Message | None:
    """Return what a person has said, if anything; words and files only if `read` is set.

    A message without an id is returned without words and files, under its channel's id.
    """
    author = author_of(payload, me)
    if author is None or not may_be_written(payload, alone=not channel.guild):
        return None
    has_id = is_id(payload.get("id"))
    id_ = str_of(payload, "id") if has_id else channel.id
    address = address_of(payload, channel, me)
    if author.is_app and not (me.allow_bots and is_bot(payload)):
        address = Address.OTHERS
    content = content_of(payload, channel, me, aids) if read and has_id else Content()
    opens = channel.opens_threads and me.threads and address is Address.MENTIONED
    thread = channel.keys(id_)[0] if opens else channel.whole
    return Message(
        thread=thread,
        kind=Kind.THREAD if opens or channel.parent else Kind.GROUP if channel.guild else Kind.DM,
        id=id_,
        identities=(identity(id_),),
        author=author,
        text=content.text,
        sent_at=seconds(id_),
        edited_at=time_of(str_of(payload, "edited_timestamp")),
        address=address,
        answer_in=thread.thread,
        attachments=content.attachments,
        quotes=content.quotes,
    )


def _says_something(message: Message, payload: Mapping[str, Any]) -> bool:
    """Return whether it has content to answer; a withheld message has none."""
    if message.text or shows_more(payload):
        return True
    return any(each.kind is QuoteKind.TITLE for each in message.quotes)


def _owed(message: Message | None, payload: Mapping[str, Any], me: Me) -> Message | None:
    """Return the message if its author is owed an answer; a bot is not, or two could loop.

    Discord may withhold a reply's content, but never that of a mention or a direct message.
    """
    if message is None or message.address not in FOR_US or message.author.is_app:
        return None
    withheld = message.address is Address.REPLIED and is_withheld(payload, me)
    return None if withheld else message
