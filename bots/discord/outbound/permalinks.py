"""Links to messages, as people copy them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bots.discord.ids import is_id
from bots.discord.inbound.events import channel_of, guild_of
from bots.discord.inbound.text import LINK

if TYPE_CHECKING:
    import re

    from core.domain.message import ThreadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Permalink:
    """A message, a thread or a channel to which a link leads."""

    guild: str
    """Empty for a direct message."""
    channel: str
    message: str
    """The channel's own id if the link leads to a thread or a channel."""


def link_to(guild: str, channel: str, message: str) -> str:
    """Return the link to a message, or an empty text if it can't have one.

    `guild` is the id of the server, empty for a direct message; `channel` that of the channel or
    thread that the message is in. Docs: reference, "Message Formatting", and the client's own
    "Copy Message Link": /channels/<server or @me>/<channel>/<message>.
    """
    if not (is_id(channel) and is_id(message) and (is_id(guild) or not guild)):
        return ""
    return f"https://discord.com/channels/{guild or '@me'}/{channel}/{message}"


def link_into(thread: ThreadKey, message: str, *, forum: bool) -> str:
    """Return the link to a message that opened a thread, or stands in it; empty as `link_to`.

    `forum` says whether the thread is a post in a forum, whose first message stands in itself.
    """
    above, channel = channel_of(thread.channel), thread.thread
    if message == channel and not forum:
        channel = above
    return link_to(guild_of(thread.channel), channel, message)


def link_in(text: str) -> Permalink | None:
    """Return where a link leads; None if the text is no link of Discord's."""
    found = LINK.fullmatch(text.strip().strip("<>"))
    return None if found is None else _permalink(found)


def links_in(text: str) -> tuple[Permalink, ...]:
    """Return where the links to messages, threads and channels in a text lead, each once."""
    if "/channels/" not in text:
        return ()
    return tuple(dict.fromkeys(map(_permalink, LINK.finditer(text))))


def _permalink(link: re.Match[str]) -> Permalink:
    guild = "" if link[1] == "@me" else link[1]
    return Permalink(guild=guild, channel=link[2], message=link[3] or link[2])
