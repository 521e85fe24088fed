"""Pins in a header's hash: one field, with a line of JSON for each pin. Pure.

JSON never has a line break in it, so scripts take the field apart without decoding what they do not
change. A line is a list of texts; times are texts, as in `core.store.redis.records`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.domain.message import Author
from core.domain.pins import Pin, PinKind, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PIN = (
    "id", "kind",  # its first letter
    "text", "source", "edited_at", "pinned_at", "said_at",
    "author", "author_name", "author_is_app", "by", "by_name", "by_is_app",
)  # fmt: skip
"""The values of a pin, in order; scripts find them by these names."""
_KINDS = {kind.value[0]: kind for kind in PinKind}
_APP = "1"
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def line(pin: Pin) -> str:
    """Return a pin as a line of the field."""
    times = (repr(pin.edited_at), repr(pin.pinned_at), repr(pin.said_at))
    return _dump(
        (pin.id, pin.kind[0], pin.text, pin.source, *times, *_who(pin.author), *_who(pin.by))
    )


def field(pins: Iterable[Pin]) -> str:
    """Return the field that holds these pins."""
    return "\n".join(map(line, pins))


def load(text: str) -> tuple[Pin, ...]:
    """Return the pins in a field."""
    return tuple([_pin(each) for each in text.split("\n")]) if text else ()


def addition(pin: Pin, beside: tuple[str, ...]) -> dict[str, str | float]:
    """Return a pin as its script takes it; see `Store.pin`."""
    return {
        "id": pin.id,
        "pin": line(pin),
        "beside": "\n".join(beside),
        "gone": "",
        "at": pin.pinned_at,
        "person": pin.by.id,
        "bytes": len(pin.text.encode()),
    }


def removal(pins: tuple[str, ...]) -> dict[str, str | float]:
    """Return the ids of pins to remove as their script takes them; see `Store.unpin`."""
    unused = dict.fromkeys(("id", "pin", "beside", "person", "kind", "rev"), "")
    return {**unused, "gone": _dump(pins), "at": 0.0, "bytes": 0, "ttl": 0.0}


def amended(text: str | None) -> str:
    """Return, as an object of JSON, what pins of each kind keep of an edited message's text."""
    kept = {} if text is None else texts_of(text)
    return _dump({kind[0]: said for kind, said in kept.items() if said})


def _who(author: Author) -> tuple[str, str, str]:
    return author.id, author.name, _APP if author.is_app else ""


def _pin(text: str) -> Pin:
    id_, kind, said, source, edited_at, pinned_at, said_at, *people = json.loads(text)
    return Pin(
        id=id_,
        kind=_KINDS[kind],
        text=said,
        author=_author(*people[:3]),
        by=_author(*people[3:]),
        said_at=float(said_at),
        pinned_at=float(pinned_at),
        source=source,
        edited_at=float(edited_at),
    )


def _author(id_: str, name: str, app: str) -> Author:
    return Author(id=id_, name=name, is_app=app == _APP)
