"""Takes messages in: everything that a platform calls before it acknowledges an event.

Before the bot's first mention in a thread is stored, a backfill reads what was said there, once, as
context. The platform may be waiting meanwhile, so the backfill reads only what it can read quickly,
and tells the model if something is missing. The store rejects messages that people have asked the
bot to forget.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from core.delivery.port import asker_of
from core.domain.admission import STATES, Admission, AdmissionPolicy, FollowUp, admissions
from core.domain.errors import ChatbotError, PlatformError, broke
from core.domain.limits import refusal
from core.domain.message import FOR_US, Address, Kind, Quote, QuoteKind
from core.domain.session import Entry, Status
from core.domain.settings import ON, effective

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from core.domain.message import Message, ThreadKey
    from core.domain.settings import Layers
    from core.store.port import Store
    from core.store.values import Accepted, Work
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

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
        if message.address not in FOR_US:
            terms = self._chosen(terms, message, await self._store.layers(message.thread))
        accepted = await self._worker.accept(message, terms)
        return self._crowded(message, accepted) if full else _received(accepted)

    async def collect(self, messages: Sequence[Message]) -> list[Received]:
        """Store messages of one thread, oldest first, so that one turn answers all it can.

        As `take`, but the turn starts when all of them are stored.
        """
        notices = [refusal(message) for message in messages]
        refused = [Received(verdict=None, notice=notice) for notice in notices]
        kept = [each for each, notice in zip(messages, notices, strict=True) if not notice]
        offers = [(each, self._terms(each.kind, each.address)) for each in kept]
        if any(each.address not in FOR_US for each in kept):
            layers = await self._store.layers(kept[0].thread)
            offers = [(each, self._chosen(terms, each, layers)) for each, terms in offers]
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

    def _chosen(self, terms: AdmissionPolicy, message: Message, layers: Layers) -> AdmissionPolicy:
        """Return the terms of a message under the settings of its thread, and with these."""
        chosen, policy = effective(layers).settings, self._policy
        if not (chosen.follow_up or chosen.overhear):
            return replace(terms, layers=layers)
        follow_up = FollowUp(chosen.follow_up) if chosen.follow_up else policy.follow_up
        overhear = chosen.overhear == ON if chosen.overhear else policy.overhear
        decided = admissions(message.address, follow_up, overhear=overhear)
        return replace(terms, admissions=decided, layers=layers)

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


# --- what was said before the first mention -------------------------------------------------------

BACKFILL_SECONDS = 1.5
"""The most seconds to read: half of the three that Slack waits for an acknowledgement."""
BACKFILL_MESSAGES = 90
"""The most messages: the first and the newest. A store keeps 100 without an answer, and a few more
may be overheard before there is one."""
SOME = -1
"""Stands for a number of messages that is not known."""
_KEPT = 10_000
"""Threads that are remembered as read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was said in a thread before a message, as far as it was read."""

    messages: Sequence[Message] = ()
    """In any order. Those that are later, or of another thread, are ignored."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """By the id of a message, which may be the one itself: how many right before it are missing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were not read, right before the one that is yielded next."""

    count: int = SOME


async def gathered(
    said: Callable[[Message], AsyncGenerator[Message | Gap, None]], message: Message
) -> Before:
    """Return what a generator yields in the time that there is.

    Raises `PlatformError` if it yields nothing in that time, or if that is what it raises.
    """
    messages: list[Message] = []
    missing: dict[str, int] = {}
    gap: Gap | None = None
    try:
        async with asyncio.timeout(BACKFILL_SECONDS):
            async for each in said(message):
                if isinstance(each, Gap):
                    gap = each
                    continue
                messages.append(each)
                if gap is not None:
                    missing[each.id] = gap.count
                gap = None
    except (PlatformError, TimeoutError) as error:
        if not messages:
            raise PlatformError(f"the thread was not read: {type(error).__name__}") from error
        missing[message.id] = SOME
    return Before(messages=messages, missing=missing)


class ThreadBackfill:
    """Reads a thread when the bot is first mentioned in it."""

    def __init__(
        self,
        said: Callable[[Message], Awaitable[Before]],
        store: Store,
        intake: Intake,
        *,
        wanted: bool,
    ) -> None:
        """Start with no thread read.

        Args:
            said: Returns what was said before a message, within about `BACKFILL_SECONDS`; raises
                `PlatformError` if nothing of it can be read.
            store: Knows where the bot takes part already.
            intake: Stores what was read.
            wanted: Whether to read anything.
        """
        self._said = said
        self._store = store
        self._intake = intake
        self._wanted = wanted
        self._known: OrderedDict[ThreadKey, None] = OrderedDict()

    async def read(self, message: Message) -> Message:
        """Store what was said before this message, if it is the thread's first mention.

        Returns the message, with a word on what is missing before it. Raises `StoreError` if the
        store can't say whether it is the first. No other error prevents the answer.
        """
        # A message that opens a thread may have replies if its author adds the mention later.
        first = message.answer_in in {"", message.id} and not message.edited_at
        mentioned = message.kind is not Kind.DM and message.address is Address.MENTIONED
        if not self._wanted or not mentioned or message.thread in self._known:
            return message
        if not first and not _is_there(await self._store.peek(message.thread)):
            try:
                message = await self._read(message)
            except PlatformError as error:
                log.info("the thread before the mention was not read: %s", error)
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - the question is still answered
                log.error("a thread was not read: %s", broke(error))  # noqa: TRY400
        self._known[message.thread] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return message

    async def _read(self, message: Message) -> Message:
        before = await self._said(message)
        said = [
            each
            for each in sorted(before.messages, key=lambda each: each.sent_at)
            if each.thread == message.thread
            and each.id != message.id
            and each.sent_at <= message.sent_at
        ]
        *kept, last = _told(said, message, before.missing)
        for each in kept:
            await self._intake.overhear(each)
        return last


def _told(said: Sequence[Message], message: Message, missing: Mapping[str, int]) -> list[Message]:
    """Return the first message, the newest, and this one, each with what is missing before it."""
    kept: list[Message] = []
    gaps: list[int] = []
    for index, each in enumerate((*said, message)):
        gap = missing.get(each.id)
        if gap is not None:
            gaps.append(gap)
        if 0 < index <= len(said) - BACKFILL_MESSAGES:
            gaps.append(1)
            continue
        told = gaps and (kept or each is not message)  # the prompt says that a start is missing
        kept.append(_after(each, gaps) if told else each)
        gaps = []
    return kept


def _after(message: Message, gaps: Sequence[int]) -> Message:
    """Return a message with a word on those that are missing before it."""
    count = "Some" if SOME in gaps else f"{sum(gaps):,}"
    text = f"{count} earlier messages of this thread are not shown to you. Say so if it matters."
    gap = Quote(kind=QuoteKind.MISSING, text=text)
    return replace(message, quotes=(gap, *message.quotes))


def _is_there(work: Work | None) -> bool:
    """Return whether the bot takes part in a thread.

    If it only overheard messages, they may be incomplete: another process may be reading the thread
    right now, or have died meanwhile.
    """
    if work is None:
        return False
    said = (record for record in work.records if isinstance(record, Entry))
    wanted = any(entry.status is Status.ADDRESSED for entry in said)
    return wanted or work.head > 0 or bool(work.lease.turn)
