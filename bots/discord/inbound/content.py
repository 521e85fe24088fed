"""What a message on Discord says, and what else people see with it. Pure.

The facts are in Discord's docs under resources/message; where the docs are silent, the source is
named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bots.discord.ids import is_id, seconds, time_of
from bots.discord.inbound.people import (
    attached_to,
    files_of,
    is_app,
    may_be_written,
    mine,
    name_of,
    names_in,
)
from bots.discord.inbound.shown.cards import cards_of
from bots.discord.inbound.text import ids_in, links_in, readable
from bots.discord.inbound.text import people_in as people_mentioned
from core.domain.limits import ATTACHMENTS
from core.domain.message import Quote, QuoteKind
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bots.discord.inbound.events import ChannelInfo, Me
    from core.domain.message import Attachment

    Json = Mapping[str, Any]

REPLY = 19
"""The type of a message that replies to another ("Message Types")."""
_SHOWN = (
    "attachments", "embeds", "components", "sticker_items", "stickers", "message_snapshots", "poll",
    "activity", "interaction_metadata", "interaction", "shared_client_theme",
)  # fmt: skip
"""What a message may have beside its words."""
_DEEPEST = 16
"""Levels of a payload in which ids are looked for; Discord nests about ten."""
_DELETED = "(This message was deleted.)"
_UNSEEN = "(This message can't be read here.)"
_WORDLESS = "(This message has no text.)"
_NOTICE = "(This is a notice of Discord's own.)"
_NOTICES = {
    3: "(This person called.)",
    6: "(This person pinned a message.)",
    7: "(This person joined the server.)",
    8: "(This person boosted the server.)",
}
"""What people see of a message that nobody wrote ("Message Types")."""
_ABOUT = {
    4: "This person named the group",
    12: "This person added a channel whose news are posted here",
    18: "This person started a thread",
    27: "This person started a stage",
    29: "This person became a speaker on a stage",
    31: "This person changed the topic of the stage",
}
"""The same of those that have what they are about as their content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says and shows."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aids:
    """What helps to read a message, beside its payload."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names of people, roles and channels by id."""
    forward: Json | None = None
    """A message by the same person, just before, in which they forwarded another: Discord posts a
    forward and the words that go with it as two messages."""


UNAIDED = Aids()


def content_of(
    payload: Json,
    channel: ChannelInfo,
    me: Me,
    aids: Aids,
) -> Content:
    """Return what a message says, with what it replies to, what it forwards and what it opens.

    Args:
        payload: The message, with an id.
        channel: Where it was said.
        me: Who the bot is.
        aids: What is known beside the payload.
    """
    known = {**aids.names, **names_in(payload)}
    text = readable(str_of(payload, "content"), mine(channel, me), known)
    quotes: list[Quote] = []
    files = files_of(payload, channel.id)
    quotes += _titles(payload, channel, me)
    if payload.get("type") == REPLY:
        before = payload.get("referenced_message")
        quotes.append(_replied(payload, me, known))
        files += files_of(before, channel.id) if isinstance(before, dict) else ()
    if aids.forward:
        quotes += _forwards(aids.forward, known)
        files += files_of(aids.forward, channel.id)
    if shows_more(payload) or not (text or files):
        quotes += _forwards(payload, known)
        quotes += cards_of(payload, lambda words: readable(words, (), known))
    links = links_in(str_of(payload, "content"), known, channel.guild)
    quotes += [Quote(kind=QuoteKind.PREVIEW, text=line) for line in links]
    return Content(text=text, attachments=files[:ATTACHMENTS], quotes=tuple(quotes))


def shows_more(payload: Json) -> bool:
    """Return whether people see more with a message than its words."""
    return any(map(payload.get, _SHOWN))


def title_of(channel: ChannelInfo) -> Quote:
    """Return a thread's title, and a post's tags, as what the message that opens it shows."""
    tags = f"\nTags: {', '.join(channel.tags)}" if channel.tags else ""
    return Quote(kind=QuoteKind.TITLE, text=f"{channel.title}{tags}")


def _titles(payload: Json, channel: ChannelInfo, me: Me) -> list[Quote]:
    """Return the title of the post or the thread that a message opens, if a person gave it."""
    if channel.is_post and str_of(payload, "id") == channel.id:
        return [title_of(channel)]
    thread = dict_of(payload, "thread")
    title = str_of(thread, "name")
    if not title or str_of(thread, "owner_id") == me.user:
        return []
    return [Quote(kind=QuoteKind.TITLE, text=title)]


def ids_of(payload: Json) -> set[str]:
    """Return the ids of all people, roles and channels that a message shows as names."""
    if _is_plain(payload):
        return ids_in(str_of(payload, "content"))
    return {id_ for words in _texts(payload) for id_ in ids_in(words)} | _ids_beside(payload)


def people_in(payload: Json) -> set[str]:
    """Return the ids of the people whom a message shows by names that it does not tell."""
    if _is_plain(payload):
        found = people_mentioned(str_of(payload, "content"))
    else:
        found = {id_ for words in _texts(payload) for id_ in people_mentioned(words)}
        before = dict_of(payload, "referenced_message")
        if before and not is_app(before):
            found.add(str_of(dict_of(before, "author"), "id"))
    return {id_ for id_ in found - names_in(payload).keys() if is_id(id_)} if found else found


def _ids_beside(payload: Json) -> set[str]:
    """Return the ids that stand in fields of their own: a forward's channel, a reply's author."""
    author = dict_of(dict_of(payload, "referenced_message"), "author")
    found = {str_of(dict_of(payload, "message_reference"), "channel_id"), str_of(author, "id")}
    return {id_ for id_ in found if is_id(id_)}


def _is_plain(payload: Json) -> bool:
    """Return whether a message is nothing but its words, as most are."""
    about = payload.get("message_reference") or payload.get("referenced_message")
    return not (about or shows_more(payload))


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """Yield all texts in a part of a payload; Discord nests a dozen levels at most."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict) and depth < _DEEPEST:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each, depth + 1)


def _replied(payload: Json, me: Me, names: Mapping[str, str]) -> Quote:
    """Return what a message replies to.

    Discord sends it along: null if it was deleted, and nothing if it could not be loaded.
    """
    before = payload.get("referenced_message", {})
    if not isinstance(before, dict) or not before:
        gone = "referenced_message" in payload and before is None
        return Quote(kind=QuoteKind.REPLY, text=_DELETED if gone else _UNSEEN)
    author, id_ = dict_of(before, "author"), str_of(before, "id")
    return Quote(
        kind=QuoteKind.REPLY,
        text=whole_text(before, names),
        author=names.get(str_of(author, "id")) or name_of(author, dict_of(before, "member")),
        by_bot=str_of(author, "id") == me.user,
        sent_at=seconds(id_) if is_id(id_) else 0.0,
    )


def _forwards(payload: Json, names: Mapping[str, str]) -> Iterator[Quote]:
    """Yield the messages that a message forwards; Discord does not tell who wrote them."""
    origin = names.get(str_of(dict_of(payload, "message_reference"), "channel_id"), "")
    for each in dicts_of(payload, "message_snapshots"):
        snapshot = dict_of(each, "message")
        yield Quote(
            kind=QuoteKind.FORWARD,
            text=whole_text(snapshot, names),
            place=f"#{origin}" if origin else "",
            sent_at=time_of(str_of(snapshot, "timestamp")),
        )


def whole_text(message: Json, names: Mapping[str, str]) -> str:
    """Return all that a message says and shows as one text, its files by their names."""
    known = {**names, **names_in(message)}

    def read(words: str) -> str:
        return readable(words, (), known)

    parts = [_about(message, read(str_of(message, "content")))]
    if shows_more(message) or not parts[0]:
        parts += [each.text for each in _forwards(message, known)]
        parts += [each.text for each in cards_of(message, read)]
        parts += [f"File: {name}" for name in attached_to(message)]
    return "\n".join(filter(None, parts)) or _nothing_in(message)


def _about(message: Json, words: str) -> str:
    """Return the words of a message; of a notice, with what Discord says of them."""
    notice = _ABOUT.get(count_of(message, "type"))
    return f"({notice}: {words})" if notice and words else words


def _nothing_in(message: Json) -> str:
    """Return what stands for a message without words: people see a notice, or nothing."""
    if may_be_written(message, alone=False):
        return _WORDLESS
    return _NOTICES.get(count_of(message, "type"), _NOTICE)
