"""Taking a message in: all that a platform calls before it acknowledges an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.delivery.port import asker_of
from core.domain.admission import STATES, Admission, AdmissionPolicy, FollowUp, admissions
from core.domain.limits import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.domain.message import Kind, Message, ThreadKey
    from core.store.port import Store
    from core.store.values import Accepted
    from core.worker.worker import Worker

_CROWDED = (
    "I did not take this in: {most} of your messages are waiting for an answer already. Please "
    "send it again, with whatever else you write until then, when I have answered some of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """On which terms messages are taken in."""

    ttl: Mapping[Kind, float]
    """Seconds of silence after which a session ends."""
    reach: Mapping[Kind, int]
    """Places that the kind's memory strategy needs to see; see `AdmissionPolicy.reach`."""
    follow_up: FollowUp = FollowUp.ALONE
    overhear: bool = True
    waiting_limit: int = 50
    waiting_per_person: int = 500
    """Messages of one person that may wait in this process, over all threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a message."""

    verdict: Admission | None
    """None when it was refused before the store saw it."""
    notice: str = ""
    """A sentence for its author, where it was refused and they have to hear of it at once."""
    muted: bool = False
    """It is new, and the bot was told to be quiet in its thread."""


class Intake:
    """The way in, shared by all platforms."""

    def __init__(self, store: Store, worker: Worker, policy: IntakePolicy) -> None:
        """Take messages into `store`, to be answered by `worker` or another replica's."""
        self._store = store
        self._worker = worker
        self._policy = policy

    async def take(self, message: Message) -> Received:
        """Store a message, once, and see that it gets answered.

        The platform acknowledges the event when this returns, and not when it raises
        `StoreError`: the platform then sends the event again.
        """
        notice = refusal(message)
        if notice:
            return Received(verdict=None, notice=notice)
        full = self._worker.waiting(asker_of(message)) >= self._policy.waiting_per_person
        terms = self._terms(message, full=full)
        accepted = await self._worker.accept(message, terms)
        return self._crowded(message, accepted) if full else _received(accepted)

    async def collect(self, messages: Sequence[Message]) -> list[Received]:
        """Store messages of one thread, oldest first, so that one turn answers as many as it may.

        As `take`, but the turn begins when all of them are stored.
        """
        notices = [refusal(message) for message in messages]
        refused = [Received(verdict=None, notice=notice) for notice in notices]
        offers = [
            (message, self._terms(message))
            for message, notice in zip(messages, notices, strict=True)
            if not notice
        ]
        stored = iter(await self._worker.accept_all(offers) if offers else ())
        return [each if each.notice else _received(next(stored)) for each in refused]

    async def overhear(self, message: Message) -> bool:
        """Store what was said before the bot was asked in, as context; tell if it was new.

        What was forgotten stays out: the store knows until when.
        """
        if refusal(message):
            return False
        terms = replace(self._terms(message), admissions=(Admission.OVERHEARD,) * len(STATES))
        accepted = await self._store.accept(message, terms)
        return accepted.new and accepted.verdict is Admission.OVERHEARD

    async def is_new(self, message: Message, step: str = "") -> bool:
        """Tell whether a message, or that step of it, was never offered before; stores nothing."""
        terms = replace(self._terms(message), admissions=(Admission.IGNORED,) * len(STATES))
        accepted = await self._store.accept(_at_step(message, step), terms)
        return accepted.verdict is Admission.IGNORED

    async def mark(self, message: Message, step: str = "") -> bool:
        """Remember that a message was heard that is not kept; tell whoever was first to.

        With a step, only that is remembered: for all else the message stays new.
        """
        terms = replace(self._terms(message), admissions=(Admission.GONE,) * len(STATES))
        return (await self._store.accept(_at_step(message, step), terms)).new

    async def edit(self, message: Message, *, files: bool = True) -> bool:
        """Take in that a stored message's text or files were changed; tell whether it was known.

        `files` tells whether the message has all of its files; else those that were stored stay.
        One that was not known is for the platform to offer, as if it had been said so: its edit
        may be told before it.
        """
        key, text = message.thread, message.text
        return await self._store.amend(
            key,
            message.id,
            message.identities,
            stamp=message.stamp,
            text=text,
            attachments=message.attachments if files else None,
        )

    async def delete(
        self, thread: ThreadKey, message: str, identities: tuple[str, ...], *, stamp: float
    ) -> None:
        """Take in that a message was deleted."""
        await self._store.amend(thread, message, identities, stamp=stamp, text=None)

    def _crowded(self, message: Message, accepted: Accepted) -> Received:
        """Return what became of a message of a person who has too many that wait."""
        received = _received(accepted)
        refused = accepted.new and accepted.verdict is Admission.FULL
        if not refused or not self._worker.backlog.refuse(asker_of(message)):
            return received
        return replace(received, notice=_CROWDED.format(most=self._policy.waiting_per_person))

    def _terms(self, message: Message, *, full: bool = False) -> AdmissionPolicy:
        policy = self._policy
        return AdmissionPolicy(
            admissions=admissions(message, policy.follow_up, overhear=policy.overhear),
            ttl=policy.ttl[message.kind],
            reach=policy.reach[message.kind],
            waiting_limit=0 if full else policy.waiting_limit,
        )


def _at_step(message: Message, step: str) -> Message:
    if not step:
        return message
    names = tuple(f"{identity}\n{step}" for identity in message.identities)
    return replace(message, identities=names)


def _received(accepted: Accepted) -> Received:
    # What a platform tells a second time is older than a `quiet` that was said in between.
    return Received(verdict=accepted.verdict, muted=accepted.muted and accepted.new)
