"""Takes messages in: everything that a platform calls before it acknowledges an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from core.delivery.port import asker_of
from core.domain.admission import STATES, Admission, AdmissionPolicy, FollowUp, admissions
from core.domain.limits import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.domain.message import Address, Kind, Message, ThreadKey
    from core.store.port import Store
    from core.store.values import Accepted
    from core.worker.worker import Worker

_CROWDED = (
    "I could not take this message: {most} of your messages are already waiting for an answer. "
    "Until I have answered some, I can't take others either; please send them again then."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePolicy:
    """How messages are taken in."""

    ttl: Mapping[Kind, float]
    """Seconds of silence after which a session ends."""
    reach: Mapping[Kind, int]
    """How many places the kind's memory strategy needs to see; see `AdmissionPolicy.reach`."""
    follow_up: FollowUp = FollowUp.ALONE
    overhear: bool = True
    waiting_limit: int = 50
    waiting_per_person: int = 500
    """How many messages of one person may wait in this process, in all threads together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a message."""

    verdict: Admission | None
    """None if it was refused before the store saw it."""
    notice: str = ""
    """A sentence for its author, if it was refused and they have to be told at once."""
    muted: bool = False
    """Whether it is new, and the bot was told to be quiet in its thread."""


class Intake:
    """Takes in the messages of all platforms."""

    def __init__(self, store: Store, worker: Worker, policy: IntakePolicy) -> None:
        """Store messages by way of `worker`, which answers them, or another replica's does."""
        self._store = store
        self._worker = worker
        self._policy = policy
        self._terms = cache(self._admission_policy)
        """Admission policies by kind and address; there are few, and each message needs one."""

    async def take(self, message: Message) -> Received:
        """Store a message once, to be answered.

        The platform acknowledges the event when this returns. If this raises `StoreError`, it must
        not, so that the event is sent again.
        """
        notice = refusal(message)
        if notice:
            return Received(verdict=None, notice=notice)
        full = self._worker.waiting(asker_of(message)) >= self._policy.waiting_per_person
        terms = self._terms(message.kind, message.address, full=full)
        accepted = await self._worker.accept(message, terms)
        return self._crowded(message, accepted) if full else _received(accepted)

    async def collect(self, messages: Sequence[Message]) -> list[Received]:
        """Store messages of one thread, oldest first, so that one turn answers all it can.

        As `take`, but the turn starts when all of them are stored.
        """
        notices = [refusal(message) for message in messages]
        refused = [Received(verdict=None, notice=notice) for notice in notices]
        offers = [
            (message, self._terms(message.kind, message.address))
            for message, notice in zip(messages, notices, strict=True)
            if not notice
        ]
        stored = iter(await self._worker.accept_all(offers) if offers else ())
        return [each if each.notice else _received(next(stored)) for each in refused]

    async def overhear(self, message: Message) -> bool:
        """Store a message from before the first mention, as context; return whether it was new.

        A message that people had the bot forget is not stored again.
        """
        if refusal(message):
            return False
        terms = replace(
            self._terms(message.kind, message.address),
            admissions=(Admission.OVERHEARD,) * len(STATES),
        )
        accepted = await self._store.accept(message, terms)
        return accepted.new and accepted.verdict is Admission.OVERHEARD

    async def is_new(self, message: Message, step: str = "") -> bool:
        """Return whether a message, or this step of it, was never offered before; store nothing."""
        terms = replace(
            self._terms(message.kind, message.address),
            admissions=(Admission.IGNORED,) * len(STATES),
        )
        accepted = await self._store.accept(_at_step(message, step), terms)
        return accepted.verdict is Admission.IGNORED

    async def mark(self, message: Message, step: str = "") -> bool:
        """Mark a message as seen without storing it; return whether this call was the first.

        With a step, only that step is marked: otherwise the message stays new.
        """
        terms = replace(
            self._terms(message.kind, message.address), admissions=(Admission.GONE,) * len(STATES)
        )
        return (await self._store.accept(_at_step(message, step), terms)).new

    async def edit(self, message: Message, *, files: bool = True, quotes: bool = True) -> bool:
        """Apply an edit to a stored message; return whether the message was known.

        If it was not, the platform offers the edited message as a new one: the edit event can
        arrive before the message event. Unless the message comes with all of its `files` or
        `quotes`, the stored ones stay.
        """
        return await self._store.amend(
            message.thread,
            message.id,
            message.identities,
            edited_at=message.edited_at,
            text=message.text,
            attachments=message.attachments if files else None,
            quotes=message.quotes if quotes else None,
        )

    async def delete(
        self, thread: ThreadKey, message: str, identities: tuple[str, ...], *, stamp: float
    ) -> None:
        """Delete a stored message."""
        await self._store.amend(thread, message, identities, edited_at=stamp, text=None)

    def _crowded(self, message: Message, accepted: Accepted) -> Received:
        """Return what became of a message whose author has too many waiting."""
        received = _received(accepted)
        refused = accepted.new and accepted.verdict is Admission.FULL
        if not refused or not self._worker.backlog.refuse(asker_of(message)):
            return received
        return replace(received, notice=_CROWDED.format(most=self._policy.waiting_per_person))

    def _admission_policy(
        self, kind: Kind, address: Address, *, full: bool = False
    ) -> AdmissionPolicy:
        policy = self._policy
        return AdmissionPolicy(
            admissions=admissions(address, policy.follow_up, overhear=policy.overhear),
            ttl=policy.ttl[kind],
            reach=policy.reach[kind],
            waiting_limit=0 if full else policy.waiting_limit,
        )


def _at_step(message: Message, step: str) -> Message:
    if not step:
        return message
    names = tuple(f"{identity}\n{step}" for identity in message.identities)
    return replace(message, identities=names)


def _received(accepted: Accepted) -> Received:
    # A repeated message is older than a `quiet` that was said in between.
    return Received(verdict=accepted.verdict, muted=accepted.muted and accepted.new)
