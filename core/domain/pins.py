"""Pins: what people asked the bot to remember, word for word, until a person removes it. Pure.

A pin is kept beside the log and never folded into a summary. Its text stays as it was said: if the
message that it came from is edited, it follows the edit, and if that message is deleted, so is it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import Author

PINS = 50
"""The most pins of a thread: more are no longer looked through by people who list them."""
PIN_BYTES = 4 * 1024
"""The longest text of a pin, in UTF-8: more than a prompt has room for by default."""
PINS_BYTES = 32 * 1024
"""The texts of all pins of a thread together, in UTF-8.

They are part of the thread's header, which every claim reads. A DynamoDB item holds 400 KB.
"""

_COMMAND = r"(?:[!\uff01]\s*)?(?:/?chatbot\s+)?"
_REMEMBER = re.compile(_COMMAND + r"remember(?![\w'\u2019-])", re.IGNORECASE)
_LEAD = re.compile(r"(?:(?:this|that|the following)\s*)?[:\uff1a]\s*", re.IGNORECASE)
"""A colon after `remember`: whatever follows is meant to be kept."""
_BETWEEN = " ,;\n\r\t\N{NO-BREAK SPACE}"
_NOTHING = {"", "it", "that", "this"}
"""What stands behind `remember` if nothing is said that could be kept."""
_ASKING = re.compile(
    r"(?:how|me|us|what|when|where|which|who|whom|whose|why)(?![\w-])", re.IGNORECASE
)
"""`remember when we ...` is talk about the past, and `remember me` a greeting."""
_QUESTION = ("?", "\N{ARABIC QUESTION MARK}", "\N{FULLWIDTH QUESTION MARK}")
_NOT_RIGHT = r"(?:wrong|incorrect|not\s+(?:correct|right|true))"
_WRONG = re.compile(
    _COMMAND + r"(?:no\b[,.!]?\s+)?"
    rf"(?:(?:(?:that|this|it)(?:['\u2019]?s|\s+is|\s+was)\s+)?{_NOT_RIGHT}|correction)\s*[:\uff1a]",
    re.IGNORECASE,
)


class PinKind(StrEnum):
    """What a pin is."""

    WISH = "wish"
    """What followed the word `remember`."""
    MESSAGE = "message"
    """A whole message."""
    CORRECTION = "correction"
    """The right fact, from a person who said that the bot remembers something wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A text that is kept word for word."""

    id: str
    """Unique in its thread."""
    kind: PinKind
    text: str
    author: Author
    """Who said it."""
    by: Author
    """Who had it pinned."""
    said_at: float
    """When it was said, by the platform's clock: seconds since 1970, UTC."""
    pinned_at: float
    """When it was pinned, by the same clock."""
    source: str = ""
    """The platform's id of the message that it came from; empty if there is none."""
    edited_at: float = 0
    """The time of the message's last edit, if it followed one."""

    def edited(self, text: str, at: float) -> Pin | None:
        """Return the pin as it follows an edit of its message; None if nothing is left to keep."""
        kept = texts_of(text)[self.kind]
        return replace(self, text=kept, edited_at=at) if kept else None


def texts_of(text: str) -> dict[PinKind, str]:
    """Return what a pin of each kind keeps of a message's text; empty if it keeps nothing."""
    found = {
        PinKind.MESSAGE: text.strip(),
        PinKind.WISH: wish_in(text) or "",
        PinKind.CORRECTION: correction_in(text) or "",
    }
    return {kind: "" if is_too_long(kept) else kept for kind, kept in found.items()}


def wish_in(text: str, *, always: bool = False) -> str | None:
    """Return what a message that begins with `remember` asks to keep; None if it is no such wish.

    It is empty if the message asks for that and says nothing to keep. A question is no wish, and
    neither is talk about the past (`remember when ...`), unless a colon stands before it, or it
    is `always` one, as after a slash.
    """
    said = text.strip()
    found = _REMEMBER.match(said)
    if found is None:
        return None
    rest = said[found.end() :].lstrip(_BETWEEN)
    if (lead := _LEAD.match(rest)) is not None:
        return rest[lead.end() :]
    if not always and (rest.endswith(_QUESTION) or _ASKING.match(rest)):
        return None
    return "" if rest.rstrip(" .!").lower() in _NOTHING else rest


def correction_in(text: str) -> str | None:
    """Return the right fact in a message that begins with `that's wrong:`; None if it is none."""
    said = text.strip()
    found = _WRONG.match(said)
    return None if found is None else said[found.end() :].lstrip()


def is_too_long(text: str) -> bool:
    """Return whether a text is too long for a pin."""
    return len(text) > PIN_BYTES or len(text.encode()) > PIN_BYTES


def have_room(pins: Sequence[Pin], text: str) -> bool:
    """Return whether a store takes one more pin, with this text, beside these."""
    texts = [*(pin.text for pin in pins), text]
    size = sum(len(each.encode()) for each in texts)
    return len(texts) <= PINS and size <= PINS_BYTES and not is_too_long(text)


def following(
    pins: tuple[Pin, ...], source: str, text: str | None, *, at: float
) -> tuple[Pin, ...]:
    """Return pins after a message was edited at this time, or deleted (the text is None).

    An edit that is not newer than the last one changes nothing.
    """
    if not any(pin.source == source for pin in pins):  # nearly always
        return pins
    kept: list[Pin] = []
    for pin in pins:
        if pin.source != source or (text is not None and at <= pin.edited_at):
            kept.append(pin)
        elif text is not None and (changed := pin.edited(text, at)) is not None:
            kept.append(changed)
    return tuple(kept)
