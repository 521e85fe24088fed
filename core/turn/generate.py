"""Generates the answer of a turn: plans the prompt, loads its files, and asks the model.

Token counts are estimates. If the model refuses a request as too large, it is planned again with
fewer earlier messages, and the numbers in the refusal are learned.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from core.delivery.preview import Preview
from core.domain.errors import (
    MessageTooLargeError,
    PromptRefusedError,
    PromptTooLargeError,
    StoppedByUserError,
)
from core.domain.session import Status, Usage, without_answers_about, without_declined
from core.domain.tasks import off_loop_if_long
from core.memory.learned_limits import HEADROOM
from core.memory.plan import attachments_in_view, least_size, plan
from core.models.port import StopReason
from core.models.retry import Answered, ask
from core.prompt.files import without_media
from core.prompt.prompt import fixed_size, reply_request, scene_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.delivery import Delivery
    from core.domain.clock import Clock
    from core.domain.message import Attachment
    from core.domain.session import Session
    from core.memory.memory import Memory
    from core.memory.strategies.strategy import Strategy
    from core.models.port import Model, ModelRequest
    from core.prompt.files import Files
    from core.prompt.prompt import Plan
    from core.turn.attachments import Attachments
    from core.turn.turn import TurnConfig

log = logging.getLogger(__name__)

REPLANS = 3
"""How often a refused request is planned again; the last time with only the new messages."""
_SHARES = (2 / 3, 1 / 2, 1 / 2)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """The model's answer, and the plan and files that it was asked with."""

    answered: Answered
    plan: Plan
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    """A request, with the plan and the count that it was made of."""

    session: Session
    plan: Plan
    request: ModelRequest
    factor: float
    """Tokens per unit of the token counter, at the time of counting."""

    @property
    def units(self) -> float:
        return self.plan.tokens.total / self.factor

    @property
    def less(self) -> float:
        """Return the units of a prompt with fewer earlier messages."""
        parts = self.plan.tokens
        return (parts.total - (parts.window + parts.summary) * (1 - _SHARES[0])) / self.factor


class AnswerGenerator:
    """Asks the model. It holds no state of any thread."""

    def __init__(
        self, model: Model, memory: Memory, clock: Clock, config: TurnConfig, files: Attachments
    ) -> None:
        """Answer with this model, memory, and files."""
        self._model = model
        self._memory = memory
        self._clock = clock
        self._config = config
        self._files = files

    async def answer(self, session: Session, strategy: Strategy, delivery: Delivery) -> Replied:
        """Return the model's answer, and show it as a preview while it arrives.

        Raises:
            MessageTooLargeError: The new messages don't fit into one request.
            PromptTooLargeError: The model refused a request with only the new messages.
            ModelError: Whatever else the model raises.
        """
        platform = delivery.platform
        await platform.working(delivery.target, working=True)
        try:
            return await self._answer(session, strategy, delivery)
        except (MessageTooLargeError, PromptTooLargeError) as error:
            _log_room(error)
            raise
        finally:
            await platform.working(delivery.target, working=False)

    async def _answer(self, session: Session, strategy: Strategy, delivery: Delivery) -> Replied:
        platform = delivery.platform
        wanted = attachments_in_view(session, strategy)
        loading = self._files.load(platform, session.thread, wanted, session.revision)
        naming = platform.place_of(session.thread)
        if wanted:
            files, place = await asyncio.gather(loading, naming)
        else:  # nearly always; both return at once then, so they need no tasks
            files, place = await loading, await naming
        session = replace(session, place=place, formatting=platform.capabilities.formatting)
        if gone := {key for key, file in files.items() if file.gone}:
            session = replace(session, turns=without_answers_about(session.turns, gone))
        async with Preview(delivery, platform.capabilities, self._clock) as preview:
            try:
                return await self._ask_undeclined(files, session, strategy, preview)
            except PromptRefusedError:
                if not any(file.is_media for file in files.values()):
                    raise
            # One of the files may be the reason, and would be with each later message.
            bare = without_media(files)
            replied = await self._ask_with(bare, session, strategy, preview)
        self._files.reject(session.thread, _suspects(session, wanted, files))
        return replied

    async def _ask_undeclined(
        self, files: Files, session: Session, strategy: Strategy, preview: Preview
    ) -> Replied:
        """Ask the model; if it declines, ask again without what it has declined before.

        A message that was declined makes the model decline the later ones too, while it sees it
        (Anthropic's documentation, "Streaming refusals").
        """
        replied = await self._ask_with(files, session, strategy, preview)
        if replied.answered.stop is not StopReason.REFUSAL:
            return replied
        turns = without_declined(session.turns)
        if turns == session.turns:
            return replied
        preview.show("")
        first = replied.answered.usage or Usage()
        replied = await self._ask_with(files, replace(session, turns=turns), strategy, preview)
        answered = replied.answered
        usage = first + answered.usage if answered.usage else first
        return replace(replied, answered=replace(answered, usage=usage))

    async def _ask_with(
        self, files: Files, session: Session, strategy: Strategy, preview: Preview
    ) -> Replied:
        """Ask the model; plan again with fewer earlier messages if it refuses so many."""
        since = self._clock.monotonic()
        refused: _Prompt | None = None
        alone = False
        for replans in range(REPLANS + 1):
            prompting = partial(self._prompt, files, session, strategy, alone=alone)
            prompt = await off_loop_if_long(_length(session, files), prompting)
            try:
                answered = await self._ask_again_if_refused(prompt, preview, since)
            except PromptTooLargeError as refusal:
                error = _plausible(refusal, prompt)
                self._learn(error, prompt, share=_SHARES[min(replans, len(_SHARES) - 1)])
                if replans == REPLANS or not self._is_worth_it(error, prompt):
                    raise _in_words(refusal, prompt) from _told(error, prompt)
                alone = replans == REPLANS - 1
            except PromptRefusedError:
                # Perhaps it is too large, in unknown words, or an earlier message is the reason.
                if alone or not prompt.plan.has_past or prompt.request.has_media:
                    raise
                refused, alone = prompt, True
            else:
                if refused is not None:
                    self._keep_within(refused, refused.less)
                return Replied(answered=answered, plan=prompt.plan, files=files)
        raise AssertionError("the last request is either answered or refused")

    def _prompt(
        self, files: Files, session: Session, strategy: Strategy, *, alone: bool
    ) -> _Prompt:
        """Plan a request; `alone` with nothing but the new messages.

        Learned limits only reduce the earlier messages. Whether a new message is too large by
        itself is decided by the settings or by the model.
        """
        memory, now = self._memory, self._clock.monotonic()
        scene = scene_of(session, self._clock.now())
        count, system = memory.counter.count, self._config.system
        fixed = fixed_size(scene, system=system, count=count)
        room = memory.room(session.thread, now=now)
        if alone or room < memory.budget:
            least = least_size(session, fixed=fixed, count=count, files=files)
            room = min(memory.budget, least if alone else max(room, least))
        seen = plan(session, strategy, budget=room, count=count, fixed=fixed, files=files)
        if _leaves_out(session, seen):  # they are answered one after the other instead
            raise MessageTooLargeError(size=seen.tokens.new, room=room - fixed)
        request = reply_request(
            seen,
            session,
            scene,
            system=system,
            model=self._config.model,
            max_tokens=memory.limits.answer_tokens(self._config.answer_tokens, now=now),
            files=files,
        )
        return _Prompt(session=session, plan=seen, request=request, factor=memory.counter.factor)

    async def _ask_again_if_refused(
        self, prompt: _Prompt, preview: Preview, since: float
    ) -> Answered:
        """Ask the model; if it refuses the request in unknown words, ask the same once more.

        A gateway may refuse a request for a moment. Then neither the files of the conversation nor
        what is known of its length may change.
        """
        try:
            return await self._ask(prompt, preview, since)
        except PromptRefusedError as error:
            taught = prompt.plan.has_past or prompt.request.has_media
            if isinstance(error, PromptTooLargeError) or not taught:
                raise
        return await self._ask(prompt, preview, since)

    async def _ask(self, prompt: _Prompt, preview: Preview, since: float) -> Answered:
        """Ask the model, and show the answer while it arrives."""
        asking = ask(
            self._model,
            prompt.request,
            clock=self._clock,
            policy=self._config.retry,
            show=preview.show,
            since=since,
        )
        try:
            answered = await preview.unless_stopped(asking)
        except StoppedByUserError:
            return Answered(text=preview.text, stop=StopReason.STOPPED, usage=None)
        self._count(prompt, answered.usage)
        return answered

    # --- what a refusal teaches -----------------------------------------------------------------

    def _learn(self, error: PromptTooLargeError, prompt: _Prompt, *, share: float) -> None:
        """Learn from a refusal; if it names no numbers, try this share of the request next."""
        limits, now = self._memory.limits, self._clock.monotonic()
        log.info(
            "a request of about %d tokens is too large: the model counts %s, and takes %s",
            prompt.plan.tokens.total,
            error.size or "?",
            error.limit or error.answer_limit or "?",
        )
        if error.answer_limit is not None:
            limits.answer_limit(error.answer_limit, now=now)
            return
        wanted = self._config.answer_tokens
        if error.limit is not None:
            limits.limit(error.limit, answer=wanted, now=now)
        if (fitting := error.share(wanted)) is not None:
            share = fitting * (1 - HEADROOM)
        if error.size is not None:
            self._count(prompt, Usage(input=error.size))
        if prompt.plan.has_past:
            self._keep_within(prompt, prompt.units * share)

    def _keep_within(self, prompt: _Prompt, units: float) -> None:
        now = self._clock.monotonic()
        self._memory.limits.thread(prompt.session.thread, units, now=now)

    def _is_worth_it(self, error: PromptTooLargeError, prompt: _Prompt) -> bool:
        """Return whether the next request would be smaller than the refused one."""
        if error.in_bytes and prompt.request.has_media:
            return False  # its files are too large, and it may be retried without them
        now, most = self._clock.monotonic(), prompt.request.max_tokens
        return prompt.plan.has_past or self._memory.limits.answer_tokens(most, now=now) < most

    def _count(self, prompt: _Prompt, usage: Usage | None) -> None:
        """Correct the token counter; a prompt with media can't, since their cost is a guess."""
        if usage is not None and not prompt.request.has_media:
            counted = _tokens(prompt.request, self._memory)
            self._memory.counter.learn(counted, usage)


def _length(session: Session, files: Files) -> int:
    """Return the number of characters that a prompt may show."""
    length = 0
    for turn in session.turns:
        length += len(turn.answer.text)
        for entry in turn.entries:
            length += entry.length
    for entry in session.batch:
        length += entry.length
    return length + sum([len(file.text) for file in files.values()])


def _suspects(session: Session, wanted: Sequence[Attachment], files: Files) -> list[Attachment]:
    """Return the files that may be the reason of a refusal: the new ones, or else all."""
    new = [each for entry in session.batch for each in entry.attachments]
    return [each for each in new if files[each.id].is_media] or list(wanted)


def _leaves_out(session: Session, seen: Plan) -> bool:
    """Return whether the plan leaves out a message that is to be answered now."""
    left_out = session.batch[: len(session.batch) - len(seen.batch)]
    return any(entry.status is Status.ADDRESSED for entry in left_out)


def _plausible(error: PromptTooLargeError, prompt: _Prompt) -> PromptTooLargeError:
    """Return the refusal without implausible numbers.

    The numbers are parsed from the text of the model or any proxy before it. A real token count is
    close to ours, with or without the answer's tokens; a limit that is named alone is not far below
    it. A wrong number, once learned, would shorten the memory of every conversation.
    """
    counted, wanted = prompt.plan.tokens.total, prompt.request.max_tokens
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


def _in_words(error: PromptTooLargeError, prompt: _Prompt) -> PromptTooLargeError:
    """Return the refusal of a request with only new messages, worded for people."""
    told = _told(_plausible(error, prompt), prompt)
    sentence = str(told) if told.is_long else _NOT_LONG
    if error.answer_limit is not None:
        sentence = _ANSWER_TOO_LONG
    worded = PromptTooLargeError(sentence, size=error.size, limit=error.limit)
    worded.said = error.said
    return worded


def _told(error: PromptTooLargeError, prompt: _Prompt) -> MessageTooLargeError:
    """Return what a refusal says about the new messages.

    It has the model's own numbers, if it names them, so that they are consistent.
    """
    size, fixed, room = prompt.plan.tokens.new, prompt.plan.tokens.fixed, None
    if error.size is not None and error.limit is not None:
        scale = error.size / prompt.plan.tokens.total
        size, fixed = round(size * scale), round(fixed * scale)
        room = error.limit - min(prompt.request.max_tokens, error.limit // 2) - fixed
    fits = room is not None and room >= size  # then the numbers mean something else
    return MessageTooLargeError(size=size, room=None if fits else room, fixed=fixed)


def _log_room(error: MessageTooLargeError | PromptTooLargeError) -> None:
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


def _tokens(request: ModelRequest, memory: Memory) -> int:
    """Return our token count of a prompt, for comparison with the billed one."""
    blocks = (*request.system, *(b for message in request.messages for b in message.blocks))
    return sum(memory.counter.count(block.text) for block in blocks)
