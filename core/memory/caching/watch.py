"""Watches whether prompts are read from the vendor's cache that should be, and says so once.

A prompt that begins with all that the thread's request before wrote to the cache, a few minutes
ago, is read from it. If that fails again and again, each turn is paid for several times, and nobody
sees it but on the bill: a proxy may drop the breakpoints or spread a thread over several accounts,
or this program changes the start of its prompts. Prompts are remembered as hashes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from core.memory.caching.replies import FIVE_MINUTES, cached_in
from core.models.port import Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Usage
    from core.models.port import ModelRequest, Part

log = logging.getLogger(__name__)

_SURE = 0.9 * FIVE_MINUTES
"""Seconds in which an entry is certainly there: a reply takes a while, too."""
_MISSES = 5
"""In a row, over all threads, after which it is no accident."""
_SHARE = 0.5
"""The least share of what is cached that is read."""
_THREADS = 1000
_HASHED = 20_000
"""Bytes of a part that are hashed, so that a picture costs no time."""


class Cause(StrEnum):
    """Why a prompt was not read from the cache."""

    VENDOR = (
        "they begin as the prompts before did, so what is between the bot and the model does not "
        "cache them: see ANTHROPIC_BASE_URL"
    )
    CHANGED = "their beginnings differ from those of the prompts before"


class Beginning(NamedTuple):
    """How a prompt begins."""

    thread: ThreadKey
    state: int
    """Another one with each change that may rightly change the start of the thread's prompts."""


@dataclass(frozen=True, slots=True)
class _Last:
    """What a thread's last request has put into the cache."""

    prefix: bytes
    blocks: int
    tokens: int
    at: float
    state: int


@dataclass(slots=True)
class CacheWatch:
    """Counts misses by their cause. Times are steady seconds."""

    _last: LRUCache[ThreadKey, _Last] = field(default_factory=lambda: LRUCache(_THREADS))
    _misses: dict[Cause, int] = field(default_factory=dict)
    _told: set[Cause] = field(default_factory=set)

    def note(
        self, request: ModelRequest, usage: Usage | None, beginning: Beginning, now: float
    ) -> None:
        """Note what a request was billed, which was answered in one call.

        Args:
            request: The request.
            usage: What the model reports.
            beginning: How the prompt begins.
            now: When it was made.
        """
        if usage is None or not (parts := _cached_parts(request)):
            return
        last = self._last.get(beginning.thread)
        if last is not None and now - last.at < _SURE and last.state == beginning.state:
            same = _digest(parts[: last.blocks]) == last.prefix
            missed = usage.cache_read < _SHARE * last.tokens
            self._count(Cause.VENDOR if same else Cause.CHANGED, missed=missed)
        tokens = cached_in(usage)
        self._last[beginning.thread] = _Last(
            _digest(parts), len(parts), tokens, now, beginning.state
        )

    def _count(self, cause: Cause, *, missed: bool) -> None:
        if not missed:
            self._misses.clear()
            return
        self._misses[cause] = self._misses.get(cause, 0) + 1
        if self._misses[cause] >= _MISSES and cause not in self._told:
            self._told.add(cause)
            text = "%d prompts in a row were not read from the model's cache, as they should be: %s"
            log.warning(text, self._misses[cause], cause)


def _cached_parts(request: ModelRequest) -> list[Part]:
    """Return the parts of a request up to its last breakpoint."""
    parts: list[Part] = [*request.system, *(p for m in request.messages for p in m.blocks)]
    last = max((n for n, part in enumerate(parts, 1) if part.cache), default=0)
    return parts[:last]


def _digest(parts: Sequence[Part]) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.text.encode() if isinstance(part, Block) else getattr(part, "data", b"")
        digest.update(len(data).to_bytes(8, "big") + data[:_HASHED])
    return digest.digest()
