"""A cache of parsed windows, so that a turn only parses and renders what is new.

Redis sends a window as one text, and at the next turn the same text with more appended, until
something in it is changed or folded. An entry is only used for a text that begins with the cached
one, so it can't be stale. What another process removed stays here for a minute at most, which is
why this is no `cachetools.TTLCache`: that drops expired entries only when it is used again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from core.domain.session import Window
from core.store.redis import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.message import ThreadKey

MOST = 2_000_000
"""Bytes of text that are cached; the records and what is made of them take some twelve times as
much."""


SECONDS = 60.0
"""How long a window is cached that is not read again."""


class _Kept(NamedTuple):
    begun: bytes
    found: Window
    at: float
    """When it was read, on the monotonic clock."""


_NOTHING = _Kept(b"", Window(), 0.0)


class Windows:
    """The windows that were read last."""

    def __init__(
        self,
        most: int = MOST,
        *,
        later: Callable[[float, Callable[[], None]], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Cache `most` bytes of text; `later` schedules a call after a number of seconds."""
        self._most = most
        self._later = later
        self._now = now
        self._size = 0
        self._kept: OrderedDict[ThreadKey, _Kept] = OrderedDict()
        """In the order in which they were read."""
        self._looks = False
        """Whether `_forget_old` is scheduled."""

    def load(self, thread: ThreadKey, text: bytes) -> Window:
        """Return the records of a thread's window from its text, a JSON list."""
        begun, found, _ = self._taken(thread)
        if found and text.startswith(begun):
            rest = text[len(begun) :]  # "]", or ",[...]]"
            if len(rest) > 1:
                found = found.with_more(records.load(b"[" + rest[1:]))
        else:
            found = Window().with_more(records.load(text))
        self._keep(thread, text[:-1], found)
        return found

    def forget(self, thread: ThreadKey) -> None:
        """Drop the window of a thread."""
        self._taken(thread)

    def _taken(self, thread: ThreadKey) -> _Kept:
        kept = self._kept.pop(thread, _NOTHING)
        self._size -= len(kept.begun)
        return kept

    def _keep(self, thread: ThreadKey, begun: bytes, found: Window) -> None:
        self._kept[thread] = _Kept(begun, found, self._now())
        self._size += len(begun)
        while self._size > self._most:
            self.forget(next(iter(self._kept)))
        self._look(SECONDS)

    def _look(self, seconds: float) -> None:
        if self._kept and not self._looks:
            self._looks = True
            self._later(seconds, self._forget_old)

    def _forget_old(self) -> None:
        self._looks = False
        while self._kept and (wait := self._oldest + SECONDS - self._now()) <= 0:
            self.forget(next(iter(self._kept)))
        if self._kept:
            self._look(wait)

    @property
    def _oldest(self) -> float:
        return next(iter(self._kept.values())).at
