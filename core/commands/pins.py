"""Pinning, removing and listing pins, within their budget; no rights are checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from core.domain.errors import DeniedError
from core.domain.message import clean
from core.domain.pins import Pin, PinKind, is_too_long
from core.prompt.pins import fitting, pin_text
from core.prompt.tags import on_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from core.domain.message import Author, Kind, ThreadKey
    from core.memory.memory import Memory
    from core.store.port import Store

PINNED = (
    "Pinned, word for word. I see it with every message here until someone removes it: "
    "`/chatbot pins` lists all pins."
)
CORRECTED = (
    "Corrected. I keep that above everything else I remember here; `/chatbot pins` lists it."
)
UNPINNED = "Removed. I no longer see that pin."
NOT_PINNED = "There is no such pin. `/chatbot pins` lists all pins."
EMPTY = (
    "Write what I should remember after the word, as in `remember the deploy is on Friday`. I keep "
    "it word for word."
)
EMPTY_CORRECTION = (
    "Write the right fact after the colon, as in `that's wrong: the deploy is today`."
)
_OFF = "Pins are switched off here. The person who runs me can change that (CHATBOT_PIN_TOKENS)."
_GONE = "This conversation was reset or forgotten since, so I did not pin that."
_BUSY = "Other people pinned something at the same moment. Please try again."
_LONG = (
    "That is too long for a pin: it has {size:,} tokens, and all pins of a conversation may have "
    "{most:,}. Please say it in fewer words."
)
_FULL = (
    "That does not fit: all pins of a conversation may have {most:,} tokens, those here have "
    "{used:,}, and this one has {size:,}. First remove {which} with `/chatbot unpin`; "
    "`/chatbot pins` lists them."
)
_NUMBER = re.compile(r"\d{1,3}", re.ASCII)
"""A pin's number in the list; a pin's id is longer."""
_TRIES = 5
"""Callers that pin at the same moment, and still all get it done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a pin keeps: words that someone said."""

    text: str
    author: Author
    at: float
    """When they were said, by the platform's clock."""
    source: str = ""
    """The platform's id of their message, if they have one."""
    edited_at: float = 0
    """When that message was last edited."""


def new_pin(kind: PinKind, said: Saying, by: Author, *, at: float, key: str) -> Pin:
    """Return a pin of what was said.

    Args:
        kind: What it is.
        said: What to keep.
        by: Who pins it.
        at: When, by the platform's clock.
        key: What it is pinned by, such as a message's id: a repeat pins nothing more.
    """
    return Pin(
        id=blake2b(f"{kind}\n{key}".encode(errors="replace"), digest_size=6).hexdigest(),
        kind=kind,
        text=clean(said.text).strip(),
        author=replace(said.author, name=clean(said.author.name)),
        by=replace(by, name=clean(by.name)),
        said_at=said.at,
        pinned_at=at,
        source=said.source,
        edited_at=said.edited_at,
    )


class Pins:
    """The pins of threads."""

    def __init__(self, store: Store, memory: Memory, ttl: Callable[[Kind], float]) -> None:
        """Create it.

        Args:
            store: Where they are.
            memory: Counts their tokens, and knows how many they may have.
            ttl: Returns after how many seconds of silence a conversation of a kind ends.
        """
        self._store = store
        self._memory = memory
        self._ttl = ttl

    async def add(self, thread: ThreadKey, kind: Kind, pin: Pin) -> str:
        """Pin a text, in a thread that is made with this kind if there is none.

        Returns:
            A sentence that says so.

        Raises:
            DeniedError: It is not pinned; the text says why, and what to do.
            StoreError: The store does not answer.
        """
        for _ in range(_TRIES):
            there = await self.of(thread)
            if not any(each.id == pin.id for each in there):
                self._refuse(there, pin)
            beside = tuple(each.id for each in there)
            match await self._store.pin(thread, kind, pin, beside=beside, ttl=self._ttl(kind)):
                case "pinned":
                    return CORRECTED if pin.kind is PinKind.CORRECTION else PINNED
                case "gone":
                    raise DeniedError(_GONE)
                case "full":
                    raise DeniedError(self._full(there, pin))
                case "changed":
                    pass
        raise DeniedError(_BUSY)

    async def of(self, thread: ThreadKey) -> tuple[Pin, ...]:
        """Return the pins of a thread, in the order in which they were pinned."""
        work = await self._store.peek(thread)
        return work.pins if work is not None else ()

    async def remove(self, thread: ThreadKey, pin: str) -> str:
        """Remove a pin, by its id or its number in the list; return a sentence that says so."""
        there = await self.of(thread)
        number = int(pin) if _NUMBER.fullmatch(pin) else 0
        found = there[number - 1].id if 0 < number <= len(there) else pin
        if not any(each.id == found for each in there):
            return NOT_PINNED
        await self._store.unpin(thread, (found,))
        return UNPINNED

    async def remove_own(self, thread: ThreadKey, person: str) -> int:
        """Remove what a person said, or had pinned; return how many pins that were."""
        ids = tuple(pin.id for pin in await self.of(thread) if person in {pin.by.id, pin.author.id})
        if ids:
            await self._store.unpin(thread, ids)
        return len(ids)

    def has_room(self, there: Sequence[Pin], text: str) -> bool:
        """Return whether a text of about these words fits beside the pins that are there."""
        most = self._memory.pin_tokens
        size = self._memory.counter.count(text)
        return not is_too_long(text) and sum(map(self._size, there)) + size <= most

    def lines(self, pins: Sequence[Pin]) -> list[str]:
        """Return the pins in words, one a line, numbered from 1."""
        memory = self._memory
        shown = set(fitting(pins, most=memory.pin_tokens, count=memory.counter.count))
        return [
            pin_line(number, pin, self._size(pin), memory.zone, shown=pin in shown)
            for number, pin in enumerate(pins, 1)
        ]

    def _refuse(self, there: Sequence[Pin], pin: Pin) -> None:
        """Raise `DeniedError` unless a pin fits beside those that are there."""
        most, size = self._memory.pin_tokens, self._size(pin)
        if not pin.text:
            raise DeniedError(EMPTY_CORRECTION if pin.kind is PinKind.CORRECTION else EMPTY)
        if not most:
            raise DeniedError(_OFF)
        if size > most or is_too_long(pin.text):
            raise DeniedError(_LONG.format(size=size, most=most))
        if sum(map(self._size, there)) + size > most:
            raise DeniedError(self._full(there, pin))

    def _full(self, there: Sequence[Pin], pin: Pin) -> str:
        sizes, size, most = list(map(self._size, there)), self._size(pin), self._memory.pin_tokens
        used = sum(sizes)
        return _FULL.format(
            most=most, used=used, size=size, which=_which(sizes, used + size - most)
        )

    def _size(self, pin: Pin) -> int:
        return self._memory.counter.count(pin_text(pin, self._memory.zone))


def pin_line(number: int, pin: Pin, size: int, zone: tzinfo, *, shown: bool) -> str:
    """Return a pin in words: its text on one line, who said it, when, and who had it pinned."""
    text = " ".join(pin.text.split())
    by = f", pinned by {_name(pin.by)}" if pin.by.id != pin.author.id else ""
    kind = "correction by " if pin.kind is PinKind.CORRECTION else ""
    left_out = "" if shown else "; not shown to the model: all pins together have too many tokens"
    return (
        f"{number}. {text} ({kind}{_name(pin.author)}, {on_day(pin.said_at, zone)}{by}; "
        f"{size:,} tokens{left_out})"
    )


def _name(author: Author) -> str:
    return " ".join(author.name.split())


def _which(sizes: Sequence[int], missing: int) -> str:
    """Return which pins to remove, so that this many tokens more fit: any one, or the first few."""
    enough = [str(number) for number, size in enumerate(sizes, 1) if size >= missing]
    if enough:
        return f"pin {' or '.join(enough[:5])}"
    freed, count = 0, 0
    while freed < missing and count < len(sizes):
        freed, count = freed + sizes[count], count + 1
    return f"pins 1 to {count}" if count > 1 else "pin 1"
