"""The in-process store, and the readable reference. Its data ends with the process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from typing_extensions import override

from core.domain.message import ThreadKey
from core.domain.session import Entry
from core.domain.settings import NOTHING, Layers
from core.store import keys, verbs
from core.store.local.rows import LocalRows
from core.store.values import (
    Buried,
    ChannelSettings,
    Cursor,
    Dump,
    NothingDue,
    SeenEvent,
    StoredTombstone,
    ThreadPage,
)
from core.store.verbs.stepped import SteppedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

    from core.domain.admission import Admission
    from core.domain.clock import Clock
    from core.domain.session import Record
    from core.domain.settings import ScopeSettings
    from core.store.header import Header
    from core.store.values import AuditEvent, SideRecord, Work
    from core.store.verbs.stepped import Prefetch, Result


class LocalStore(SteppedStore):
    """Keeps everything in dicts. Each verb runs without awaiting, so it is atomic."""

    def __init__(self, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Start empty."""
        self.lease_seconds = lease_seconds
        self._clock = clock
        self._woken = asyncio.Event()
        self.headers: dict[str, Header] = {}
        self.logs: defaultdict[str, dict[tuple[int, bool], Record]] = defaultdict(dict)
        self.ids: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.seen: dict[str, tuple[Admission, float]] = {}
        self.traces: dict[str, verbs.Tombstone] = {}
        self.who: set[tuple[str, str]] = set()
        self.places: dict[str, ScopeSettings] = {}
        self.cursors: dict[str, int] = {}
        self.deeds: dict[str, AuditEvent] = {}

    # --- a turn -----------------------------------------------------------------------------

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        now = self._now()
        threads = ((ThreadKey.parse(key), header) for key, header in self.headers.items())
        due = sorted(
            (header.due_at, str(thread))
            for thread, header in threads
            if header.due_at is not None and thread.platform in platforms and thread not in excluded
        )
        for when, key in due:
            if when > now.time:
                return NothingDue(seconds=when - now.time)
            work = verbs.claim(self._rows(ThreadKey.parse(key)), now, token)
            if work is not None:
                return work
        return NothingDue(seconds=None)

    # --- reading ----------------------------------------------------------------------------

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        header = self._living(str(thread))
        if header is None:
            return ()
        places = sorted({place for place, _ in self.logs[str(thread)] if place > after})
        return tuple(
            record
            for place in places[:limit]
            for record in self._rows(thread).records(place, place + 1)
        )

    @override
    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        header = self._living(str(thread))
        rows = self._rows(thread)
        return tuple(
            record
            for place in sorted(set(positions))
            if header is not None and place >= header.reset_position
            for record in rows.records(place, place + 1)
        )

    @override
    async def threads(
        self,
        *,
        person: str = "",
        channel: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        prefix = keys.channel_prefix(*channel) if channel else ""
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

    @override
    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        headers = [self._living(str(thread)) for thread in threads]
        return tuple(header.revision if header else "" for header in headers)

    # --- the operator -----------------------------------------------------------------------

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        return tuple(self._buried())[:limit]

    @override
    async def audit(self, event: AuditEvent) -> None:
        self.deeds[event.name] = event
        start = keys.audit_start(self._clock.now())
        kept = sorted(name for name in self.deeds if name > start)[-keys.AUDIT_LIMIT :]
        self.deeds = {name: self.deeds[name] for name in kept}

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        start = max(after, keys.audit_start(self._clock.now()))
        return tuple(self.deeds[name] for name in sorted(self.deeds) if name > start)[:limit]

    # --- settings and cursors -----------------------------------------------------------------

    @override
    async def layers(self, thread: ThreadKey) -> Layers:
        header = self._living(str(thread))
        places = [self.places.get(name, NOTHING) for name in keys.scopes(thread)]
        return Layers(header.settings if header else NOTHING, *places)

    @override
    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        self.places[keys.channel_prefix(platform, channel)] = settings

    @override
    async def cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    @override
    async def advance(self, name: str, position: int) -> int:
        self.cursors[name] = max(position, self.cursors.get(name, 0))
        return self.cursors[name]

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        del platforms  # one event for all platforms: a wake for another one costs one look
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    @override
    async def sweep(self, limit: int = 100) -> int:
        now = self._clock.now()
        threads = [key for key, header in self.headers.items() if header.expires_at <= now]
        seen = [key for key, (_, expires) in self.seen.items() if expires <= now]
        traces = [key for key, trace in self.traces.items() if trace.expires <= now]
        for key in threads[:limit]:
            self._rows(ThreadKey.parse(key)).remove(keep_header=False)
        for key in seen[:limit]:
            del self.seen[key]
        for key in traces[:limit]:
            del self.traces[key]
        return sum(min(limit, len(expired)) for expired in (threads, seen, traces))

    @override
    async def check(self) -> tuple[str, ...]:
        return ("The store is this process's memory: everything is lost when it ends.",)

    @override
    async def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    # --- migration ---------------------------------------------------------------------------

    @override
    async def dump(self, thread: ThreadKey) -> Dump | None:
        header = self._living(str(thread))
        if header is None:
            return None
        return Dump(
            header=header.copy(),
            people=tuple(sorted(person for person, key in self.who if key == str(thread))),
            trace=self._rows(thread).trace(),
            time=self._now().time,
        )

    @override
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        people = dump.people if dump else ()
        verbs.load(self._rows(thread), self._now(), records, people, first=first, dump=dump)

    @override
    async def side_records(self) -> AsyncIterator[tuple[SideRecord, ...]]:
        yield tuple(self._side_records())

    @override
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        for record in side_records:
            match record:
                case SeenEvent():
                    self.seen[record.hash] = (record.verdict, record.expires)
                case StoredTombstone():
                    self.traces[record.hash] = record.trace
                case ChannelSettings():
                    self.places[record.name] = record.settings
                case Cursor():
                    known = self.cursors.get(record.name, 0)
                    self.cursors[record.name] = max(known, record.position)

    # --- inside -------------------------------------------------------------------------------

    def wake(self) -> None:
        """Wake the tasks that wait, so that they look for work."""
        self._woken.set()

    def expiry(self, seconds: float) -> float:
        """Return the time in this many seconds."""
        return self._clock.now() + seconds

    def is_over(self, expires: float) -> bool:
        """Return whether a time has passed."""
        return expires <= self._clock.now()

    @override
    async def _step(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], prefetch: Prefetch
    ) -> Result:
        del prefetch  # verbs read the dicts directly
        return verb(self._rows(thread), self._now())

    def _now(self) -> verbs.Now:
        return verbs.Now(
            time=self._clock.now(), lease_seconds=self.lease_seconds, fresh=keys.unique()
        )

    def _rows(self, thread: ThreadKey) -> LocalRows:
        return LocalRows(self, thread)

    def _living(self, key: str) -> Header | None:
        header = self.headers.get(key)
        return None if header is None or self.is_over(header.expires_at) else header

    def _buried(self) -> Iterator[Buried]:
        for key in sorted(self.headers):
            header = self._living(key)
            for place in header.buried if header else ():
                entry = self.logs[key][place, False]
                if isinstance(entry, Entry):
                    yield Buried(thread=ThreadKey.parse(key), entry=entry)

    def _side_records(self) -> Iterator[SideRecord]:
        now = self._now().time
        for name, (verdict, expires) in self.seen.items():
            if expires > now:
                yield SeenEvent(hash=name, verdict=verdict, expires=expires)
        for name, trace in self.traces.items():
            if trace.expires > now:
                yield StoredTombstone(hash=name, trace=trace)
        for name, settings in self.places.items():
            yield ChannelSettings(name=name, settings=settings)
        for name, position in self.cursors.items():
            yield Cursor(name=name, position=position)
