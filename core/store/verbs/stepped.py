"""What all stores but Redis have in common: each verb on one thread is a step over its rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from typing_extensions import Unpack, override

from core.store import keys, verbs
from core.store.port import Store
from core.store.verbs.buffered_rows import Reads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.admission import AdmissionPolicy
    from core.domain.message import Attachment, Kind, Message, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.ratings import Opinion
    from core.domain.session import Answer, Record
    from core.domain.settings import ScopeSettings
    from core.store.values import (
        Accepted,
        Changed,
        Lease,
        NewSummary,
        Outcome,
        PendingAnswer,
        Pinning,
        Refused,
        Work,
    )

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefetch:
    """What a verb will probably read, for stores that fetch all of it at once."""

    once: bool = False
    """A second run would have another result, so a retry must know of the first run."""
    makes: bool = False
    """The step may create the thread, or relies on its absence, so it locks the thread first."""
    records: Literal["", "window", "batch", "turn"] = ""
    """Which records: those that a claim shows, if the thread can be claimed; those not answered;
    or those of a turn, and those that the next turn shows, if messages wait."""
    turn: str = ""
    """The id of that turn."""
    reads: Reads = field(default_factory=Reads)


class SteppedStore(Store):
    """Runs each verb on one thread as one atomic step over the thread's rows."""

    @override
    async def accept(self, message: Message, policy: AdmissionPolicy, token: str = "") -> Accepted:
        reads = Reads(messages=(message.id,), identities=message.identities, trace=True)
        return await self._step(
            message.thread,
            lambda rows, now: verbs.accept(rows, now, message, policy, token),
            Prefetch(once=True, makes=True, records="window" if token else "", reads=reads),
        )

    @override
    async def claim_once(self, platform: str, name: str) -> bool:
        thread, identity = keys.once(platform, name)
        return await self._step(
            thread,
            lambda rows, _: verbs.claim_once(rows, identity),
            Prefetch(once=True, makes=True, reads=Reads(identities=(identity,))),
        )

    @override
    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        return await self._step(
            thread,
            lambda rows, now: verbs.claim(rows, now, token, early=early),
            Prefetch(records="window"),
        )

    @override
    async def renew(
        self, lease: Lease, revision: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        return await self._step(
            lease.thread,
            lambda rows, now: verbs.renew(rows, now, lease, revision, preview),
            Prefetch(),
        )

    @override
    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        is_open = await self._step(
            thread, lambda rows, now: verbs.stop(rows, now, turn), Prefetch()
        )
        return self._stopping(thread, turn, is_open=is_open)

    @override
    async def commit(
        self, lease: Lease, revision: str, draft: PendingAnswer, preview: str = ""
    ) -> Answer | Changed | Refused:
        return await self._step(
            lease.thread,
            lambda rows, now: verbs.commit(rows, now, lease, revision, draft, preview),
            Prefetch(records="batch"),
        )

    @override
    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
        return await self._step(
            lease.thread,
            lambda rows, now: verbs.settle(rows, now, lease, outcome, posted, delay),
            Prefetch(once=True, records="turn", turn=lease.turn),
        )

    @override
    async def compact(
        self, thread: ThreadKey, *, covers: int, revision: str, **made: Unpack[NewSummary]
    ) -> bool:
        return await self._step(
            thread,
            lambda rows, now: verbs.compact(rows, now, covers=covers, revision=revision, **made),
            Prefetch(),
        )

    @override
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        edited_at: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
        quotes: tuple[Quote, ...] | None = None,
    ) -> bool:
        change = verbs.Amendment(
            edited_at=edited_at, text=text, attachments=attachments, quotes=quotes
        )
        known = await self._step(
            thread,
            lambda rows, now: verbs.amend(rows, now, message, identities, change),
            Prefetch(makes=True, reads=Reads(messages=(message, message + verbs.AGAIN))),
        )
        if known:
            self._changed(thread)
        return known

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        await self._step(
            thread,
            lambda rows, now: verbs.erase(rows, now, at, keep_log=keep_log),
            Prefetch(makes=True, reads=Reads(trace=True)),
        )
        self._changed(thread)

    @override
    async def redact(
        self, thread: ThreadKey, records: Sequence[Record], *, revision: str, person: str = ""
    ) -> bool:
        places = [record.position for record in records]
        span = (min(places), max(places) + 1) if places else (0, 0)
        done = await self._step(
            thread,
            lambda rows, now: verbs.redact(rows, now, records, revision=revision, person=person),
            Prefetch(once=True, reads=Reads(span=span)),
        )
        if done:
            self._changed(thread)
        return done

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:
        return await self._step(thread, verbs.peek, Prefetch(records="window"))

    @override
    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        return await self._step(
            thread, lambda rows, now: verbs.requeue(rows, now, place), Prefetch()
        )

    @override
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ScopeSettings, *, ttl: float
    ) -> None:
        await self._step(
            thread,
            lambda rows, now: verbs.configure(rows, now, kind, settings, ttl),
            Prefetch(makes=True),
        )

    @override
    async def pin(
        self, thread: ThreadKey, kind: Kind, pin: Pin, *, beside: tuple[str, ...], ttl: float
    ) -> Pinning:
        return await self._step(
            thread,
            lambda rows, now: verbs.pin(rows, now, kind, pin, beside, ttl),
            Prefetch(makes=True, reads=Reads(trace=True)),
        )

    @override
    async def unpin(self, thread: ThreadKey, pins: tuple[str, ...]) -> None:
        await self._step(thread, lambda rows, now: verbs.unpin(rows, now, pins), Prefetch())

    @override
    async def rate(self, thread: ThreadKey, position: int, turn: str, opinion: Opinion) -> bool:
        return await self._step(
            thread,
            lambda rows, now: verbs.rate(rows, now, position, turn, opinion),
            Prefetch(reads=Reads(span=(position, position + 1))),
        )

    @abstractmethod
    async def _step(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], prefetch: Prefetch
    ) -> Result:
        """Run a verb as one atomic step, and wake waiting tasks if it leaves work."""
