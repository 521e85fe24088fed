"""One turn, top to bottom: load, remember, prompt, stream, commit, deliver."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from core import reply
from core.answering import Answering
from core.aside import aside
from core.attachments import Attachments
from core.errors import (
    MessageTooLargeError,
    ModelError,
    PlatformError,
    PostRefusedError,
    PromptRefusedError,
)
from core.files import rules_for
from core.loading import load
from core.models.port import Stop
from core.models.retry import RetryPolicy
from core.session import Answer, AnswerKind, Session, next_batch
from core.store.values import Draft, Outcome, TurnState
from core.visible import is_blank

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.clock import Clock
    from core.delivery import Delivery
    from core.lease import Hold
    from core.memory import Strategy
    from core.memory.choice import Memory
    from core.models.port import Model
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

ALONE_FROM = 3
"""From this try on a turn takes its oldest message alone: one of them may be what fails."""
TRIES = 5
"""Failed tries after which a turn is given up, with a notice."""

DELIVERY_TRIES = 2 * TRIES
"""Tries after which a recorded answer is given up too; the last to be recorded is the notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the bot answers."""

    model: str
    system: str
    """The system prompt."""
    answer_tokens: int
    """The most tokens that an answer may have."""
    timezone: tzinfo = UTC
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Conversation:
    """Answers turns. Holds no state of any thread: all of it comes from the store."""

    def __init__(
        self, store: Store, model: Model, memory: Memory, clock: Clock, manner: Manner
    ) -> None:
        """Answer with this model, from this memory."""
        self._store = store
        self._memory = memory
        self._clock = clock
        self.files = Attachments(store, clock, rules_for(manner.model, memory.budget))
        """What is kept of files for the next turns."""
        self._answering = Answering(model, memory, clock, manner, self.files)

    async def take_turn(self, hold: Hold, delivery: Delivery) -> Outcome:
        """Run the turn that is held, from wherever it is; return how to settle it.

        Raises `TurnChangedError` when the thread moved and the turn has to be looked at anew,
        `LeaseLostError` when it is somebody else's, and `PlatformError` when it can't be
        delivered now.
        """
        if was_begun(hold.work):
            await delivery.take_over()
            await delivery.platform.working(delivery.where, working=False)  # as it may have said
        if hold.work.state is TurnState.VOID:
            await delivery.clear()
            return Outcome.CLEARED
        if hold.work.state is TurnState.OPEN:
            strategy = self._memory.strategy(hold.work.kind, hold.work.settings.strategy)
            session = await self._load(hold.work, strategy)
            if session is None:  # all that waited was deleted
                await delivery.clear()
                return Outcome.DONE
            draft = await self._compose(session, strategy, hold.work, delivery)
            await hold.commit(draft)
            answer = answer_of(hold.work, draft, at=self._clock.now())
        else:
            answer = recorded_answer(hold.work)
        return await _delivered(delivery, answer, hold.work.tries)

    async def _load(self, work: Work, strategy: Strategy) -> Session | None:
        """Return the session as this turn sees it; None when nothing waits to be answered."""
        loaded = await load(self._store, work, strategy, tokens=self._memory.budget)
        batch = next_batch(loaded.waiting, alone=work.tries >= ALONE_FROM)
        if not batch:
            return None
        return Session(
            thread=work.lease.thread,
            kind=work.kind,
            summary=loaded.summary,
            turns=loaded.turns,
            batch=batch,
            line=work.line,
            since=loaded.since,
            files_from=loaded.files_from,
            seen_from=work.seen_from,
            people=work.people,
            rev=work.rev,
        )

    async def _compose(
        self, session: Session, strategy: Strategy, work: Work, delivery: Delivery
    ) -> Draft:
        """Return what to commit: the model's answer, or a notice of why there is none."""
        cut = delivery.platform.cut
        if work.tries > TRIES:
            return _notice(work, session, cut, reply.GIVEN_UP, AnswerKind.BURIED)
        try:
            replied = await self._answering.answer(session, strategy, delivery)
        except (MessageTooLargeError, PromptRefusedError) as error:
            oldest = next_batch(session.batch, alone=True)
            if len(oldest) < len(session.batch):  # another of them may be what is refused
                one = replace(session, batch=oldest)
                return await self._compose(one, strategy, work, delivery)
            return _notice(work, session, cut, str(error))
        except ModelError as error:
            text = reply.interrupted(error.partial, str(error))
            return await aside(len(text), lambda: _notice(work, session, cut, text))
        answered, seen = replied.answered, replied.plan
        if seen.seen_from == session.start:  # all of it is there
            delivery.size = seen.tokens.window + seen.tokens.new
        if is_blank(answered.text):
            return _notice(work, session, cut, reply.wordless(answered.stop))
        text = answered.text.strip()
        return Draft(
            last=session.last,
            text=text,
            kind=AnswerKind.ANSWER,
            cuts=await aside(len(text), lambda: cut(text)),
            usage=answered.usage,
            trimmed=seen.trimmed,
            explain_trim=seen.trimmed and not work.explained,
            notes=(
                *reply.notes(work, seen, answered.stop),
                *reply.file_notes(seen, replied.files),
            ),
            seen_from=seen.seen_from,
            refused=work.refused,
        )


async def _delivered(delivery: Delivery, answer: Answer, tries: int) -> Outcome:
    """Deliver a recorded answer; give it up where it can't be, or where that was tried enough."""
    try:
        await delivery.deliver(answer)
    except PostRefusedError as refused:
        log.warning("an answer can't be delivered, see `chatbot buried`: %s", refused)
        return Outcome.UNDELIVERED
    except PlatformError:
        if tries < DELIVERY_TRIES:
            raise
        return Outcome.UNDELIVERED
    return Outcome.DONE


def was_begun(work: Work) -> bool:
    """Tell whether an earlier lease may have posted something for this turn."""
    others = work.committed_by not in {"", work.lease.token}
    return work.tries > 1 or others


def answer_of(work: Work, draft: Draft, *, at: float) -> Answer:
    """Return the answer as it was recorded when this draft was committed."""
    return Answer(
        place=draft.last,
        turn=work.lease.turn,
        token=work.lease.token,
        kind=draft.kind,
        text=draft.text,
        at=at,
        usage=draft.usage,
        trimmed=draft.trimmed,
        explain_trim=draft.explain_trim,
        notes=draft.notes,
    )


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
) -> Draft:
    return Draft(
        last=session.last,
        text=text,
        kind=kind,
        cuts=cut(text),
        notes=reply.notes(work, None, Stop.END),
        seen_from=work.seen_from,  # the model has seen nothing new
        refused=work.refused,
    )
