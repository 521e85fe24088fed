"""What people see with a message on Discord beside its words: embeds, polls, buttons. Pure.

Facts that no line names a source for are in Discord's docs: resources/message, resources/poll,
components/reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.ids import time_of
from bots.discord.inbound.people import is_app, name_of
from bots.discord.inbound.text import moment
from core.domain.errors import named
from core.domain.message import Quote, QuoteKind
from core.domain.payload import count_of, dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Read = Callable[[str], str]
    """Returns a text with names in place of Discord's ids."""
    Json = Mapping[str, Any]

_DEEPEST = 5
"""Levels of components; Discord has three: a container, a row in it, and a button in that."""
_BUTTON, _TEXT, _SEPARATOR, _FILE = 2, 10, 14, 13
_MENUS = {3, 5, 6, 7, 8}
_PICTURES = {11, 12}
"""Types of components (docs: components/reference, "What is a Component")."""
_PRESSED = 3
"""The type of an interaction with a component ("Interaction Type")."""
_VOICE, _CLIP = 1 << 13, 1
"""Flags of a voice message, and of an attachment that is a clip ("Message Flags",
"Attachment Flags")."""
_LONGEST_VOICE = 1e6
"""Seconds; a longer duration is taken for a mistake."""
_INVITES = {
    1: "An invitation to play",
    2: "An invitation to watch",
    3: "An invitation to listen along",
    5: "A request to join",
}
"""Types of activities ("Message Activity Types")."""
_RESULT = "poll_result"
"""The type of the embed that tells how a poll ended ("Embed Types")."""
_WORDLESS = {"gift": "A gift", "image": "An image", "gifv": "A GIF", "video": "A video"}
_PLAIN_FIELDS = frozenset(
    {
        "id", "type", "content", "author", "member", "channel_id", "channel_type", "guild_id",
        "mentions", "mention_roles", "mention_everyone", "mention_channels", "attachments",
        "embeds", "components", "sticker_items", "stickers", "poll", "timestamp",
        "edited_timestamp", "flags", "tts", "pinned", "nonce", "position", "activity",
        "application", "application_id", "webhook_id", "interaction", "interaction_metadata",
        "message_reference", "message_snapshots", "referenced_message", "reactions", "thread",
        "resolved", "shared_client_theme", "lobby_member",
    }
)  # fmt: skip
"""Fields of a message that are shown elsewhere, or that people don't see."""


def cards_of(payload: Json, read: Read) -> list[Quote]:
    """Return what people see with a message: what apps show, and previews of its links."""
    cards = [_card("\n".join(lines)) for lines in _parts(payload, read) if lines]
    by_app = is_app(payload) or not dict_of(payload, "author")  # a forward has no author
    for embed in dicts_of(payload, "embeds"):
        kind = str_of(embed, "type")
        shown = (by_app and kind in {"", "rich"}) or kind == _RESULT
        text = "\n".join(_result(embed) if kind == _RESULT else _embed(embed, read))
        cards.append(Quote(kind=QuoteKind.CARD if shown else QuoteKind.PREVIEW, text=text))
    if not cards and not (str_of(payload, "content") or payload.get("attachments")):
        cards += [_card(each) for each in _unknown(payload)]
    return cards


def _card(text: str) -> Quote:
    return Quote(kind=QuoteKind.CARD, text=text)


def _parts(payload: Json, read: Read) -> Iterator[list[str]]:
    """Yield the lines of each part of a message that is no embed."""
    yield _command(payload)
    yield [*_components(payload, read, 0)]
    yield _poll(dict_of(payload, "poll"))
    names = [str_of(each, "name") for each in _stickers(payload)]
    yield [f"Sticker: {name}" for name in names]
    yield _activity(payload)
    yield ["A theme for Discord"] if payload.get("shared_client_theme") else []
    if payload.get("attachments"):
        yield [*_files(payload)]


def _unknown(payload: Json) -> list[str]:
    """Return a line for each part that only Discord's own apps know how to show."""
    fields = sorted(
        key
        for key, value in payload.items()
        if key not in _PLAIN_FIELDS and value and isinstance(value, list | dict)
    )
    return [f"Something that can't be shown here ({named(key)})" for key in fields]


def _command(payload: Json) -> list[str]:
    """Return who gave the command that an app answers; `interaction` alone has its name."""
    given = dict_of(payload, "interaction_metadata")
    user = dict_of(given or dict_of(payload, "interaction"), "user")
    if not user:
        return []
    name = str_of(dict_of(payload, "interaction"), "name")
    pressed = given.get("type") == _PRESSED
    what = f"/{name}" if name else "a button or a menu" if pressed else "a command"
    return [f"{name_of(user, {})} used {what}"]


# --- components -----------------------------------------------------------------------------------


def _components(of: Json, read: Read, depth: int) -> Iterator[str]:
    """Yield the lines of a message's components, or of those within one."""
    for each in dicts_of(of, "components"):
        yield from _component(each, read, depth)


def _component(part: Json, read: Read, depth: int) -> Iterator[str]:
    kind = count_of(part, "type")
    if kind == _TEXT:
        yield read(str_of(part, "content"))
    elif kind == _BUTTON:
        yield _button(part)
    elif kind in _MENUS:
        yield _menu(part)
    elif kind in _PICTURES:
        yield from _pictures(dicts_of(part, "items") if "items" in part else (part,))
    elif kind == _FILE:
        yield f"File: {str_of(part, 'name') or _file_name(dict_of(part, 'file'))}"
    elif kind != _SEPARATOR:
        yield from _inner(part, read, depth)


def _inner(part: Json, read: Read, depth: int) -> Iterator[str]:
    """Yield the lines of what holds other components, or of what nobody knew of here."""
    inner = [*dicts_of(part, "components"), dict_of(part, "component"), dict_of(part, "accessory")]
    known = [each for each in inner if each]
    if not known or depth == _DEEPEST:
        words = str_of(part, "label") or str_of(part, "content")
        yield read(words) if words else "Something that can't be shown here"
        return
    for each in known:
        yield from _component(each, read, depth + 1)


def _button(part: Json) -> str:
    label = str_of(part, "label") or str_of(dict_of(part, "emoji"), "name") or "no label"
    return f"Button: {_linked(label, str_of(part, 'url'))}"


def _menu(part: Json) -> str:
    options = [str_of(each, "label") for each in dicts_of(part, "options")]
    words = [str_of(part, "placeholder"), ", ".join(filter(None, options))]
    return f"Menu: {': '.join(filter(None, words)) or 'no label'}"


def _pictures(items: Iterable[Json]) -> Iterator[str]:
    for each in items:
        words = str_of(each, "description") or _file_name(dict_of(each, "media"))
        yield f"Image: {words}" if words else "An image"


def _file_name(media: Json) -> str:
    return str_of(media, "url").partition("?")[0].rpartition("/")[2]


# --- embeds ---------------------------------------------------------------------------------------


def _embed(embed: Json, read: Read) -> Iterator[str]:
    """Yield an embed's lines, in the order in which Discord shows them; at least one."""
    lines = [
        str_of(dict_of(embed, "provider"), "name"),
        read(str_of(dict_of(embed, "author"), "name")),
        _linked(read(str_of(embed, "title")), str_of(embed, "url")),
        read(str_of(embed, "description")),
        *(_field(each, read) for each in dicts_of(embed, "fields")),
        *_components(embed, read, 0),
        _picture(embed),
        _footer(embed, read),
    ]
    found = [line for line in lines if line]
    kind = str_of(embed, "type")
    yield from found or [_WORDLESS.get(kind) or f"An embed without words ({named(kind)})"]


def _field(field: Json, read: Read) -> str:
    words = [read(str_of(field, part)) for part in ("name", "value")]
    return ": ".join(filter(None, words))


def _picture(embed: Json) -> str:
    """Return a line on an embed's picture or film, which is not a file of the message."""
    for part in ("image", "thumbnail", "video"):
        if words := str_of(dict_of(embed, part), "description"):
            return f"Image: {words}"
    return "An image" if dict_of(embed, "image") and str_of(embed, "type") == "rich" else ""


def _footer(embed: Json, read: Read) -> str:
    at = time_of(str_of(embed, "timestamp"))
    words = [read(str_of(dict_of(embed, "footer"), "text")), moment(at) if at else ""]
    return ", ".join(filter(None, words))


def _linked(words: str, url: str) -> str:
    return f"{words} ({url})" if words and url and words != url else words or url


# --- polls, stickers, activities, files -----------------------------------------------------------


def _poll(poll: Json) -> list[str]:
    """Return a poll's question and answers, with the votes so far if Discord tells them."""
    if not poll:
        return []
    results = dict_of(poll, "results")
    counts = {
        each.get("id"): count_of(each, "count") for each in dicts_of(results, "answer_counts")
    }
    lines = [f"Poll: {_media(dict_of(poll, 'question')) or 'no question'}"]
    for answer in dicts_of(poll, "answers"):
        count = f" ({_votes(counts.get(count_of(answer, 'answer_id'), 0))})" if results else ""
        lines.append(f"- {_media(dict_of(answer, 'poll_media'))}{count}")
    if poll.get("allow_multiselect"):
        lines.append("More than one answer may be chosen.")
    ends = time_of(str_of(poll, "expiry"))
    if results.get("is_finalized"):
        lines.append("The poll has ended.")
    elif ends:
        lines.append(f"The poll ends at {moment(ends)}.")
    return lines


def _result(embed: Json) -> Iterator[str]:
    """Yield how a poll ended (docs: resources/message, "Poll Result Embed Fields")."""
    said = {str_of(each, "name"): str_of(each, "value") for each in dicts_of(embed, "fields")}
    yield f"The poll has ended: {said.get('poll_question_text', '')}"
    winner = said.get("victor_answer_text") or said.get("victor_answer_emoji_name")
    votes, total = said.get("victor_answer_votes", "0"), said.get("total_votes", "0")
    yield f"{winner or 'No single answer'} won, with {votes} of {total} votes"


def _media(media: Json) -> str:
    emoji = str_of(dict_of(media, "emoji"), "name")
    return " ".join(filter(None, (emoji, str_of(media, "text"))))


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{count} votes"


def _stickers(payload: Json) -> list[dict[str, Any]]:
    return dicts_of(payload, "sticker_items") or dicts_of(payload, "stickers")


def _activity(payload: Json) -> list[str]:
    activity = dict_of(payload, "activity")
    if not activity:
        return []
    what = _INVITES.get(count_of(activity, "type"), "An activity")
    app = str_of(dict_of(payload, "application"), "name")
    return [f"{what}: {app}" if app else what]


def _files(payload: Json) -> Iterator[str]:
    """Yield what people see of files beside the files: descriptions, and what a clip shows."""
    is_voice = count_of(payload, "flags") & _VOICE
    for file in dicts_of(payload, "attachments"):
        if is_voice:
            yield _voice_message(file)
        people = [name_of(each, {}) for each in dicts_of(file, "clip_participants")]
        if people or count_of(file, "flags") & _CLIP:
            game = str_of(dict_of(file, "application"), "name")
            parts = ["A clip", f"of {game}" if game else ""]
            yield " with ".join(filter(None, (" ".join(filter(None, parts)), ", ".join(people))))
        if words := str_of(file, "description"):
            yield f"{str_of(file, 'filename')} shows: {words}"


def _voice_message(file: Json) -> str:
    seconds = file.get("duration_secs")
    if not isinstance(seconds, int | float) or not 0 < seconds < _LONGEST_VOICE:
        return "A voice message"
    return f"A voice message of {seconds:.0f} seconds"
