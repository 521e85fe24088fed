"""Discord's payloads, as what somebody said, edited or deleted. Pure.

The facts behind each line are in Discord's docs under resources/message and in its pages on the
gateway; where they say nothing, the source is named. Whatever comes, nothing here raises: what is
not understood is None, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bots.discord.ids import is_id, seconds
from bots.discord.inbound.people import author_of, files_of, name_of, names_in
from bots.discord.inbound.text import headed, mentions_in, quoted, readable
from core.commands.parser import parse_command
from core.domain.message import FOR_US, Address, Author, Kind, Message, ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.message import Attachment

NAME = "discord"

_WRITTEN = (0, 19)
"""Types that are a person's words, plain or as a reply (docs: "Message Types")."""
_FORWARD = 1
"""The type of a reference that is no reply (docs: "Message Reference Types")."""
_SHOWN = ("attachments", "embeds", "components", "sticker_items", "message_snapshots")
_COMPLETE = {"content", "attachments"}
"""What an update has that tells all of a message's words and files."""
_NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the bot is, and what it was told to do."""

    user: str
    allow_bots: bool = False
    """Whether what other bots say counts; never what this one says, nor a webhook."""
    threads: bool = True
    """Whether a mention in a channel opens a thread; else it is answered in the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where something was said."""

    channel: str
    guild: str = ""
    """Empty for a direct message."""
    parent: str = ""
    """The channel that a thread is in; empty where it is no thread."""
    is_post: bool = False
    """A thread of a forum or a media channel: its opening message stands in it, under its id."""
    title: str = ""
    """What a thread is called."""
    tags: tuple[str, ...] = ()
    """What a post was tagged with."""
    owner: str = ""
    """Who made a thread."""
    category: str = ""
    opens_threads: bool = False
    """The bot may open threads from messages here."""
    role: str = ""
    """The bot's own role, by which people may mention it too."""

    @property
    def place(self) -> str:
        """Return the place that settings, cursors and rights hang on."""
        return place_of(self.guild, self.parent or self.channel)

    @property
    def is_channel(self) -> bool:
        """Tell whether it is a server's channel, and no thread."""
        return bool(self.guild) and not self.parent

    @property
    def whole(self) -> ThreadKey:
        """Return the conversation that goes on in this channel, thread or direct message."""
        return ThreadKey(NAME, self.place, self.channel)

    def keys(self, message: str) -> tuple[ThreadKey, ...]:
        """Return the conversations that a message here may belong to."""
        if not self.is_channel:
            return (self.whole,)
        return (ThreadKey(NAME, self.place, message), self.whole)


def place_of(guild: str, channel: str) -> str:
    """Return the place that a channel is; `guild` is empty for a direct message."""
    return f"{guild or 'dm'}/{channel}"


def guild_of(place: str) -> str:
    """Return the server that a place is in; empty for a direct message."""
    guild = place.partition("/")[0]
    return "" if guild == "dm" else guild


def channel_of(place: str) -> str:
    """Return the channel that a place is."""
    return place.rpartition("/")[2]


def identity(message: str) -> str:
    """Return the name under which Discord may deliver a message again: its id is unique."""
    return f"{NAME}:{message}"


def said(
    payload: Mapping[str, Any], spot: Spot, me: Me, names: Mapping[str, str] = _NO_NAMES
) -> Message | None:
    """Return what somebody said to the bot, or near it in a thread.

    In a channel that is only what mentions it or replies to it. `names` are those of people, roles
    and channels by id, beside those that the payload brings. What is said to the bot and has
    nothing in it that can be read is a message without words: its author is owed an answer.
    """
    message = _message(payload, spot, me, names)
    if message is None or not _says_something(message):
        return _owed(message, payload, me)
    return message if message.address in FOR_US or not spot.is_channel else None


def unread(payload: Mapping[str, Any], spot: Spot, me: Me) -> Message | None:
    """Return what was said to the bot without its words: no more of it is read than it takes."""
    return _owed(_message(payload, spot, me, _NO_NAMES, read=False), payload, me)


def edited(
    payload: Mapping[str, Any], spot: Spot, me: Me, names: Mapping[str, str] = _NO_NAMES
) -> Message | None:
    """Return a message whose words or files its author has changed, as it is now.

    It may have neither: what is left is nothing that the bot can read, or, without the intent for
    message content, no longer for the bot. Updates also come for what Discord itself adds to a
    message, as the preview of a link: there `edited_timestamp` is what it was before.
    """
    if not isinstance(payload.get("content"), str) or not is_id(payload.get("id")):
        return None  # without it, nothing is known of the words
    message = _message(payload, spot, me, names)
    if message is None or not message.stamp:
        return None
    return message if payload.keys() >= _COMPLETE or _says_something(message) else None


def are_files_told(payload: Mapping[str, Any]) -> bool:
    """Tell whether a payload says which files a message has."""
    return isinstance(payload.get("attachments"), list)


def titled(spot: Spot, me: Me) -> Message | None:
    """Return a thread's title as what its maker said first, where no message says what it is on."""
    if not spot.parent or not spot.title or not is_id(spot.owner) or spot.owner == me.user:
        return None
    return Message(
        thread=spot.whole,
        kind=Kind.THREAD,
        id=f"{spot.channel}:title",
        identities=(f"{identity(spot.channel)}:title",),
        author=Author(id=spot.owner, name=spot.owner),
        text=_heading(spot),
        at=seconds(spot.channel),
        address=Address.NOBODY,
        answer_in=spot.channel,
    )


def is_withheld(payload: Mapping[str, Any], me: Me) -> bool:
    """Tell whether a person's message came without all that was in it.

    That is how messages come to a bot without the intent for their content (docs:
    events/gateway, "Message Content Intent").
    """
    return (
        payload.get("type") in _WRITTEN
        and author_of(payload, me.user, allow_bots=me.allow_bots) is not None
        and not str_of(payload, "content")
        and not payload.get("poll")
        and not any(payload.get(part) for part in _SHOWN)
    )


def _is_written(payload: Mapping[str, Any]) -> bool:
    """Tell whether a message may be a person's words: by its type, where that is one."""
    kind = payload.get("type")
    return kind in _WRITTEN if isinstance(kind, int) else True


def _message(
    payload: Mapping[str, Any],
    spot: Spot,
    me: Me,
    names: Mapping[str, str],
    *,
    read: bool = True,
) -> Message | None:
    """Return what a person has said, if anything; `read` lets its words and files be read.

    Neither is read of a message without an id, which stands for its channel alone.
    """
    author = author_of(payload, me.user, allow_bots=me.allow_bots)
    if author is None or not _is_written(payload):
        return None
    known = is_id(payload.get("id"))
    id_ = str_of(payload, "id") if known else spot.channel
    mine = [each for each in (me.user, spot.role) if each]
    address = _address(payload, spot, mine, me)
    words, files = _content(payload, spot, me, names, address) if read and known else ("", ())
    opens = spot.is_channel and spot.opens_threads and me.threads and address is Address.MENTIONED
    thread = spot.keys(id_)[0] if opens else spot.whole
    return Message(
        thread=thread,
        kind=Kind.THREAD if opens or spot.parent else Kind.GROUP if spot.guild else Kind.DM,
        id=id_,
        identities=(identity(id_),),
        author=author,
        text=words,
        at=seconds(id_),
        stamp=_stamp(str_of(payload, "edited_timestamp")),
        address=address,
        answer_in=thread.thread,
        attachments=files,
    )


def _content(
    payload: Mapping[str, Any], spot: Spot, me: Me, names: Mapping[str, str], address: Address
) -> tuple[str, tuple[Attachment, ...]]:
    """Return what a message says, and its files, with those of what it replies to."""
    mine = [each for each in (me.user, spot.role) if each]
    words = readable(_words(payload), mine, {**names, **names_in(payload)})
    if spot.is_post and str_of(payload, "id") == spot.channel and not _commands(words, spot):
        words = "\n".join(filter(None, (words, _heading(spot))))
    files = files_of(payload, spot.channel)
    said = bool(words or files)  # else it is a sticker, or withheld: there is nothing to answer
    if said and spot.is_channel and address is Address.MENTIONED and not _commands(words, spot):
        before = dict_of(payload, "referenced_message")
        words = "\n".join(filter(None, (words, _before(before, me, names))))
        files += files_of(before, spot.channel)
    return words, files


def _says_something(message: Message) -> bool:
    return bool(message.text or message.attachments)


def _owed(message: Message | None, payload: Mapping[str, Any], me: Me) -> Message | None:
    """Return a message without words if a person is owed an answer to it; bots might go on so.

    A reply may have been withheld; what mentions the bot, or is said to it alone, never is.
    """
    by_bot = dict_of(payload, "author").get("bot") is True
    if message is None or message.address not in FOR_US or by_bot:
        return None
    withheld = message.address is Address.REPLIED and is_withheld(payload, me)
    return None if withheld else message


def _words(payload: Mapping[str, Any]) -> str:
    """Return a message's text, with that of a message that was forwarded with it."""
    forwarded = [dict_of(each, "message") for each in dicts_of(payload, "message_snapshots")]
    texts = [str_of(payload, "content"), *(str_of(each, "content") for each in forwarded)]
    return "\n".join(filter(None, texts))


def _heading(spot: Spot) -> str:
    """Return what a thread's title says."""
    return headed("post" if spot.is_post else "thread", spot.title, spot.tags)


def _before(before: Mapping[str, Any], me: Me, names: Mapping[str, str]) -> str:
    """Return what a mention in a channel replies to, of which the model would know nothing else.

    Discord shows it with the reply, without its content where the bot may not see that.
    """
    author = dict_of(before, "author")
    words = readable(_words(before), (), {**names, **names_in(before)})
    if not words:
        return ""
    return quoted("you" if str_of(author, "id") == me.user else name_of(author, {}), words)


def _commands(words: str, spot: Spot) -> bool:
    """Tell whether words are a command, whatever is named by a link in it."""
    return parse_command(words, lambda _: spot.whole) is not None


def _address(payload: Mapping[str, Any], spot: Spot, mine: list[str], me: Me) -> Address:
    if not spot.guild:
        return Address.DIRECT
    whom = mentions_in(str_of(payload, "content"), mine)
    if whom.me:
        return Address.MENTIONED
    reference = dict_of(payload, "message_reference")
    if reference and reference.get("type") != _FORWARD:
        before = dict_of(payload, "referenced_message")
        # Where Discord does not show what was replied to, a reply's ping still tells whose it was.
        author = str_of(dict_of(before, "author"), "id")
        to_me = author == me.user if author else _pings(payload, me)
        return Address.REPLIED if to_me else Address.OTHERS
    if not isinstance(payload.get("content"), str) and _pings(payload, me):
        return Address.MENTIONED
    others = whom.others or payload.get("mention_everyone") is True
    return Address.OTHERS if others else Address.NOBODY


def _pings(payload: Mapping[str, Any], me: Me) -> bool:
    """Tell whether a message notifies the bot."""
    return any(str_of(user, "id") == me.user for user in dicts_of(payload, "mentions"))


def _stamp(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except (OSError, OverflowError, ValueError):
        return 0.0
