"""What a message on Discord says and shows: its words, its files, and what it replies to. Pure.

The facts are in Discord's docs under resources/message; where the docs are silent, the source is
named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.discord.inbound.address import mine
from bots.discord.inbound.people import files_of, name_of, names_in
from bots.discord.inbound.text import headed, quoted, readable
from core.commands.parser import parse_command
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.inbound.events import ChannelInfo, Me
    from core.domain.message import Attachment

_SHOWN = ("attachments", "embeds", "components", "sticker_items", "message_snapshots", "poll")
"""What a message may have beside its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says and shows."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()


def content_of(
    payload: Mapping[str, Any],
    channel: ChannelInfo,
    me: Me,
    names: Mapping[str, str],
    *,
    asks: bool,
) -> Content:
    """Return what a message says, with what it replies to and the title that it opens.

    Args:
        payload: The message, with an id.
        channel: Where it was said.
        me: Who the bot is.
        names: Names of people, roles and channels by id, beside those in the payload.
        asks: Whether it mentions the bot.
    """
    words = readable(_words(payload), mine(channel, me), {**names, **names_in(payload)})
    files = files_of(payload, channel.id)
    if channel.is_post and str_of(payload, "id") == channel.id:
        if not _is_command(words, channel):
            words = "\n".join(filter(None, (words, heading(channel))))
    elif channel.is_channel and asks and (words or files):
        before = dict_of(payload, "referenced_message")
        if before and not _is_command(words, channel):
            words = "\n".join(filter(None, (words, _quote(before, me, names))))
            files += files_of(before, channel.id)
    return Content(text=words, attachments=files)


def shows_something(payload: Mapping[str, Any]) -> bool:
    """Return whether a message has words, or anything else that people see."""
    return bool(str_of(payload, "content")) or any(payload.get(part) for part in _SHOWN)


def heading(channel: ChannelInfo) -> str:
    """Return a thread's title as the model reads it."""
    return headed("post" if channel.is_post else "thread", channel.title, channel.tags)


def _words(payload: Mapping[str, Any]) -> str:
    """Return a message's text, followed by that of the message that it forwards."""
    forwarded = [dict_of(each, "message") for each in dicts_of(payload, "message_snapshots")]
    texts = [str_of(payload, "content"), *(str_of(each, "content") for each in forwarded)]
    return "\n".join(filter(None, texts))


def _quote(before: Mapping[str, Any], me: Me, names: Mapping[str, str]) -> str:
    """Return what a mention in a channel replies to; the model would not know it otherwise.

    Discord sends it along with the reply, without its content if the bot may not see that.
    """
    author = dict_of(before, "author")
    words = readable(_words(before), (), {**names, **names_in(before)})
    if not words:
        return ""
    return quoted("you" if str_of(author, "id") == me.user else name_of(author, {}), words)


def _is_command(words: str, channel: ChannelInfo) -> bool:
    """Return whether words are a command, whatever conversation a link in them names."""
    return parse_command(words, lambda _: channel.whole) is not None
