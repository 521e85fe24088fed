"""What an export's JSON says, as the values that it was made of. Pure.

It reads version 2, and version 1, which had no number. Each function raises ValueError, in words
for people, for what is no such JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from core.commands.export.json_form import FORMAT, LINE_KINDS, VERSION
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind, ThreadKey, clean
from core.domain.pins import Pin, PinKind
from core.domain.ratings import WORDS, Rating
from core.domain.session import Answer, AnswerKind, Entry, Status, Usage
from core.domain.settings import SETTINGS, ScopeSettings
from core.domain.summary import Line, Segment, dumped
from core.store import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.domain.session import Record

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")

IMPORTED = "imported"
"""The lease's token of an answer that no lease of this store has committed."""
_MOST = 2**31
"""More than any position."""


@dataclass(slots=True)
class Head:
    """What an export has of a conversation beside its records."""

    thread: ThreadKey
    kind: Kind = Kind.THREAD
    started_at: float = 0.0
    last_at: float = 0.0
    reset_place: int = 0
    people: list[str] = field(default_factory=list)
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    seen_from: int = 0
    explained: bool = False
    takes_part: bool = True
    settings: ScopeSettings = field(default_factory=ScopeSettings)
    pins: tuple[Pin, ...] = ()
    covers: int = 0
    summary: str = ""
    stale: bool = False
    withheld: bool = False


def check_version(fields: Json) -> None:
    """Raise ValueError for what is no export, or that of a newer program."""
    version = fields.get("version", 1)
    named = fields.get("format")
    if named not in ({None, FORMAT} if version == 1 else {FORMAT}):
        raise ValueError("it is no export of this bot")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError("it is no export of this bot")
    if version > VERSION:
        raise ValueError(
            f"it has version {version} of the format, and this program knows {VERSION}: "
            "import it with the program that made it, or a newer one"
        )


def head_of(fields: Json) -> Head:
    """Return what an export has of a conversation beside its records."""
    try:
        thread = ThreadKey.parse(_get(fields, "thread", str))
    except ValueError:
        raise ValueError("a conversation in it has no key") from None
    usage = _get(fields, "usage", dict, {})
    head = Head(
        thread,
        kind=_one_of(Kind, fields, "kind", _kind_of(thread)),
        started_at=_time(fields, "started_at"),
        last_at=_time(fields, "last_at"),
        reset_place=_number(fields, "reset_place"),
        people=_texts(fields, "people"),
        turns=_number(fields, "turns"),
        usage=_usage(usage) or Usage(),
        seen_from=_number(fields, "seen_from"),
        explained=_get(fields, "explained", bool, default=False),
        takes_part=_get(fields, "takes_part", bool, default=True),
        settings=_settings(_get(fields, "settings", dict, {})),
        pins=tuple(map(_pin, _objects(fields, "pins"))),
    )
    if summary := _get(fields, "summary", dict, {}):
        _add_summary(head, summary)
    return head


def record_of(fields: Json) -> Record:
    """Return a message or an answer."""
    said_by = fields.get("said_by")
    if said_by == "person":
        return _entry(fields)
    if said_by == "bot":
        return _answer(fields)
    raise ValueError("a record in it is by neither a person nor the bot")


def _entry(fields: Json) -> Entry:
    author = _get(fields, "author", dict)
    edited = "edited_at" if "edited_at" in fields else "stamp"
    return Entry(
        position=_number(fields, "place", required=True),
        id=_name(fields, "id"),
        author=_author(author),
        text=_get(fields, "text", str),
        sent_at=_time(fields, "at"),
        status=_one_of(Status, fields, "status", Status.ADDRESSED),
        answer_in=_get(fields, "answer_in", str, ""),
        edited_at=_time(fields, edited),
        attachments=tuple(map(_attachment, _objects(fields, "attachments"))),
        requeued_from=_get(fields, "requeued_from", str, ""),
        lost_file=_get(fields, "lost_file", bool, default=False),
        quotes=tuple(map(_quote, _objects(fields, "quotes"))),
    )


def _answer(fields: Json) -> Answer:
    usage = fields.get("usage")
    return Answer(
        position=_number(fields, "place", required=True),
        turn=_get(fields, "turn", str, ""),
        token=IMPORTED,
        kind=_one_of(AnswerKind, fields, "kind", AnswerKind.ANSWER),
        text=_get(fields, "text", str),
        sent_at=_time(fields, "at"),
        usage=None if usage is None else _usage(_get(fields, "usage", dict)),
        trimmed=_get(fields, "trimmed", bool, default=False),
        explain_trim=_get(fields, "explain_trim", bool, default=False),
        notes=tuple(_texts(fields, "notes")),
        posted=tuple(_texts(fields, "posted")),
        recalled=tuple(_numbers(fields, "recalled")),
        searched=tuple(_texts(fields, "searched")),
        units=float(_get(fields, "units", (int, float), 0.0)),
        ratings=tuple(map(_rating, _objects(fields, "ratings"))),
    )


_VALUES = {word: value for value, word in WORDS.items()}


def _rating(fields: Json) -> Rating:
    if fields.get("value") not in _VALUES:
        raise ValueError("“value” in it is not what the format says")
    return Rating(
        person=_name(fields, "person"),
        value=_VALUES[_get(fields, "value", str)],
        at=_time(fields, "at"),
        reason=_get(fields, "reason", str, ""),
    )


def _author(fields: Json) -> Author:
    return Author(
        id=_name(fields, "id"),
        name=_get(fields, "name", str),
        is_app=_get(fields, "is_app", bool, default=False),
    )


def _attachment(fields: Json) -> Attachment:
    return Attachment(
        id=_get(fields, "id", str),
        name=_get(fields, "name", str),
        media_type=_get(fields, "media_type", str),
        size=_number(fields, "size", most=2**63),
    )


def _quote(fields: Json) -> Quote:
    return Quote(
        kind=_one_of(QuoteKind, fields, "kind", None),
        text=_get(fields, "text", str),
        author=_get(fields, "author", str, ""),
        by_bot=_get(fields, "by_bot", bool, default=False),
        place=_get(fields, "place", str, ""),
        sent_at=_time(fields, "sent_at"),
        cut=_number(fields, "cut"),
    )


def _pin(fields: Json) -> Pin:
    return Pin(
        id=_name(fields, "id"),
        kind=_one_of(PinKind, fields, "kind", None),
        text=_get(fields, "text", str),
        author=_author(_get(fields, "author", dict)),
        by=_author(_get(fields, "by", dict)),
        said_at=_time(fields, "said_at"),
        pinned_at=_time(fields, "pinned_at"),
        source=_get(fields, "source", str, ""),
        edited_at=_time(fields, "edited_at"),
    )


def _usage(fields: Json) -> Usage | None:
    names = ("input", "output", "cache_read", "cache_write")
    return Usage(**{name: _number(fields, name, most=2**63) for name in names})


def _settings(fields: Json) -> ScopeSettings:
    if not fields.keys() <= SETTINGS:
        raise ValueError("a conversation in it has settings that this program lacks")
    try:
        return codec.load_settings(json.dumps({**fields, "v": codec.VERSION}))
    except (TypeError, ValueError):
        raise ValueError("a conversation in it has settings that are wrong") from None


def _add_summary(head: Head, fields: Json) -> None:
    """Add the summary; version 1 had its lines without what they cover, which can't be used."""
    if "covers" not in fields:
        return
    segments = [*map(_segment, _objects(fields, "segments"))]
    head.covers = _number(fields, "covers")
    head.summary = dumped(segments) if segments else _get(fields, "text", str, "")
    head.stale = _get(fields, "is_stale", bool, default=False)
    head.withheld = _get(fields, "is_withheld", bool, default=False)


def _segment(fields: Json) -> Segment:
    state = _get(fields, "state", str, "current")
    return Segment(
        begin=_number(fields, "begin", required=True),
        end=_number(fields, "end", required=True),
        lines=tuple(map(_line, _objects(fields, "lines"))),
        stale=state == "stale",
        withheld=state == "withheld",
        edits=tuple(_numbers(fields, "edits")),
        shortened_to=_number(fields, "shortened_to"),
    )


def _line(fields: Json) -> Line:
    kind, text = LINE_KINDS.get(_get(fields, "kind", str)), _get(fields, "text", str)
    if kind is None or len(text.split("\n")) > 1 or "\x1e" in text:
        raise ValueError("a line of a summary in it can't be read")
    corrected = fields.get("corrected_at")
    return Line(text, kind, -1 if corrected is None else _number(fields, "corrected_at"))


def _kind_of(thread: ThreadKey) -> Kind:
    """Return the kind that a conversation of version 1 most likely was."""
    return Kind.TERMINAL if thread.platform == "terminal" else Kind.THREAD


# --- one field ------------------------------------------------------------------------------------

_ABSENT: Any = object()


def _get(fields: Json, name: str, kind: Any, default: Any = _ABSENT) -> Any:  # noqa: ANN401
    """Return a field of this type; null counts as left out, unless the field has to be there."""
    value = fields.get(name)
    if value is None and default is not _ABSENT:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"“{name}” in it is not what the format says")
    return clean(value) if isinstance(value, str) else value


def _name(fields: Json, name: str) -> str:
    """Return a text that is not empty."""
    text: str = _get(fields, name, str)
    if not text:
        raise ValueError(f"“{name}” in it is empty")
    return text


def _number(fields: Json, name: str, *, required: bool = False, most: int = _MOST) -> int:
    number: int = _get(fields, name, int) if required else _get(fields, name, int, 0)
    if not 0 <= number < most:
        raise ValueError(f"“{name}” in it is not what the format says")
    return number


def _list(fields: Json, name: str, kind: type[T]) -> list[T]:
    found: list[T] = _get(fields, name, list, [])
    if not all(type(each) is kind for each in found):
        raise ValueError(f"“{name}” in it is not what the format says")
    return found


def _texts(fields: Json, name: str) -> list[str]:
    return _list(fields, name, str)


def _numbers(fields: Json, name: str) -> list[int]:
    return _list(fields, name, int)


def _objects(fields: Json, name: str) -> Iterable[Json]:
    return _list(fields, name, dict)


def _one_of(kind: type[T], fields: Json, name: str, default: T | None) -> T:
    value = fields.get(name)
    if value is None and default is not None:
        return default
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError:
        raise ValueError(f"“{name}” in it is not what the format says") from None


def _time(fields: Json, name: str) -> float:
    """Return a time; 0 if it is left out, or version 1 did not know it."""
    value = _get(fields, name, (str, int, float), 0.0)
    if not isinstance(value, str):
        return float(value)
    if value == "unknown":
        return 0.0
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"“{name}” in it is no time with a zone")
    return moment.timestamp()
