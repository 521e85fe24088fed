"""One turn, top to bottom: load, remember, prompt, stream, commit, deliver."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

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
from core.domain.tasks import off_loop_if_long
from core.domain.text import is_blank
from core.models.port import StopReason
from core.models.retry import RetryPolicy
from core.prompt.files import rules_for
from core.store.values import Outcome, PendingAnswer, TurnState
from core.turn import notices
from core.turn.attachments import Attachments
from core.turn.generate import AnswerGenerator

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.delivery.delivery import Delivery
    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.session import Session
    from core.memory.memory import Memory
    from core.memory.strategies.strategy import Strategy
    from core.models.port import Model
    from core.store.lease import LeaseHandle
    from core.store.port import Store
    from core.store.values import Work
    from core.turn.generate import Replied

log = logging.getLogger(__name__)

ALONE_FROM = 3
"""From this try, or this death, on a turn takes its oldest message alone: one of them may be what
fails. A recorded answer is posted as plain text from there on."""
_INSIST = 10.0
"""Seconds for which the model is asked again at once; after that the turn stands back."""
_DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnConfig:
    """How the bot answers."""

    model: str
    system: str
    """The system prompt."""
    answer_tokens: int
    """The most tokens that an answer may have."""
    timezone: tzinfo = UTC
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(deadline=_INSIST))
    tries: int = 5
    """Failed tries after which a turn is given up, with a notice. Waits and outages are none."""
    deaths: int = 10
    """Processes that may die while they hold a turn, before it is given up."""
    wait_seconds: float = _DAY
    """How long a turn waits for a platform or a model that is out, and then a recorded answer."""


class TurnPipeline:
    """Answers turns. Holds no state of any thread: all of it comes from the store."""

    def __init__(
        self, store: Store, model: Model, memory: Memory, clock: Clock, manner: TurnConfig
    ) -> None:
        """Answer with this model, from this memory."""
        self._store = store
        self._memory = memory
        self._clock = clock
        self._manner = manner
        self.files = Attachments(store, clock, rules_for(manner.model, memory.budget))
        """What is kept of files for the next turns."""
        self._answering = AnswerGenerator(model, memory, clock, manner, self.files)
        self._model = Gate(model.name, clock)

    async def take_turn(self, hold: LeaseHandle, delivery: Delivery) -> Outcome:
        """Run the turn that is held, from wherever it is; return how to settle it.

        Raises `WaitError` when it has to wait, `TurnChangedError` when the thread moved and the
        turn has to be looked at again, `LeaseLostError` when another holds it, and what else
        makes this a failed try.
        """
        try:
            return await self._take_turn(hold, delivery)
        except WaitError as wait:
            if not self._has_waited(hold.work, wait, delivery.platform):
                raise
            log.warning("a turn has waited for too long: %s", wait)
            partial = wait.partial if isinstance(wait, ModelBusyError) else ""
            why = notices.interrupted(partial, notices.waited(str(wait)))
            return await self._give_up(hold, delivery, why)

    async def _take_turn(self, hold: LeaseHandle, delivery: Delivery) -> Outcome:
        if was_begun(hold.work):
            await delivery.take_over()
            await delivery.platform.working(delivery.target, working=False)  # as it may have said
        if hold.work.state is TurnState.VOID:
            await delivery.clear()
            return Outcome.CLEARED
        if why := self._why_give_up(hold.work):
            return await self._give_up(hold, delivery, why)
        if hold.work.state is TurnState.COMMITTED:
            return await self._deliver(hold, delivery, recorded_answer(hold.work))
        strategy = self._strategy(hold.work)
        session = await self._load(hold.work, strategy)
        if session is None:  # all that waited was deleted
            await delivery.clear()
            return Outcome.DONE
        draft = await self._compose(session, strategy, hold.work, delivery)
        return await self._record(hold, delivery, draft)

    def _has_waited(self, work: Work, wait: WaitError, platform: Platform) -> bool:
        """Tell whether a turn may wait no longer, or would when what was announced is over."""
        until = self._clock.now() + (wait.seconds or 0.0)
        most = min(self._manner.wait_seconds, platform.capabilities.wait_seconds)
        return work.opened_at > 0 and until - work.opened_at > most

    def _why_give_up(self, work: Work) -> str:
        """Return the notice for a turn that was tried often enough; empty for any other."""
        if work.tries > self._manner.tries:
            return notices.GIVEN_UP
        return notices.DIED if work.deaths >= self._manner.deaths else ""

    async def _give_up(self, hold: LeaseHandle, delivery: Delivery, why: str) -> Outcome:
        """Record a notice as the answer, or give a recorded answer up; people are told of both."""
        work = hold.work
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
        draft = _notice(work, session, delivery.platform.cut, why, AnswerKind.BURIED)
        return await self._record(hold, delivery, draft)

    async def _record(self, hold: LeaseHandle, delivery: Delivery, draft: PendingAnswer) -> Outcome:
        return await self._deliver(hold, delivery, await hold.commit(draft))

    async def _deliver(self, hold: LeaseHandle, delivery: Delivery, answer: Answer) -> Outcome:
        """Deliver a recorded answer; say so where its place, or the platform, never takes it."""
        form = Form.PLAIN if hold.work.tries >= ALONE_FROM else Form.CUT
        try:
            await delivery.deliver(answer, form)
        except (PostRefusedError, ContentRefusedError) as refused:
            log.warning("an answer can't be delivered, see `chatbot buried`: %s", refused)
            await delivery.abandon(notices.UNDELIVERED)
            return Outcome.UNDELIVERED
        return Outcome.DONE

    def _strategy(self, work: Work) -> Strategy:
        return self._memory.strategy(work.kind, work.settings.strategy)

    async def _load(self, work: Work, strategy: Strategy) -> Session | None:
        """Return the session as this turn sees it; None when nothing waits to be answered."""
        session = await self._memory.load(self._store, work, strategy)
        alone = max(work.tries, work.deaths) >= ALONE_FROM
        batch = next_batch(session.batch, alone=alone)
        return replace(session, batch=batch) if batch else None

    async def _compose(
        self, session: Session, strategy: Strategy, work: Work, delivery: Delivery
    ) -> PendingAnswer:
        """Return what to commit: the model's answer, or a notice of why there is none."""
        cut = delivery.platform.cut
        try:
            replied = await self._ask(session, strategy, delivery)
        except ModelBusyError:
            raise
        except (MessageTooLargeError, PromptRefusedError) as error:
            oldest = next_batch(session.batch, alone=True)
            if len(oldest) < len(session.batch):  # another of them may be what is refused
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
            usage=answered.usage,
            trimmed=seen.trimmed,
            explain_trim=seen.trimmed and not work.explained,
            notes=(
                *notices.notes(work, seen, answered.stop),
                *notices.file_notes(seen, replied.files),
            ),
            seen_from=seen.seen_from,
            refused=work.refused,
        )

    async def _ask(self, session: Session, strategy: Strategy, delivery: Delivery) -> Replied:
        """Ask the model, unless it is out: then one turn at a time finds out when it is back."""
        gate = self._model
        if wait := gate.wait():
            raise _busy(ModelBusyError(notices.MODEL_OUT, retry_after=wait), gate)
        try:
            replied = await self._answering.answer(session, strategy, delivery)
        except ModelBusyError as busy:
            gate.failed(busy.retry_after)
            raise _busy(busy, gate) from busy.__cause__
        except ModelRefusedError:
            gate.worked()
            raise
        gate.worked()
        return replied


def _busy(busy: ModelBusyError, gate: Gate) -> ModelBusyError:
    busy.again = None if gate.is_open else gate.again
    return busy


def was_begun(work: Work) -> bool:
    """Tell whether an earlier lease may have posted something for this turn."""
    return work.leases > 1 or work.committed_by not in {"", work.lease.token}


def recorded_answer(work: Work) -> Answer:
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
