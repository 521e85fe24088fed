"""What refusals teach of how much a model takes: by itself, and in one conversation.

What is known of a model (`core.models.catalog`) may be wrong: it is unknown, a gateway or an
account gives it less, or its tokens are counted here too low, which differs from text to text.
All of it is kept in this process, and for a while: a gateway may have had a small model stand in.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.domain.message import ThreadKey

HEADROOM: Final = 0.05
"""The part of a model's limit that is never planned: the count of tokens is a guess."""
HOLDS: Final = 3600.0
"""Seconds for which a lesson holds; then one request more may be refused."""
_THREADS = 1000
"""Conversations of which something is known; of the others it is learned once more."""
_NOT_LESS = 256
"""A smaller limit is no limit of any model, but a number that was taken for one."""


@dataclass(frozen=True, slots=True)
class _Lesson:
    most: float
    until: float


@dataclass(slots=True)
class LearnedLimits:
    """The most that the model takes, as far as its refusals tell; times are steady seconds."""

    _prompt: _Lesson | None = None
    _answer: _Lesson | None = None
    _threads: OrderedDict[ThreadKey, _Lesson] = field(default_factory=OrderedDict)

    def limit(self, limit: int, *, answer: int, now: float) -> None:
        """Learn the tokens that prompt and answer may have together.

        `answer` is the room that is wanted for the answer; it gets half of the limit at most.
        """
        if limit < _NOT_LESS:
            return
        room = min(answer, limit // 2)
        self._prompt = _Lesson((limit - room) * (1 - HEADROOM), now + HOLDS)
        if room < answer:
            self.answer_limit(room, now=now)

    def answer_limit(self, limit: int, *, now: float) -> None:
        """Learn the tokens that an answer may have."""
        self._answer = _Lesson(max(1, limit), now + HOLDS)

    def thread(self, thread: ThreadKey, units: float, *, now: float) -> None:
        """Learn what fits in one conversation, in units of the ruler that tokens are counted by."""
        self._threads[thread] = _Lesson(units, now + HOLDS)
        self._threads.move_to_end(thread)
        if len(self._threads) > _THREADS:
            self._threads.popitem(last=False)

    def prompt_tokens(self, most: int, *, now: float) -> int:
        """Return the tokens that a prompt may have, of `most`."""
        return int(_within(most, self._prompt, now))

    def answer_tokens(self, most: int, *, now: float) -> int:
        """Return the tokens that an answer may have, of `most`."""
        return int(_within(most, self._answer, now))

    def thread_units(self, thread: ThreadKey, *, now: float) -> float | None:
        """Return what fits in a conversation, in units of the ruler; None if nothing is known."""
        lesson = self._threads.get(thread)
        return lesson.most if lesson is not None and now < lesson.until else None


def _within(most: float, lesson: _Lesson | None, now: float) -> float:
    return min(most, lesson.most) if lesson is not None and now < lesson.until else most
