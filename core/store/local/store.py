"""The in-process store: the readable reference. Nothing of it outlives the process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from core.domain.message import ThreadKey
from core.domain.session import Entry
from core.store import keys, verbs
from core.store.local.rows import LocalRows
from core.store.local.transfer import LocalTransfer
from core.store.port import Store
from core.store.values import Buried, NothingDue, ThreadPage, ThreadSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from core.domain.admission import Admission, AdmissionPolicy
    from core.domain.clock import Clock
    from core.domain.message import Attachment, Kind, Message
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.values import (
        Accepted,
        AuditEvent,
        Changed,
        Lease,
        Outcome,
        PendingAnswer,
        Refused,
        Work,
    )


class LocalStore(LocalTransfer, Store):
    """Keeps everything in dicts; each verb runs without a pause, so it is atomic by itself."""

    def __init__(self, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Start empty."""
        self.lease_seconds = lease_seconds
        self._clock = clock
        self._woken = asyncio.Event()
        self.headers: dict[str, Header] = {}
        self.records: defaultdict[str, dict[tuple[int, bool], Record]] = defaultdict(dict)
        self.ids: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.seen: dict[str, tuple[Admission, float]] = {}
        self.traces: dict[str, verbs.Tombstone] = {}
        self.who: set[tuple[str, str]] = set()
        self.places: dict[str, ThreadSettings] = {}
        self.cursors: dict[str, int] = {}
        self.deeds: dict[str, AuditEvent] = {}

    # --- a turn -----------------------------------------------------------------------------

    async def accept(self, message: Message, terms: AdmissionPolicy, token: str = "") -> Accepted:
        """Take a message in, once, whatever becomes of it."""
        return verbs.accept(self._rows(message.thread), self._now(), message, terms, token)

    async def claim(self, thread: ThreadKey, token: str, *, early: bool = False) -> Work | None:
        """Take the lease on a thread that has work and that nobody holds; else None."""
        return verbs.claim(self._rows(thread), self._now(), token, early=early)

    async def claim_any(
        self, platforms: Collection[str], token: str, besides: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        """Claim, of these platforms, the thread that has been due for the longest."""
        now = self._now()
        threads = ((ThreadKey.parse(key), header) for key, header in self.headers.items())
        due = sorted(
            (header.due, str(thread))
            for thread, header in threads
            if header.due is not None and thread.platform in platforms and thread not in besides
        )
        for when, key in due:
            if when > now.time:
                return NothingDue(seconds=when - now.time)
            work = verbs.claim(self._rows(ThreadKey.parse(key)), now, token)
            if work is not None:
                return work
        return NothingDue(seconds=None)

    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        """Extend the lease, and keep the preview's id when one is given."""
        return verbs.renew(self._rows(lease.thread), self._now(), lease, rev, preview)

    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        """Ask whoever runs this turn to end it with what has come."""
        return verbs.stop(self._rows(thread), self._now(), turn)

    async def commit(
        self, lease: Lease, rev: str, draft: PendingAnswer, preview: str = ""
    ) -> Literal["committed"] | Changed | Refused:
        """Record the turn's answer behind the last place that it answers."""
        return verbs.commit(self._rows(lease.thread), self._now(), lease, rev, draft, preview)

    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
        """Close the turn, or leave it to the next worker."""
        rows = self._rows(lease.thread)
        return verbs.settle(rows, self._now(), lease, outcome, posted, delay)

    async def compact(
        self, thread: ThreadKey, *, covers: int, rev: str, to: int, text: str
    ) -> bool:
        """Let a summary stand for the places [0, to), if nothing moved."""
        return verbs.compact(
            self._rows(thread), self._now(), covers=covers, rev=rev, to=to, text=text
        )

    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        stamp: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
    ) -> bool:
        """Change a stored message's text and files, or delete it."""
        rows, now = self._rows(thread), self._now()
        known = verbs.amend(rows, now, message, identities, stamp, text, attachments=attachments)
        if known:
            self._changed(thread)
        return known

    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, or only draw a line under it."""
        verbs.erase(self._rows(thread), self._now(), at, keep_log=keep_log)
        self._changed(thread)

    # --- reading ----------------------------------------------------------------------------

    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return the records of the next places behind place `after`, in order."""
        header = self._living(str(thread))
        if header is None:
            return ()
        places = sorted({place for place, _ in self.records[str(thread)] if place > after})
        return tuple(
            record
            for place in places[:limit]
            for record in self._rows(thread).records(place, place + 1)
        )

    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """List threads: those a person spoke in, those of a (platform, place), or all."""
        prefix = keys.place_prefix(*place) if place else ""
        found = sorted(
            key
            for key in self.headers
            if key > after
            and key.startswith(prefix)
            and (not person or (person, key) in self.who)
            and self._living(key) is not None
        )
        more = found[limit - 1] if len(found) > limit else ""
        shown = tuple(self.headers[key].info(ThreadKey.parse(key)) for key in found[:limit])
        return ThreadPage(threads=shown, after=more)

    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would show it, without taking it."""
        header = self._living(str(thread))
        if header is None:
            return None
        work = verbs.show(self._rows(thread), header)
        return replace(work, lease=replace(work.lease, token=""))

    async def revs(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        """Return the `rev` of each of these threads; empty for one that is not kept."""
        headers = [self._living(str(thread)) for thread in threads]
        return tuple(header.rev if header else "" for header in headers)

    # --- the operator -----------------------------------------------------------------------

    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List messages whose turns were given up."""
        return tuple(self._buried())[:limit]

    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        """Let a buried message wait again, at the end of its thread."""
        return verbs.requeue(self._rows(thread), self._now(), place)

    async def audit(self, deed: AuditEvent) -> None:
        """Keep a deed; old ones go."""
        self.deeds[deed.name] = deed
        start = keys.audit_start(self._clock.now())
        kept = sorted(name for name in self.deeds if name > start)[-keys.AUDIT_LIMIT :]
        self.deeds = {name: self.deeds[name] for name in kept}

    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        """Return the next deeds behind the one with the name `after`, oldest first."""
        start = max(after, keys.audit_start(self._clock.now()))
        return tuple(self.deeds[name] for name in sorted(self.deeds) if name > start)[:limit]

    # --- settings and cursors -----------------------------------------------------------------

    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        """Return what was set for this thread."""
        header = self._living(str(thread))
        return header.settings if header else ThreadSettings()

    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ThreadSettings, *, ttl: float
    ) -> None:
        """Set this thread's settings, as a whole."""
        verbs.configure(self._rows(thread), self._now(), kind, settings, ttl)

    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        """Return what was set for a place."""
        return self.places.get(keys.place_prefix(platform, place), ThreadSettings())

    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        """Set a place's settings, as a whole."""
        self.places[keys.place_prefix(platform, place)] = settings

    async def cursor(self, name: str) -> int:
        """Return how far catch-up has come at a place."""
        return self.cursors.get(name, 0)

    async def advance(self, name: str, position: int) -> int:
        """Move a cursor, never back; return where it stands."""
        self.cursors[name] = max(position, self.cursors.get(name, 0))
        return self.cursors[name]

    # --- upkeep -------------------------------------------------------------------------------

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`."""
        del platforms  # one event for all: a wake that is not for them costs one look
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired."""
        now = self._clock.now()
        threads = [key for key, header in self.headers.items() if header.expires <= now]
        seen = [key for key, (_, expires) in self.seen.items() if expires <= now]
        traces = [key for key, trace in self.traces.items() if trace.expires <= now]
        for key in threads[:limit]:
            self._rows(ThreadKey.parse(key)).remove(keep_header=False)
        for key in seen[:limit]:
            del self.seen[key]
        for key in traces[:limit]:
            del self.traces[key]
        return sum(min(limit, len(expired)) for expired in (threads, seen, traces))

    async def check(self) -> tuple[str, ...]:
        """Say what the operator should know."""
        return ("The store is this process's memory: everything is lost when it ends.",)

    async def close(self) -> None:
        """Nothing to give back."""

    # --- inside -------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let whoever waits look for work."""
        self._woken.set()

    def expiry(self, seconds: float) -> float:
        """Return the instant that is this many seconds away."""
        return self._clock.now() + seconds

    def is_over(self, expires: float) -> bool:
        """Tell whether an instant has passed."""
        return expires <= self._clock.now()

    def _now(self) -> verbs.Now:
        return verbs.Now(
            time=self._clock.now(), lease_seconds=self.lease_seconds, fresh=keys.unique()
        )

    def _rows(self, thread: ThreadKey) -> LocalRows:
        return LocalRows(self, thread)

    def _living(self, key: str) -> Header | None:
        header = self.headers.get(key)
        return None if header is None or self.is_over(header.expires) else header

    def _buried(self) -> Iterator[Buried]:
        for key in sorted(self.headers):
            header = self._living(key)
            for place in header.buried if header else ():
                entry = self.records[key][place, False]
                if isinstance(entry, Entry):
                    yield Buried(thread=ThreadKey.parse(key), entry=entry)
