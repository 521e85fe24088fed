"""What the refusal of a request as too large teaches, and how people and the operator hear of it.

The numbers in a refusal come from the model, or from any proxy before it, so they are only believed
if they are plausible: a wrong one would shorten the memory of every conversation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.domain.errors import MessageTooLargeError, PromptTooLargeError
from core.memory.learned import HEADROOM, answer_room

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.memory.memory import Memory
    from core.memory.tokens import TokenCounter
    from core.turn.planning import Prompt

log = logging.getLogger(__name__)

SHARES = (2 / 3, 1 / 2, 1 / 2, 1 / 2)
"""The share of a refused request that is tried next, if the refusal names no numbers."""
_FAR = 4
"""The factor by which our token count may be wrong, at most."""
_NOT_LONG = (
    "The model rejects this message as too long, although it is short. The person who runs me "
    "finds in the log what it says."
)
_ANSWER_TOO_LONG = (
    "The model does not allow answers as long as I ask for. The person who runs me can lower "
    "CHATBOT_ANSWER_TOKENS."
)
_LEAST_ANSWER = 16
"""Tokens of the shortest plausible limit for an answer."""


class Refusals:
    """Learns from refusals of requests that are too large."""

    def __init__(self, memory: Memory, clock: Clock, answer_tokens: int) -> None:
        """Teach this memory; `answer_tokens` are those wanted for an answer."""
        self._memory = memory
        self._clock = clock
        self._answer_tokens = answer_tokens

    def learn(self, refusal: PromptTooLargeError, prompt: Prompt, share: float) -> TokenCounter:
        """Learn from a refusal; return the counter for the next request.

        If it names no numbers, the next request has this share of the refused one.
        """
        error = plausible(refusal, prompt)
        limits, now = self._memory.limits, self._clock.monotonic()
        log.info(
            "a request of about %d tokens is too large: the model counts %s, and takes %s",
            prompt.tokens,
            error.size or "?",
            error.limit or error.answer_limit or "?",
        )
        if error.answer_limit is not None:
            limits.answer_limit(error.answer_limit, now=now)
            return prompt.counter
        wanted = self._answer_tokens
        counter = prompt.counted(error.size) if error.size else prompt.counter
        if error.limit is not None:
            fixed = counter.fixed_tokens(prompt.fixed_units)
            limits.limit(error.limit, answer=wanted, fixed=fixed, now=now)
            wanted = answer_room(error.limit, wanted, fixed)
        if (fitting := error.share(wanted)) is not None:
            share = fitting * (1 - HEADROOM)
        if prompt.plan.has_past:
            self.keep_within(prompt, prompt.units * share)
        return counter

    def keep_within(self, prompt: Prompt, units: float) -> None:
        """Learn that requests in this conversation may have so many units."""
        now = self._clock.monotonic()
        self._memory.limits.thread(prompt.session.thread, units, now=now)

    def is_worth_it(self, refusal: PromptTooLargeError, prompt: Prompt) -> bool:
        """Return whether the next request would be smaller than the refused one."""
        if refusal.in_bytes and prompt.request.has_media:
            return False  # its files are too large, and it may be retried without them
        now, most = self._clock.monotonic(), prompt.request.max_tokens
        less = prompt.plan.has_past or prompt.has_overheard
        return less or self._memory.limits.answer_tokens(most, now=now) < most


def plausible(error: PromptTooLargeError, prompt: Prompt) -> PromptTooLargeError:
    """Return the refusal without implausible numbers.

    A real token count is close to ours, with or without the answer's tokens; a limit that is named
    alone is not far below it.
    """
    counted, wanted = prompt.tokens, prompt.request.max_tokens
    size, limit, answer = error.size, error.limit, error.answer_limit
    if size is not None and not any(
        count / _FAR <= size <= count * _FAR for count in (counted, counted + wanted)
    ):
        size = limit = None
    if limit is not None and size is None and limit < counted / _FAR:
        limit = None
    if answer is not None and not _LEAST_ANSWER <= answer < wanted:
        answer = wanted // 2
    return PromptTooLargeError(
        str(error), size=size, limit=limit, answer_limit=answer, in_bytes=error.in_bytes
    )


def in_words(error: PromptTooLargeError, told: MessageTooLargeError) -> PromptTooLargeError:
    """Return the refusal of a request with only new messages, worded for people.

    `told` is what `numbers_in` returns for it.
    """
    sentence = str(told) if told.is_long else _NOT_LONG
    if error.answer_limit is not None:
        sentence = _ANSWER_TOO_LONG
    worded = PromptTooLargeError(sentence, size=error.size, limit=error.limit)
    worded.said = error.said
    return worded


def numbers_in(error: PromptTooLargeError, prompt: Prompt) -> MessageTooLargeError:
    """Return what a refusal says about the new messages.

    It has the model's own numbers, if it names them, so that they are consistent.
    """
    error = plausible(error, prompt)
    size, fixed, room = prompt.plan.tokens.new, prompt.plan.tokens.fixed, None
    if error.size is not None and error.limit is not None:
        counter = prompt.counted(error.size)
        fixed = counter.fixed_tokens(prompt.fixed_units)
        size = round(size * counter.factor / prompt.counter.factor)
        room = error.limit - answer_room(error.limit, prompt.request.max_tokens, fixed) - fixed
    fits = room is not None and room >= size  # then the numbers mean something else
    return MessageTooLargeError(size=size, room=None if fits else room, fixed=fixed)


def log_room(error: MessageTooLargeError | PromptTooLargeError) -> None:
    """Log the numbers for the operator, if the message is not the cause."""
    told = error if isinstance(error, MessageTooLargeError) else error.__cause__
    if not isinstance(told, MessageTooLargeError) or told.is_long:
        return
    if isinstance(error, PromptTooLargeError):
        named = f"the model counts {error.size or '?'} and takes {error.limit or '?'}"
        named += f" ({error.said})" if error.said else ""
    else:
        named = f"it may have {told.room}"
    log.warning(
        "a message of %d tokens does not fit beside %d of instructions and context: %s; see "
        "CHATBOT_MODEL, CHATBOT_INPUT_TOKENS, CHATBOT_ANSWER_TOKENS and the system prompt",
        told.size,
        told.fixed,
        named,
    )
