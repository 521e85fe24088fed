"""Records and headers as JSON text. Pure.

Every text carries the version that wrote it. An older version is read as if it were the current
one; a newer version is refused and left alone, since a rewrite would lose what it can't read.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from core.domain.errors import StoreRefusedError
from core.domain.message import Attachment, Author, Kind, Quote, QuoteKind, ThreadKey
from core.domain.pins import Pin, PinKind
from core.domain.ratings import Rating
from core.domain.session import Answer, AnswerKind, Entry, Record, Status, Usage
from core.domain.settings import ScopeSettings
from core.store.header import Header, OpenTurn
from core.store.values import AuditEvent, TurnState

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = 1
STORED: Final[dict[type, dict[str, str]]] = {
    Entry: {"position": "place", "sent_at": "at", "edited_at": "stamp"},
    Answer: {"position": "place", "sent_at": "at"},
    Header: {
        "revision": "rev",
        "reset_position": "line",
        "lease_until": "until",
        "due_at": "due",
        "expires_at": "expires",
    },
    ThreadKey: {"channel": "place"},
}
"""Attributes that are stored under another name than their own; stored names never change."""
_ALWAYS: Final = {"id", "name", "kind", "text"}
"""Fields of an author and a quote that are stored even if they are empty."""
_ATTRIBUTES: Final = {
    kind: {stored: name for name, stored in names.items()} for kind, names in STORED.items()
}


def dump(value: Record | Header | ScopeSettings | AuditEvent) -> str:
    """Return the value as one line of JSON."""
    said = {name: field for name, field in _named(value).items() if not _says_nothing(field)}
    return _write({"v": VERSION, **said})


def load_entry(text: str | bytes) -> Entry:
    """Return the entry that `dump` wrote as this text."""
    fields = _fields(text, Entry)
    return Entry(
        **{
            **fields,
            "author": Author(**fields["author"]),
            "status": Status(fields.get("status", Status.ADDRESSED)),
            "attachments": tuple(Attachment(**a) for a in fields.get("attachments", ())),
            "quotes": tuple(_quote(each) for each in fields.get("quotes", ())),
            "text": fields.get("text", ""),
        }
    )


def load_answer(text: str | bytes) -> Answer:
    """Return the answer that `dump` wrote as this text."""
    fields = _fields(text, Answer)
    return Answer(
        **{
            **fields,
            "turn": fields.get("turn", ""),
            "kind": AnswerKind(fields["kind"]),
            "usage": _usage(fields.get("usage")),
            "notes": tuple(fields.get("notes", ())),
            "posted": tuple(fields.get("posted", ())),
            "recalled": tuple(fields.get("recalled", ())),
            "searched": tuple(fields.get("searched", ())),
            "ratings": tuple(Rating(**each) for each in fields.get("ratings", ())),
            "text": fields.get("text", ""),
        }
    )


def load_header(text: str | bytes) -> Header:
    """Return the header that `dump` wrote as this text."""
    fields = _fields(text, Header)
    turn = fields.get("turn")
    return Header(
        **{
            **fields,
            "kind": Kind(fields["kind"]),
            "settings": ScopeSettings.read(fields.get("settings", {})),
            "usage": _usage(fields.get("usage")) or Usage(),
            "turn": _turn(turn) if turn else None,
            "pins": tuple(_pin(each) for each in fields.get("pins", ())),
        }
    )


def load_settings(text: str | bytes) -> ScopeSettings:
    """Return the settings that `dump` wrote as this text."""
    return ScopeSettings.read(_fields(text))


def load_event(text: str | bytes) -> AuditEvent:
    """Return the audit event that `dump` wrote as this text."""
    fields = _fields(text)
    return AuditEvent(**{**fields, "thread": ThreadKey(**_attributes(fields["thread"], ThreadKey))})


def _says_nothing(field: object) -> bool:
    """Return whether a field can be left out; a number never is, since 0 may be a time."""
    return not field and (field is False or not isinstance(field, int | float))


def _named(value: DataclassInstance) -> dict[str, object]:
    """Return a dataclass's fields; unlike `asdict`, without copying them."""
    return {stored: getattr(value, name) for stored, name in _names(type(value))}


def _part(value: DataclassInstance) -> dict[str, object]:
    """Return the fields of a value in a record."""
    named = _named(value)
    if isinstance(value, Author | Quote):  # in every entry, so without what is the default
        return {name: field for name, field in named.items() if field or name in _ALWAYS}
    if isinstance(value, ScopeSettings):
        return {name: field for name, field in named.items() if not _says_nothing(field)}
    return named


@cache
def _names(kind: type[DataclassInstance]) -> tuple[tuple[str, str], ...]:
    """Return the stored name and the attribute of each of a dataclass's fields."""
    stored = STORED.get(kind, {})
    return tuple(
        (stored.get(field.name, field.name), field.name) for field in dataclasses.fields(kind)
    )


_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_part).encode


def _quote(fields: dict[str, Any]) -> Quote:
    return Quote(**{**fields, "kind": QuoteKind(fields["kind"])})


def _pin(fields: dict[str, Any]) -> Pin:
    author, by = Author(**fields["author"]), Author(**fields["by"])
    return Pin(**{**fields, "kind": PinKind(fields["kind"]), "author": author, "by": by})


def _turn(fields: dict[str, Any]) -> OpenTurn:
    return OpenTurn(
        **{**fields, "state": TurnState(fields["state"]), "cuts": tuple(fields["cuts"])}
    )


def _usage(fields: dict[str, int] | None) -> Usage | None:
    return None if fields is None else Usage(**fields)


def _attributes(stored: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return stored values by the names of their attributes."""
    names = _ATTRIBUTES[kind]
    return {names.get(name, name): value for name, value in stored.items()}


def _fields(text: str | bytes, kind: type | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(text)
    version = fields.pop("v")
    if version > VERSION:
        message = (
            f"the store holds data of version {version}, and this program knows {VERSION}: "
            "run the newer program again, or point CHATBOT_STORE at another store"
        )
        raise StoreRefusedError(message)
    return _attributes(fields, kind) if kind else fields
