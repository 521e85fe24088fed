"""Generates the answer of a turn: plans the prompt, loads its files, and asks the model.

Token counts are estimates. Near the limit the model counts the request itself, and if it refuses
one as too large, that is planned again with fewer earlier messages; see `core.turn.refusals`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.delivery.preview import Preview
from core.domain.errors import (
    MessageTooLargeError,
    PromptRefusedError,
    PromptTooLargeError,
    StoppedByUserError,
)
from core.domain.session import without_answers_about, without_declined
from core.domain.tasks import off_loop_if_long
from core.memory.fading import faded
from core.memory.learned import CacheWatch
from core.memory.plan import attachments_in_view, shows_all
from core.models.port import StopReason
from core.prompt.files import File, without_media
from core.turn.planning import COUNTED_FROM, UNSURE, Least, PromptPlanner
from core.turn.refusals import SHARES, Refusals, in_words, log_room, numbers_in
from core.turn.search import ConversationSearch, Spent, ToolLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.delivery import Delivery
    from core.domain.clock import Clock
    from core.domain.linked import Linked
    from core.domain.message import Attachment
    from core.domain.session import Passage, Session
    from core.memory.memory import Memory
    from core.memory.recall.recall import Recall
    from core.memory.strategies.strategy import Strategy
    from core.models.port import Model
    from core.models.retry import Answered
    from core.prompt.files import Files
    from core.prompt.prompt import Plan
    from core.store.port import Store
    from core.turn.attachments import Attachments
    from core.turn.planning import Prompt
    from core.turn.turn import TurnConfig

REPLANS = 4
"""How often a refused request is planned again: in the end with nothing but the new messages, and
then without what was overheard before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """The model's answer, and what it was asked with."""

    answered: Answered
    plan: Plan
    files: Files
    spent: Spent
    """What all calls of the model cost."""
    search: ConversationSearch
    """What the model searched for."""
    linked: tuple[Linked, ...] = ()
    """The links to other conversations, followed or not."""

    @property
    def shown_again(self) -> tuple[Passage, ...]:
        """Return all earlier messages that were shown again or found by a search."""
        return (*self.plan.recalled, *self.search.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """What one turn asks about, however often."""

    files: Files
    session: Session
    strategy: Strategy
    preview: Preview
    search: ConversationSearch
    spent: Spent


class AnswerGenerator:
    """Asks the model. It holds no state of any thread."""

    def __init__(
        self,
        model: Model,
        memory: Memory,
        clock: Clock,
        config: TurnConfig,
        files: Attachments,
        recall: Recall,
        *,
        store: Store,
    ) -> None:
        """Answer with this model, memory, and files; the model may search by `recall`.

        From `store` come the conversations to which people link.
        """
        self._model = model
        self._store = store
        self._memory = memory
        self._clock = clock
        self._files = files
        self._watch = CacheWatch()
        self._recall = recall
        self._loop = ToolLoop(model, clock, config.retry)
        self._planner = PromptPlanner(memory, clock, config, has_tools=model.has_tools)
        self._refusals = Refusals(memory, clock, config.answer_tokens)

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
            log_room(error)
            raise
        finally:
            await platform.working(delivery.target, working=False)

    async def _answer(self, session: Session, strategy: Strategy, delivery: Delivery) -> Replied:
        platform = delivery.platform
        wanted = attachments_in_view(session, strategy)
        naming = platform.place_of(session.thread)
        if wanted or session.thread in self._files.held:
            loading = self._files.load(platform, session.thread, wanted, session.revision)
            files, place = await asyncio.gather(loading, naming)
        else:  # nearly always
            files, place = dict[str, File](), await naming
        session = replace(session, place=place, formatting=platform.capabilities.formatting)
        if any("://" in entry.text for entry in session.batch):
            from core.turn.linked import linked  # noqa: PLC0415 - few messages have links

            found = await linked(session, platform, self._store, self._memory)
            session = replace(session, linked=found) if found else session
        if files and not strategy.keeps_files:
            files = faded(files, strategy.window(session.turns))
        if gone := {key for key, file in files.items() if file.gone}:
            session = replace(session, turns=without_answers_about(session.turns, gone))
        if files or not shows_all(session, strategy):
            session = await self._recall.recall(session, strategy, files)
        async with Preview(delivery, platform.capabilities, self._clock) as preview:
            asking = _Asking(
                files=files,
                session=session,
                strategy=strategy,
                preview=preview,
                search=ConversationSearch(self._recall, session, self._memory.counter.count, files),
                spent=Spent(),
            )
            try:
                return await self._ask_undeclined(asking)
            except PromptRefusedError:
                if not any(file.is_media for file in files.values()):
                    raise
            # One of the files may be the reason, and would be with each later message.
            replied = await self._ask_with(replace(asking, files=without_media(files)))
        self._files.reject(session.thread, _suspects(session, wanted, files))
        return replied

    async def _ask_undeclined(self, asking: _Asking) -> Replied:
        """Ask the model; if it declines, ask again without what it has declined before.

        A message that was declined makes the model decline the later ones too, while it sees it
        (Anthropic's documentation, "Streaming refusals").
        """
        first = await self._ask_with(asking)
        session = asking.session
        if first.answered.stop is not StopReason.REFUSAL:
            return first
        turns = without_declined(session.turns)
        if turns == session.turns:
            return first
        asking.preview.show("")
        return await self._ask_with(replace(asking, session=replace(session, turns=turns)))

    async def _ask_with(self, asking: _Asking) -> Replied:
        """Ask the model; plan again with fewer earlier messages if it refuses so many."""
        since = self._clock.monotonic()
        least, counter = Least.ADDRESSED, None
        refused: Prompt | None = None
        prompt = await self._counted(asking)
        for replans in range(REPLANS + 1):
            try:
                answered = await self._ask_again_if_refused(prompt, asking, since)
            except PromptTooLargeError as refusal:
                share = SHARES[min(replans, len(SHARES) - 1)]
                counter = self._refusals.learn(refusal, prompt, share)
                if replans == REPLANS or not self._refusals.is_worth_it(refusal, prompt):
                    told = numbers_in(refusal, prompt)
                    raise in_words(refusal, told) from told
                least = _next_least(prompt, replans)
            except PromptRefusedError:
                # Perhaps it is too large, in unknown words, or an earlier message is the reason.
                is_last = refused is not None or not prompt.plan.has_past
                if is_last or prompt.request.has_media:
                    raise
                refused, least = prompt, Least.NEW
            else:
                if refused is not None:
                    self._refusals.keep_within(refused, refused.units_without(1 - SHARES[0]))
                return Replied(
                    answered=answered,
                    plan=prompt.plan,
                    files=asking.files,
                    spent=asking.spent,
                    search=asking.search,
                    linked=asking.session.linked,
                )
            prompt = await self._planned(asking, least=least, counter=counter)
        raise AssertionError("the last request is either answered or refused")

    # --- planning -------------------------------------------------------------------------------

    async def _counted(self, asking: _Asking) -> Prompt:
        """Plan a request; if it comes near the limit, by the model's own count.

        If the model does not count it, more room stays unused.

        Raises:
            MessageTooLargeError: The new messages don't fit.
        """
        try:
            prompt = await self._planned(asking)
        except MessageTooLargeError:
            alone = await self._planned(asking, least=Least.BEYOND)
            size = await self._size_of(alone, asking.preview)
            if size is None or size > alone.room:
                raise
            return alone
        if prompt.tokens <= COUNTED_FROM * prompt.room:
            return prompt
        size = await self._size_of(prompt, asking.preview)
        if size is None:
            return await self._planned(asking, spare=UNSURE)
        counter = prompt.counted(size)
        if size <= prompt.room and not prompt.plan.left_out:
            return replace(prompt, counter=counter)
        return await self._planned(asking, counter=counter)

    async def _planned(self, asking: _Asking, **how: Any) -> Prompt:
        """Plan a request beside the event loop if it is long; see `PromptPlanner.plan`."""
        files, session = asking.files, asking.session
        planning = partial(self._planner.plan, files, session, asking.strategy, **how)
        return await off_loop_if_long(_length(session, files), planning)

    async def _size_of(self, prompt: Prompt, preview: Preview) -> int | None:
        """Return the model's own count of a request; None if it does not tell."""
        try:
            return await preview.unless_stopped(self._model.count(prompt.request))
        except StoppedByUserError:  # and the request that follows is stopped as well
            return None

    # --- asking ---------------------------------------------------------------------------------

    async def _ask_again_if_refused(
        self, prompt: Prompt, asking: _Asking, since: float
    ) -> Answered:
        """Ask the model; if it refuses the request in unknown words, ask the same once more.

        A gateway may refuse a request for a moment. Then neither the files of the conversation nor
        what is known of its length may change.
        """
        try:
            return await self._ask(prompt, asking, since)
        except PromptRefusedError as error:
            taught = prompt.plan.has_past or prompt.request.has_media
            if isinstance(error, PromptTooLargeError) or not taught:
                raise
        return await self._ask(prompt, asking, since)

    async def _ask(self, prompt: Prompt, asking: _Asking, since: float) -> Answered:
        """Ask the model, and show the answer while it arrives."""
        now = self._clock.monotonic()
        answered = await self._loop.answer(
            prompt, asking.search, asking.preview, asking.spent, since=since
        )
        if not asking.search.lines:  # one call, so that its bill is the prompt's
            self._watch.note(prompt.request, answered.usage, prompt.beginning, now)
        return answered


def _next_least(prompt: Prompt, replans: int) -> Least:
    """Return what the next request shows at least, after this one was refused as too large."""
    if replans == REPLANS - 1 or not prompt.plan.has_past:
        return Least.ONLY_ADDRESSED
    return Least.NEW if replans == REPLANS - 2 else Least.ADDRESSED


def _length(session: Session, files: Files) -> int:
    """Return the number of characters that a prompt may show."""
    length = sum([turn.length for turn in session.turns])
    length += sum([entry.length for entry in session.batch])
    return length + sum([len(file.text) for file in files.values()])


def _suspects(session: Session, wanted: Sequence[Attachment], files: Files) -> list[Attachment]:
    """Return the files that may be the reason of a refusal: the new ones, or else all."""
    new = [each for entry in session.batch for each in entry.attachments]
    return [each for each in new if files[each.id].is_media] or list(wanted)
