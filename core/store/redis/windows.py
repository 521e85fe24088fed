"""What threads' windows held when they were last read, so that a turn reads only what is new.

A window comes as one text, and at the next turn as the same text with more behind it, until
something in it is changed or folded. Only what a text says is ever kept, so nothing here can be
out of date: a text that does not begin as the last one did is read anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from core.store.redis import records

if TYPE_CHECKING:
    from core.message import ThreadKey
    from core.session import Record

MOST = 4_000_000
"""Bytes of text that are kept; what was read of them takes some six times as much."""


class Windows:
    """The windows that were read last."""

    def __init__(self, most: int = MOST) -> None:
        """Keep so many bytes of text."""
        self._most = most
        self._size = 0
        self._kept: OrderedDict[ThreadKey, tuple[bytes, tuple[Record, ...]]] = OrderedDict()

    def load(self, thread: ThreadKey, text: bytes) -> tuple[Record, ...]:
        """Return the records of a thread's window, of which this JSON list is the text."""
        begun, found = self._taken(thread)
        if found and text.startswith(begun):
            rest = text[len(begun) :]  # "]", or ",[...]]"
            found += records.load(b"[" + rest[1:]) if len(rest) > 1 else ()
        else:
            found = records.load(text)
        self._keep(thread, text[:-1], found)
        return found

    def forget(self, thread: ThreadKey) -> None:
        """Keep nothing of a thread."""
        self._taken(thread)

    def _taken(self, thread: ThreadKey) -> tuple[bytes, tuple[Record, ...]]:
        begun, found = self._kept.pop(thread, (b"", ()))
        self._size -= len(begun)
        return begun, found

    def _keep(self, thread: ThreadKey, begun: bytes, found: tuple[Record, ...]) -> None:
        self._kept[thread] = (begun, found)
        self._size += len(begun)
        while self._size > self._most:
            self.forget(next(iter(self._kept)))
