"""What a Slack message says, and what people see with it: forwards, previews, cards. Pure.

An attachment is whatever Slack shows beside a message: one that a person forwards (`is_share`), a
preview of a link to a message (`is_msg_unfurl`), a preview of another link (`from_url`), a table
that a person pasted, or what an app shows (docs: reference/messaging/attachments; its fields in
real payloads: slackapi/java-slack-sdk, json-logs; ColeMurray/background-agents, pull request 1146;
vercel/chat, issue 803).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.blocks import LEVELS, NESTING, SIMPLE, TYPED, Reader, people_of
from bots.slack.inbound.people import files_of, is_ours, is_ts, seconds
from bots.slack.inbound.text import ids_in, mentions_in, plain, readable
from core.domain.message import Quote, QuoteKind
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bots.slack.inbound.events import Me
    from core.domain.message import Attachment

_PERMALINK = re.compile(
    r"https://[\w-]{1,99}\.slack\.com/archives/([A-Z0-9]{2,20})/p(\d{10})(\d{6})"
)
_WORD = re.compile(r"\w+")
_PLACEHOLDERS = {"This content can't be displayed.", "This message contains interactive elements."}
"""What Slack writes for an app that gave its blocks no text (seen in many exports)."""
_NO_PREVIEW = "[no preview available]"
_BEHIND_MENTION = " \t\n:;,\u3001\uff0c\uff1a\uff1b"
_UNREADABLE = "(an attachment that can't be read here)"
_ID_FIELDS = {"user_id", "usergroup_id", "channel_id", "author_id"}
_MOST_IDS = 50
_DEEPEST = 30
_SECONDS = re.compile(r"\d{1,10}", re.ASCII)
_MOST_SECONDS = 10**11
_AT_ONCE = 60.0
"""Seconds between an edit and the event that reports it; a retry repeats the event's own time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message says and shows."""

    text: str = ""
    """What its author typed or pasted."""
    attachments: tuple[Attachment, ...] = ()
    quotes: tuple[Quote, ...] = ()


def content_of(message: Mapping[str, Any], me: Me, names: Mapping[str, str]) -> Content:
    """Return what a message says, with these names of people, channels and groups by id."""
    source = str_of(message, "text")
    text = readable(source, me.user, names)
    if not message.get("attachments") and _is_plain(message, text):
        links = _linked(source, (), names) if "/archives/" in source else ()
        return Content(text=text, attachments=files_of(message), quotes=links)
    return _read(message, text, me, names)


# --- what a change changes ----------------------------------------------------------------------


def is_made_now(event: Mapping[str, Any]) -> bool:
    """Return whether an event reports an edit that the message's author has made just now.

    Slack reports previews of links and translations in the same way, at any age of the message.
    Then `edited` is missing, or is that of an earlier edit (docs: reference/events/message/
    message_changed). An `app_mention` has `edited` only after an edit (slack-go, pull request 1256;
    inkeep/agents, pull request 2284).
    """
    message = dict_of(event, "message") or event
    edit = dict_of(message, "edited")
    if not edit:  # nearly always
        return False
    at, told = str_of(edit, "ts"), str_of(event, "event_ts")
    if not is_ts(at) or str_of(edit, "user") not in {"", str_of(message, "user")}:
        return False
    return not is_ts(told) or seconds(told) - seconds(at) < _AT_ONCE


def adds_mention(event: Mapping[str, Any], me: str) -> bool:
    """Return whether an edit mentions the bot, whose user id is `me`, and the text before did not.

    Without the text before, every mention counts as new.
    """
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    return (
        mentions_in(str_of(now, "text"), me).me and not mentions_in(str_of(before, "text"), me).me
    )


def has_changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether a message is not as it was; `before` is empty if that is unknown."""
    return _reworded(now, before) or _shows_other(now, before)


def _reworded(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether a changed message has other words."""
    if not before:
        return bool(dict_of(now, "edited"))
    return any(str_of(now, part) != str_of(before, part) for part in ("text", "user"))


def is_reworded(event: Mapping[str, Any]) -> bool:
    """Return whether an edit changes a message's words, and leaves it something to say.

    A message that only lost a file says nothing new, however old it is.
    """
    now, before = dict_of(event, "message"), dict_of(event, "previous_message")
    left = (str_of(now, "text"), files_of(now), now.get("attachments"), now.get("blocks"))
    return _reworded(now, before) and any(left)


def _shows_other(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether people see something else with a message: a file, a preview that came late."""
    parts = ("attachments", "blocks") if before else ("attachments",)
    return any(now.get(part) != before.get(part) for part in parts) or _has_other_files(now, before)


def _has_other_files(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether files were removed, replaced, renamed, or turned into tombstones.

    Slack may first name another organisation's file by its id, and describe it later.
    """
    if not before:
        return len(files_of(now)) < len(dicts_of(now, "files"))
    names = {file.id: file.name for file in files_of(now)}
    known = {file.id: file.name for file in files_of(before)}
    renamed = any(known[id_] not in {id_, name} for id_, name in names.items() if id_ in known)
    return names.keys() != known.keys() or renamed


# --- names --------------------------------------------------------------------------------------


def ids_of(message: Mapping[str, Any]) -> set[str]:
    """Return the ids of people and places that a message shows without their names."""
    source = str_of(message, "text")
    found = set(ids_in(source))
    if "/archives/" in source:
        found.update(link[1] for link in _PERMALINK.finditer(source))
    if message.get("attachments") or not _is_plain(message, source):
        for part in ("blocks", "attachments"):
            found.update(_ids(message.get(part), 0))
        found.update(people_of(dict_of(message, "room")))
    return set(sorted(found)[:_MOST_IDS]) if len(found) > _MOST_IDS else found


def _is_plain(message: Mapping[str, Any], text: str) -> bool:
    """Return whether a message's blocks say what its text says, as Slack's own clients send it."""
    blocks = message.get("blocks")
    if not blocks:
        return "room" not in message
    if not text or not message.get("client_msg_id") or not isinstance(blocks, list):
        return False
    first = blocks[0]
    formatted = len(blocks) == 1 and isinstance(first, dict) and first.get("type") == "rich_text"
    return formatted and _is_simple(first)


def _is_simple(part: Mapping[str, Any], depth: int = 0) -> bool:
    """Return whether formatted text has nothing in it that a message's `text` lacks."""
    given = part.get("elements")
    for each in given if isinstance(given, list) else ():
        kind = str_of(each, "type") if isinstance(each, dict) else ""
        nests = kind in NESTING and depth < LEVELS
        if kind not in SIMPLE and not (nests and _is_simple(each, depth + 1)):
            return False
    return True


def _read(message: Mapping[str, Any], text: str, me: Me, names: Mapping[str, str]) -> Content:
    reader, blocks = Reader(names), dicts_of(message, "blocks")
    attachments = dicts_of(message, "attachments")
    pasted = [each for each in attachments if _is_pasted(each)] if not message.get("bot_id") else []
    source = str_of(message, "text")
    if text in _PLACEHOLDERS and (blocks or attachments):
        text = ""
    typed = [block for block in blocks if str_of(block, "type") in TYPED]
    for id_, thing in [each for block in typed for each in reader.things(block)]:
        shown = thing.replace("\\", "\\\\")  # not an escape of the pattern's
        text = re.sub(rf"(?<![\w/=-]){re.escape(id_)}(?![\w/-])", shown, text)
    known = _Known(source, text, readable(source, "", names))
    for block in (*typed, *[block for each in pasted for block in dicts_of(each, "blocks")]):
        said = reader.block(block)
        if known.adds(said):
            text = f"{text}\n{said}" if text else _unaddressed(said, names.get(me.user, me.user))
    card = reader.text([block for block in blocks if str_of(block, "type") not in TYPED])
    quotes = [Quote(kind=QuoteKind.CARD, text=card)] if known.adds(card) else []
    quotes += [_quote(each, me, reader) for each in attachments if each not in pasted]
    if room := dict_of(message, "room"):
        quotes.append(Quote(kind=QuoteKind.CARD, text=reader.huddle(room)))
    links = _linked(source, attachments, names)
    return Content(text=text.strip(), attachments=files_of(message), quotes=(*quotes, *links))


def _unaddressed(said: str, name: str) -> str:
    """Return what blocks say without the mention of the bot at its start."""
    bare = said.removeprefix(f"@{name}")
    apart = bare.lstrip(_BEHIND_MENTION)
    return apart if apart and apart != bare else said


def _is_pasted(attachment: Mapping[str, Any]) -> bool:
    """Return whether an attachment is nothing but what a person typed or pasted."""
    blocks = dicts_of(attachment, "blocks")
    return (
        bool(blocks)
        and all(str_of(block, "type") in TYPED for block in blocks)
        and not any(attachment.get(name) for name in ("text", "title", "from_url", "is_share"))
    )


class _Known:
    """The texts of a message that are known already: Slack sends many of them several times."""

    def __init__(self, *texts: str) -> None:
        self._texts: list[str] = []
        self._words: set[str] = set()
        for text in texts:
            self.adds(text)

    def adds(self, text: str) -> bool:
        """Note a text; return whether no known one has its words in their order.

        The order counts: without it, numbers and names mean nothing.
        """
        words = _WORD.findall(text.casefold())
        in_order = f" {' '.join(words)} " if words else ""
        if self._words.issuperset(words) and any(in_order in each for each in self._texts):
            return False
        self._texts.append(in_order)
        self._words.update(words)
        return bool(words)


# --- attachments --------------------------------------------------------------------------------


def _quote(attachment: Mapping[str, Any], me: Me, reader: Reader) -> Quote:
    author = str_of(attachment, "author_id")
    called = (str_of(attachment, "author_name"), str_of(attachment, "author_subname"))
    return Quote(
        kind=_kind(attachment),
        text=_said(attachment, reader, 0) or _UNREADABLE,
        author=plain(next(filter(None, called), "")) or reader.names.get(author, ""),
        by_bot=is_ours({"user": author, "bot_id": attachment.get("bot_id")}, me),
        place=_place(attachment, reader.names),
        sent_at=_time(attachment.get("ts")),
    )


def _is_message(attachment: Mapping[str, Any]) -> bool:
    return attachment.get("is_share") is True or attachment.get("is_msg_unfurl") is True


def _kind(attachment: Mapping[str, Any]) -> QuoteKind:
    if attachment.get("is_share") is True:
        return QuoteKind.FORWARD
    links = ("from_url", "original_url", "app_unfurl_url")
    previews = _is_message(attachment) or any(str_of(attachment, link) for link in links)
    return QuoteKind.PREVIEW if previews else QuoteKind.CARD


def _time(at: object) -> float:
    """Return an attachment's time in seconds: of a message it is its `ts`, of an app any number."""
    if isinstance(at, str):
        return seconds(at) if is_ts(at) else float(at) if _SECONDS.fullmatch(at) else 0.0
    plausible = isinstance(at, int | float) and not isinstance(at, bool) and 0 < at < _MOST_SECONDS
    return float(at) if plausible else 0.0  # type: ignore[arg-type]


def _place(attachment: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if not _is_message(attachment):
        return ""
    footer, channel = plain(str_of(attachment, "footer")), str_of(attachment, "channel_id")
    if name := str_of(attachment, "channel_name"):
        return f"#{name}"
    last = footer.rpartition(" ")[2]  # it reads `Posted in #ops` or `From a thread in #ops`
    if last.startswith("#"):
        return last
    return f"#{names[channel]}" if channel in names else ""


def _said(attachment: Mapping[str, Any], reader: Reader, depth: int) -> str:
    """Return what people see of an attachment, in the order in which they see it."""
    if depth > _DEEPEST:
        return ""

    def read(name: str) -> str:
        return readable(str_of(attachment, name), "", reader.names)

    title = read("title")
    address = plain(str_of(attachment, "title_link") or str_of(attachment, "from_url"))
    lines = [
        read("service_name"),
        read("pretext"),
        f"{title} ({address})" if title and address else title,
        read("text"),
        *_fields(attachment, reader),
    ]
    known = _Known("\n".join(lines))
    lines += filter(known.adds, _shown_blocks(attachment, reader))
    lines += filter(known.adds, _nested(attachment, reader, depth))
    lines += _rest(attachment, reader)
    said = "\n".join(filter(None, lines))
    fallback = read("fallback")
    return said or ("" if fallback == _NO_PREVIEW else fallback)


def _fields(attachment: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    for each in dicts_of(attachment, "fields"):
        parts = [readable(str_of(each, part), "", reader.names) for part in ("title", "value")]
        yield ": ".join(filter(None, parts))


def _shown_blocks(attachment: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    yield reader.text(dicts_of(attachment, "blocks"))
    for each in dicts_of(attachment, "message_blocks"):
        yield reader.text(dicts_of(dict_of(each, "message"), "blocks"))


def _nested(attachment: Mapping[str, Any], reader: Reader, depth: int) -> Iterator[str]:
    """Return what the attachments of a forwarded message say."""
    within = [dict_of(each, "message") for each in dicts_of(attachment, "message_blocks")]
    for part in (attachment, *within):
        for each in dicts_of(part, "attachments"):
            yield _said(each, reader, depth + 1)


def _rest(attachment: Mapping[str, Any], reader: Reader) -> Iterator[str]:
    """Return the names of what is shown, but not in words, and what stands below it."""
    preview, listed = dict_of(attachment, "preview"), dict_of(attachment, "list")
    for part in ("title", "subtitle"):
        yield plain(str_of(dict_of(preview, part), "text"))
    if listed:
        yield f"(a list: {plain(str_of(listed, 'title') or str_of(listed, 'name'))})"
    if name := str_of(attachment, "filename"):
        yield f"(a file: {plain(name)})"
    for each in dicts_of(attachment, "files"):
        yield f"(a file: {plain(str_of(each, 'name') or str_of(each, 'title'))})"
    if str_of(attachment, "image_url"):
        yield "(a picture)"
    if str_of(attachment, "video_html") or str_of(attachment, "video_url"):
        yield "(a video)"
    if not _is_message(attachment):
        yield readable(str_of(attachment, "footer"), "", reader.names)
    yield " ".join(f"[{plain(str_of(each, 'text'))}]" for each in dicts_of(attachment, "actions"))


# --- links and ids ------------------------------------------------------------------------------


def _linked(
    source: str, attachments: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> tuple[Quote, ...]:
    """Return where linked messages stand, and when they were sent, unless Slack shows them."""
    shown = " ".join(str_of(each, "from_url") for each in attachments)
    return tuple(
        Quote(
            kind=QuoteKind.PREVIEW,
            text=found[0],
            place=f"#{names[found[1]]}",
            sent_at=seconds(f"{found[2]}.{found[3]}"),
        )
        for found in _PERMALINK.finditer(source)
        if found[1] in names and found[0] not in shown
    )


def _ids(part: object, depth: int) -> Iterator[str]:
    """Yield the ids in blocks or attachments."""
    if depth > _DEEPEST:
        return
    if isinstance(part, list):
        for each in part:
            yield from _ids(each, depth + 1)
    elif isinstance(part, dict):
        named = {"author_id"} if part.get("author_name") else set()
        for name in part.keys() - named:
            yield from _ids_at(name, part[name], depth)


def _ids_at(name: str, value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield from [value] if name in _ID_FIELDS else ids_in(value)
    else:
        yield from _ids(value, depth + 1)
