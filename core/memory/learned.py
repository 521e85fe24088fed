"""What a model's refusals and replies teach: its limits, and how its prompt cache works.

What `core.models.catalog` says of a model may be wrong: the model is unknown, a gateway or an
account allows less, or its tokens are counted too low here, which differs from text to text. What
refusals teach stays in this process, and only for a while: a gateway may have used a smaller model.

A reply's `usage` says what was read from the vendor's cache and written to it, and its time says
how long the thread was silent. Facts on the cache are from Anthropic's documentation, "Prompt
caching": an entry lives for five minutes, or for an hour if that is asked for, from when it was
last read; writing costs 1.25 of the price of input, or twice the price; a prefix below a minimum,
which each model has, is not cached, and nothing says so.

A prompt that begins with all that the thread's request before wrote to the cache, a few minutes
ago, is read from it. If that fails again and again, each turn is paid for several times, and nobody
sees it but on the bill: a proxy may drop the breakpoints or spread a thread over several accounts,
or this program changes the start of its prompts. So `CacheWatch` says it once. It remembers prompts
as hashes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from cachetools import LRUCache

from core.models.port import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Turn, Usage
    from core.models.port import ModelRequest, Part

log = logging.getLogger(__name__)

# --- limits, by refusals --------------------------------------------------------------------------

HEADROOM: Final = 0.05
"""The share of a model's limit that stays unused, since the count of tokens is a guess."""
HOLDS: Final = 3600.0
"""Seconds for which a lesson is valid; after that, one more request may be refused."""
_THREADS = 1000
"""The most conversations of which anything is remembered; the least recently used is forgotten."""
_NOT_LESS = 256
"""No model has a smaller limit; such a number is something else."""
_MESSAGES = 1 / 2
"""What messages get beside the fixed part of a prompt, as a share of it, before the answer gets its
half of a small limit."""


def answer_room(limit: int, wanted: int, fixed: int) -> int:
    """Return the tokens for an answer, if prompt and answer may have `limit` together.

    That is at most half of the limit. Where the fixed part of a prompt leaves little of the other
    half, the answer gives way down to a quarter: local servers have as few as 2,048 tokens
    (Ollama's default for `num_ctx`; github.com/patrickfleith/datafast, issue 140).
    """
    left = limit - round(fixed * (1 + _MESSAGES))
    return min(wanted, limit // 2, max(limit // 4, left))


@dataclass(frozen=True, slots=True)
class _Lesson:
    most: float
    valid_until: float


@dataclass(slots=True)
class LearnedLimits:
    """The most tokens that a model accepts, by its refusals. All times are steady seconds."""

    cache_minimum: int = 0
    """The tokens from which on the model caches a prefix, by its replies; 0 if unknown."""
    _prompt: _Lesson | None = None
    _answer: _Lesson | None = None
    _threads: LRUCache[ThreadKey, _Lesson] = field(default_factory=lambda: LRUCache(_THREADS))

    def limit(self, limit: int, *, answer: int, fixed: int = 0, now: float) -> None:
        """Learn how many tokens prompt and answer may have together.

        `answer` is the tokens wanted for the answer, and `fixed` those of the part that every
        prompt has; see `answer_room`.
        """
        if limit < _NOT_LESS:
            return
        room = answer_room(limit, answer, fixed)
        self._prompt = _Lesson((limit - room) * (1 - HEADROOM), now + HOLDS)
        if room < answer:
            self.answer_limit(room, now=now)

    def answer_limit(self, limit: int, *, now: float) -> None:
        """Learn how many tokens an answer may have."""
        self._answer = _Lesson(max(1, limit), now + HOLDS)

    def thread(self, thread: ThreadKey, units: float, *, now: float) -> None:
        """Learn what fits in one conversation, in the units of the token counter."""
        self._threads[thread] = _Lesson(units, now + HOLDS)

    def prompt_tokens(self, most: int, *, now: float) -> int:
        """Return how many tokens a prompt may have, at most `most`."""
        return int(_within(most, self._prompt, now))

    def answer_tokens(self, most: int, *, now: float) -> int:
        """Return how many tokens an answer may have, at most `most`."""
        return int(_within(most, self._answer, now))

    def thread_units(self, thread: ThreadKey, *, now: float) -> float | None:
        """Return what fits in a conversation, in the counter's units; None if nothing is known."""
        lesson = self._threads.get(thread)
        return lesson.most if lesson is not None and now < lesson.valid_until else None


def _within(most: float, lesson: _Lesson | None, now: float) -> float:
    return min(most, lesson.most) if lesson is not None and now < lesson.valid_until else most


# --- the prompt cache, by a thread's replies ------------------------------------------------------

FIVE_MINUTES = 300.0
HOUR = 3600.0
_GAPS = 12
"""The silences that decide. An hour is cheaper from about 8 % of turns after 5 to 60 minutes on,
which is one in twelve."""
_STEPS = (512, 1_024, 2_048, 4_096)
"""The minimums that models have."""
_STABLE = 0.5
"""The share of a prompt that is before its last breakpoint at least."""


def lasts_an_hour(turns: Sequence[Turn], now: float) -> bool:
    """Return whether the cache for an hour is cheaper, by the last silences of the thread.

    Args:
        turns: The turns that are loaded, oldest first.
        now: When the request is made, in seconds since 1970.
    """
    times = [*(turn.answer.sent_at for turn in turns[-_GAPS:]), now]
    return any(FIVE_MINUTES < after - before < HOUR for before, after in pairwise(times))


def minimum_of(answers: Iterable[Answer], assumed: int) -> int:
    """Return from how many tokens on the model caches a prefix, by its replies.

    A reply that used the cache shows that its prefix was long enough; a longer prompt without any
    use shows that it was not. Of what contradicts itself, the use of the cache counts.

    Args:
        answers: The replies of one thread, in any order.
        assumed: What the catalog says, which may be a guess.
    """
    used = [answer.usage for answer in answers if answer.usage is not None]
    cached = [cached_in(usage) for usage in used if cached_in(usage)]
    most = min(cached, default=_STEPS[-1])
    least = max([usage.prompt * _STABLE for usage in used if not cached_in(usage)], default=0)
    possible = [step for step in _STEPS if least < step <= most]
    if assumed in possible:
        return assumed
    return possible[-1] if possible else min(assumed, most)


def cached_in(usage: Usage) -> int:
    """Return how many tokens of a prompt were read from the cache, or written to it."""
    return usage.cache_read + usage.cache_write


# --- whether the cache is read --------------------------------------------------------------------

_SURE = 0.9 * FIVE_MINUTES
"""Seconds in which an entry is certainly there: a reply takes a while, too."""
_MISSES = 5
"""In a row, over all threads, after which it is no accident."""
_SHARE = 0.5
"""The least share of what is cached that is read."""
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
