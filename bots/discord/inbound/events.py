"""Discord's payloads, parsed into what people said, edited or deleted. Pure.

The facts behind each line are in Discord's docs under resources/message and in its pages on the
gateway; where the docs are silent, the source is named. Nothing here raises, whatever arrives: a
payload that can't be understood is None, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bots.discord.ids import is_id, seconds, time_of
from bots.discord.inbound.address import address_of
from bots.discord.inbound.content import Content, content_of, heading, shows_something
from bots.discord.inbound.people import WRITTEN, author_of, may_be_written
from core.domain.message import FOR_US, Address, Author, Kind, Message, ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping
NAME = "discord"

CREATED = "MESSAGE_CREATE"
UPDATED = "MESSAGE_UPDATE"
DELETED = "MESSAGE_DELETE"
BULK_DELETED = "MESSAGE_DELETE_BULK"
"""The gateway's events about messages (docs: events/gateway-events, "Receive Events")."""
_COMPLETE = {"content", "attachments"}
"""Keys of an update that states all of a message's words and files."""
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the bot is, and which settings decide what it reads."""

    user: str
    allow_bots: bool = False
    """Whether messages of other bots count; the bot's own and a webhook's never do."""
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
    names: Mapping[str, str] = _NO_NAMES,
) -> Event | None:
    """Return what a gateway event about messages says; None if it is nothing to the bot.

    Args:
        kind: Discord's name of the event, such as `CREATED`.
        payload: The event's content.
        channel: Where it happened; None if the bot can't see the channel.
        me: Who the bot is.
        names: Names of people, roles and channels by id, beside those in the payload.
    """
    if kind in {DELETED, BULK_DELETED}:
        return Deleted(_deleted_ids(payload))
    if channel is None:
        return None
    if kind == CREATED:
        message = said(payload, channel, me, names)
        return None if message is None else Said(message)
    message = edited(payload, channel, me, names)
    if message is None:
        return None
    return Edited(
        message=message,
        keys=channel.keys(message.id),
        has_files=states_files(payload),
        is_heard=_says_something(message) and _is_heard(message, channel),
    )


def said(
    payload: Mapping[str, Any], channel: ChannelInfo, me: Me, names: Mapping[str, str] = _NO_NAMES
) -> Message | None:
    """Return what a person said to the bot, or in a thread; `names` as for `parse`.

    In a channel, only what mentions the bot or replies to it counts. A message to the bot in which
    there is nothing that can be read is returned without words: its author is owed an answer.
    """
    message = _message(payload, channel, me, names)
    if message is None or not _says_something(message):
        return _owed(message, payload, me)
    return message if _is_heard(message, channel) else None


def unread(payload: Mapping[str, Any], channel: ChannelInfo, me: Me) -> Message | None:
    """Return a message to the bot without its words; it reads as little as that takes."""
    return _owed(_message(payload, channel, me, _NO_NAMES, read=False), payload, me)


def edited(
    payload: Mapping[str, Any], channel: ChannelInfo, me: Me, names: Mapping[str, str] = _NO_NAMES
) -> Message | None:
    """Return a message whose author changed its words or files, as it is now; `names` as above.

    It may have neither: either nothing is left that the bot can read or, without the message
    content intent, it no longer mentions the bot. Discord also sends updates for what it adds to a
    message itself, such as a link's preview; those leave `edited_timestamp` as it was.
    """
    if not isinstance(payload.get("content"), str) or not is_id(payload.get("id")):
        return None  # it says nothing about the words
    message = _message(payload, channel, me, names)
    if message is None or not message.edited_at:
        return None
    return message if payload.keys() >= _COMPLETE or _says_something(message) else None


def states_files(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload states which files a message has."""
    return isinstance(payload.get("attachments"), list)


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
        text=heading(channel),
        sent_at=seconds(channel.id),
        address=Address.NOBODY,
        answer_in=channel.id,
    )


def is_withheld(payload: Mapping[str, Any], me: Me) -> bool:
    """Return whether a person's message came without its content.

    Messages come like this if the bot lacks the intent for their content (docs: events/gateway,
    "Message Content Intent").
    """
    return (
        payload.get("type") in WRITTEN
        and author_of(payload, me.user, allow_bots=me.allow_bots) is not None
        and not shows_something(payload)
    )


def _deleted_ids(payload: Mapping[str, Any]) -> tuple[str, ...]:
    found = payload.get("ids")
    ids = found if isinstance(found, list) else [payload.get("id")]
    return tuple(sorted(str(id_) for id_ in ids if is_id(id_)))


def _is_heard(message: Message, channel: ChannelInfo) -> bool:
    return message.address in FOR_US or not channel.is_channel


def _message(
    payload: Mapping[str, Any],
    channel: ChannelInfo,
    me: Me,
    names: Mapping[str, str],
    *,
    read: bool = True,
) -> Message | None:
    """Return what a person has said, if anything; words and files only if `read` is set.

    A message without an id is returned without words and files, under its channel's id.
    """
    author = author_of(payload, me.user, allow_bots=me.allow_bots)
    if author is None or not may_be_written(payload):
        return None
    has_id = is_id(payload.get("id"))
    id_ = str_of(payload, "id") if has_id else channel.id
    address = address_of(payload, channel, me)
    asks = address is Address.MENTIONED
    content = content_of(payload, channel, me, names, asks=asks) if read and has_id else Content()
    opens = channel.opens_threads and me.threads and asks
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
    )


def _says_something(message: Message) -> bool:
    """Return whether it has content to answer; a sticker or a withheld message has none."""
    return bool(message.text or message.attachments)


def _owed(message: Message | None, payload: Mapping[str, Any], me: Me) -> Message | None:
    """Return the message if its author is owed an answer; a bot is not, or two could loop.

    Discord may withhold a reply's content, but never that of a mention or a direct message.
    """
    by_bot = dict_of(payload, "author").get("bot") is True
    if message is None or message.address not in FOR_US or by_bot:
        return None
    withheld = message.address is Address.REPLIED and is_withheld(payload, me)
    return None if withheld else message
