"""One turn, top to bottom: load, remember, prompt, stream, commit, deliver."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache

from core.delivery.port import Form
from core.domain.errors import (
    ContentRefusedError,
    MessageTooLargeError,
    ModelBusyError,
    ModelError,
    ModelRefusedError,
    PostRefusedError,
    PromptRefusedError,
    WaitError,
)
from core.domain.gate import Gate
from core.domain.session import Answer, AnswerKind, next_batch
from core.domain.settings import OFF, ON
from core.domain.tasks import off_loop_if_long
from core.domain.text import is_blank
from core.memory.recall.recall import TOKENS, Recall
from core.models.catalog import spec_of
from core.models.port import StopReason
from core.models.retry import RetryPolicy
from core.prompt.files import rules_for
from core.prompt.instructions import with_instructions
from core.store.values import Outcome, PendingAnswer, TurnState
from core.turn import notices
from core.turn.attachments import Attachments, PlatformFiles
from core.turn.generate import AnswerGenerator
from core.turn.sources import sources, used_by

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from core.delivery.delivery import Delivery
    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.session import Passage, Session
    from core.domain.settings import Effective
    from core.memory.memory import Memory
    from core.memory.strategies.strategy import Strategy
    from core.models.port import Model
    from core.store.lease import LeaseHandle
    from core.store.port import Store
    from core.store.values import Work
    from core.turn.generate import Replied

log = logging.getLogger(__name__)

ALONE_FROM = 3
"""The try, or death, from which a turn takes its oldest message alone, since one message may be the
cause. From then on a recorded answer is posted as plain text."""
_INSIST = 10.0
"""Seconds in which a turn retries the model; after that it waits for the end of the outage."""
_DAY = 24 * 3600.0
_CHOSEN = 256
"""How many settings that differ from the environment are kept with what answers under them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnConfig:
    """How the bot answers."""

    model: str
    system: str
    """The system prompt."""
    answer_tokens: int
    """The most tokens that an answer may have."""
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(deadline=_INSIST))
    recall_tokens: int = TOKENS
    """The most tokens of earlier messages that a turn shows again; 0 turns recall off."""
    tries: int = 5
    """Failed tries after which a turn is given up, with a notice. Waits and outages don't count."""
    deaths: int = 10
    """How many processes may die while they hold a turn, before it is given up."""
    wait_seconds: float = _DAY
    """How long a turn waits for a platform or model that is down; then its recorded answer does."""

    def under(self, held: Effective, *, has_models: bool) -> TurnConfig:
        """Return how the bot answers under these settings.

        Args:
            held: What holds in the conversation, and from where.
            has_models: Another model can answer.
        """
        chosen, most = held.settings, held.settings.answer_tokens or 0
        model = chosen.model if chosen.model and has_models else self.model
        limit = spec_of(model).output_limit if has_models else most
        tokens = {ON: self.recall_tokens or TOKENS, OFF: 0}
        scope = held.sources.get("instructions", "")
        return replace(
            self,
            model=model,
            system=with_instructions(self.system, chosen.instructions, scope, most),
            answer_tokens=min(most or self.answer_tokens, limit or self.answer_tokens),
            recall_tokens=tokens.get(chosen.recall, self.recall_tokens),
        )


class _Answering(NamedTuple):
    """How turns are answered under the same settings."""

    memory: Memory
    generator: AnswerGenerator


class TurnPipeline:
    """Answers turns. It holds no state of any thread: all state comes from the store."""

    def __init__(
        self,
        store: Store,
        model: Model,
        memory: Memory,
        clock: Clock,
        config: TurnConfig,
        recall: Recall | None = None,
    ) -> None:
        """Answer with this model, from this memory, as the configuration says."""
        self._store = store
        self._memory = memory
        self._clock = clock
        self._config = config
        self.files = Attachments(store, clock, rules_for(config.model, memory.budget))
        """The cached files of threads."""
        self.recall = recall or Recall(store, memory, clock, tokens=config.recall_tokens)
        """Finds earlier messages."""
        parts = (model, memory, clock, config, self.files, self.recall)
        self._model = model
        self._usual = _Answering(memory, AnswerGenerator(*parts, store=store))
        self._chosen: LRUCache[Hashable, _Answering] = LRUCache(_CHOSEN)
        self._gate = Gate(model.name, clock)

    def read_files_on(self, platforms: Mapping[str, Platform]) -> None:
        """Let recall read the files of these platforms, by their names."""
        self.recall.read_files_by(PlatformFiles(self.files, platforms))

    async def take_turn(self, lease: LeaseHandle, delivery: Delivery) -> Outcome:
        """Run the turn from its current state; return how to settle it.

        Raises:
            WaitError: The turn has to wait.
            TurnChangedError: The thread has changed, so the turn has to be reloaded.
            LeaseLostError: Another process holds the turn.
            Exception: Anything else makes this a failed try.
        """
        try:
            return await self._take_turn(lease, delivery)
        except WaitError as wait:
            if not self._has_waited(lease.work, wait, delivery.platform):
                raise
            log.warning("a turn has waited for too long: %s", wait)
            partial = wait.partial if isinstance(wait, ModelBusyError) else ""
            why = notices.interrupted(partial, notices.waited(str(wait)))
            return await self._give_up(lease, delivery, why)

    async def _take_turn(self, lease: LeaseHandle, delivery: Delivery) -> Outcome:
        if _was_started(lease.work):
            await self._take_over(delivery)
        if lease.work.state is TurnState.VOID:
            await delivery.clear()
            return Outcome.CLEARED
        if why := self._why_give_up(lease.work):
            return await self._give_up(lease, delivery, why)
        if lease.work.state is TurnState.COMMITTED:
            return await self._deliver(lease, delivery, _recorded_answer(lease.work))
        if lease.work.layers is None:
            layers = await self._store.layers(lease.work.lease.thread)
            lease.work = lease.work.under(layers)
        strategy = self._strategy(lease.work)
        session = await self._load(lease.work, strategy)
        if session is None:  # all that waited was deleted
            await delivery.clear()
            return Outcome.DONE
        if delivery.took_away and not lease.preview:
            await delivery.show(notices.AGAIN)
        pending = await self._compose(session, strategy, lease.work, delivery)
        return await self._record(lease, delivery, pending)

    @staticmethod
    async def _take_over(delivery: Delivery) -> None:
        """Take away what an earlier lease left of an answer.

        People see at once that another worker is on it, however long reading back takes.
        """
        platform, target = delivery.platform, delivery.target
        await platform.working(target, working=True, again=True)
        try:
            await delivery.take_over()
        finally:
            await platform.working(target, working=False)  # until the model is asked

    def _has_waited(self, work: Work, wait: WaitError, platform: Platform) -> bool:
        """Return whether a turn may wait no longer, or not as long as was announced."""
        until = self._clock.now() + (wait.seconds or 0.0)
        most = min(self._config.wait_seconds, platform.capabilities.wait_seconds)
        return work.opened_at > 0 and until - work.opened_at > most

    def _why_give_up(self, work: Work) -> str:
        """Return the notice for a turn that was tried too often; empty for any other."""
        if work.tries > self._config.tries:
            return notices.GIVEN_UP
        return notices.DIED if work.deaths >= self._config.deaths else ""

    async def _give_up(self, lease: LeaseHandle, delivery: Delivery, why: str) -> Outcome:
        """Record a notice as the answer; give an answer up that is recorded, and say so."""
        work = lease.work
        log.warning(
            "a turn is given up, see `chatbot buried`: try %d, %d deaths", work.tries, work.deaths
        )
        if work.state is TurnState.COMMITTED:
            await delivery.abandon(notices.UNDELIVERED)
            return Outcome.UNDELIVERED
        session = await self._load(work, self._strategy(work))
        if session is None:
            await delivery.clear()
            return Outcome.DONE
        pending = _notice(work, session, delivery.platform.cut, why, AnswerKind.BURIED)
        return await self._record(lease, delivery, pending)

    async def _record(
        self, lease: LeaseHandle, delivery: Delivery, pending: PendingAnswer
    ) -> Outcome:
        return await self._deliver(lease, delivery, await lease.commit(pending))

    async def _deliver(self, lease: LeaseHandle, delivery: Delivery, answer: Answer) -> Outcome:
        """Deliver a recorded answer; if it can never be posted there, say so."""
        form = Form.PLAIN if lease.work.tries >= ALONE_FROM else Form.CUT
        try:
            await delivery.deliver(answer, form)
        except (PostRefusedError, ContentRefusedError) as refused:
            log.warning("an answer can't be delivered, see `chatbot buried`: %s", refused)
            await delivery.abandon(notices.UNDELIVERED)
            return Outcome.UNDELIVERED
        return Outcome.DONE

    def _strategy(self, work: Work) -> Strategy:
        memory = self._answering(work).memory
        return memory.strategy(work.kind, work.effective.settings.strategy)

    def _answering(self, work: Work) -> _Answering:
        """Return how a turn is answered under the settings of its thread."""
        held = work.effective
        if not held.sources:  # nearly always
            return self._usual
        chosen = replace(held.settings, muted=False, strategy="", follow_up="", overhear="")
        key = (chosen, held.sources.get("instructions"))
        found = self._chosen.get(key)
        if found is None:
            memory = self._memory.under(chosen)
            config = self._config.under(held, has_models=memory.by_model is not None)
            recall = self.recall
            if config.recall_tokens != self._config.recall_tokens:
                recall = self.recall.with_tokens(config.recall_tokens)
            parts = (self._model, memory, self._clock, config, self.files, recall)
            generator = AnswerGenerator(*parts, store=self._store)
            found = self._chosen[key] = _Answering(memory, generator)
        return found

    async def _load(self, work: Work, strategy: Strategy) -> Session | None:
        """Return the session as this turn sees it; None if no message waits for an answer."""
        session = await self._answering(work).memory.load(self._store, work, strategy)
        alone = max(work.tries, work.deaths) >= ALONE_FROM
        batch = next_batch(session.batch, alone=alone)
        if not batch:
            return None
        return session if batch is session.batch else replace(session, batch=batch)

    async def _compose(
        self, session: Session, strategy: Strategy, work: Work, delivery: Delivery
    ) -> PendingAnswer:
        """Return what to commit: the model's answer, or a notice that says why there is none."""
        cut = delivery.platform.cut
        try:
            replied = await self._ask(work, session, strategy, delivery)
        except ModelBusyError:
            raise
        except (MessageTooLargeError, PromptRefusedError) as error:
            oldest = next_batch(session.batch, alone=True)
            if len(oldest) < len(session.batch):  # another message may be the refused one
                one = replace(session, batch=oldest)
                return await self._compose(one, strategy, work, delivery)
            return _notice(work, session, cut, str(error))
        except ModelError as error:
            text = notices.interrupted(error.partial, str(error))
            return await off_loop_if_long(len(text), lambda: _notice(work, session, cut, text))
        answered, seen = replied.answered, replied.plan
        if seen.seen_from == session.start:  # all of it is there
            delivery.size = seen.tokens.window + seen.tokens.new
        if is_blank(answered.text):
            return _notice(work, session, cut, notices.wordless(answered.stop))
        text = answered.text.strip()
        return PendingAnswer(
            last=session.last,
            text=text,
            kind=AnswerKind.ANSWER,
            cuts=await off_loop_if_long(len(text), lambda: cut(text)),
            usage=replied.spent.usage,
            units=round(replied.spent.units, 1),
            trimmed=seen.trimmed,
            explain_trim=seen.trimmed and not work.explained,
            notes=(
                *notices.notes(work, seen, answered.stop),
                *notices.file_notes(seen, replied.files),
                *await _sources(text, session, replied, delivery.platform),
            ),
            seen_from=seen.seen_from,
            refused=work.refused,
            recalled=tuple(sorted({each.position for each in replied.shown_again})),
            searched=tuple(replied.search.lines),
        )

    async def _ask(
        self, work: Work, session: Session, strategy: Strategy, delivery: Delivery
    ) -> Replied:
        """Ask the model; while it is down, only one turn at a time tries."""
        gate = self._gate
        if wait := gate.wait():
            raise _busy(ModelBusyError(notices.MODEL_DOWN, retry_after=wait), gate)
        try:
            replied = await self._answering(work).generator.answer(session, strategy, delivery)
        except ModelBusyError as busy:
            gate.failed(busy.retry_after)
            raise _busy(busy, gate) from busy.__cause__
        except ModelRefusedError:
            gate.worked()
            raise
        gate.worked()
        return replied


async def _sources(
    text: str, session: Session, replied: Replied, platform: Platform
) -> tuple[str, ...]:
    """Return the note with links to the earlier messages that an answer used, if it used any.

    Links to other conversations, which its messages have, are among them if they were read; if not,
    a note says why.
    """
    found, linked = replied.shown_again, replied.linked
    if not (found or linked):  # nearly always
        return ()
    read = replied.plan.linked.read if replied.plan.linked else ()

    def link_to(passage: Passage) -> str:
        return platform.link_to(session.thread, passage.platform_id, passage.position + 1)

    shown = partial(used_by, text, session, replied.plan, replied.files, found)
    passages = await off_loop_if_long(len(text), shown)
    return (*notices.link_notes(linked, read), *sources(passages, session, link_to, read))


def _busy(busy: ModelBusyError, gate: Gate) -> ModelBusyError:
    busy.again = None if gate.is_open else gate.again
    return busy


def _was_started(work: Work) -> bool:
    """Return whether an earlier lease may have posted something for this turn."""
    return work.leases > 1 or work.committed_by not in {"", work.lease.token}


def _recorded_answer(work: Work) -> Answer:
    """Return the recorded answer of a committed turn."""
    return next(
        record
        for record in reversed(work.records)
        if isinstance(record, Answer) and record.turn == work.lease.turn
    )


def _notice(
    work: Work,
    session: Session,
    cut: Callable[[str], tuple[int, ...]],
    text: str,
    kind: AnswerKind = AnswerKind.NOTICE,
) -> PendingAnswer:
    return PendingAnswer(
        last=session.last,
        text=text,
        kind=kind,
        cuts=cut(text),
        notes=notices.notes(work, None, StopReason.END),
        seen_from=work.seen_from,  # the model has seen nothing new
        refused=work.refused,
    )
