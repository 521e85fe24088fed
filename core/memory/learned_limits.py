"""Limits of a model that its refusals have taught: in general, and in one conversation. Pure.

What `core.models.catalog` says of a model may be wrong: the model is unknown, a gateway or an
account allows less, or its tokens are counted too low here, which differs from text to text. What
is learned stays in this process, and only for a while: a gateway may have used a smaller model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

if TYPE_CHECKING:
    from core.domain.message import ThreadKey

HEADROOM: Final = 0.05
"""The share of a model's limit that stays unused, since the count of tokens is a guess."""
HOLDS: Final = 3600.0
"""Seconds for which a lesson is valid; after that, one more request may be refused."""
_THREADS = 1000
"""The most conversations with a lesson; the least recently used one is forgotten."""
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
