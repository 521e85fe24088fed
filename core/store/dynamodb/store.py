"""The store in a DynamoDB table: each verb on a thread is one conditional transaction.

Times are those of the process's own clock: sessions, event ids and delays end by it, so the clocks
of all replicas must agree to some seconds. Leases don't depend on that; see `LeaseObserver`.
"""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import TYPE_CHECKING

from cachetools import LRUCache
from typing_extensions import override

from core.domain.admission import Admission
from core.store import codec, verbs
from core.store.dynamodb import across, index, items, side
from core.store.dynamodb.claiming import DueWorkPoller, LeaseObserver
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import PATIENCE, connect
from core.store.dynamodb.steps import Steps
from core.store.dynamodb.table import refuse_unfit, remarks
from core.store.keys import channel_prefix, unique
from core.store.values import ChannelSettings, Cursor, Dump, NothingDue, SeenEvent, StoredTombstone
from core.store.verbs.buffered_rows import Reads
from core.store.verbs.rows import living
from core.store.verbs.stepped import Prefetch, SteppedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

    from aiobotocore.session import AioSession

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.domain.settings import Layers, ScopeSettings
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Item
    from core.store.values import AuditEvent, Buried, SideRecord, ThreadPage, Work
    from core.store.verbs.stepped import Result


_AT_ONCE = 20
"""Records, or people, in one transaction, which takes 100 items: an entry is two."""
_CHARACTERS = 500_000
"""Characters of the records in one transaction, unless one record has more. A transaction takes
4 MB, and a character may need six bytes."""
_KINDS = ("s#", "r#", "place#", "cursor#")
"""The prefixes of the partitions of everything that lies beside threads."""


_GENERATIONS = 10_000
"""Threads whose generation is remembered; an error costs `read_at` one more round trip."""


class DynamoStore(SteppedStore):
    """Runs each verb as one transaction; `open` creates one."""

    def __init__(self, table: Table, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Take a table, whose client is closed with the store."""
        self.lease_seconds = lease_seconds
        self.beats = LeaseObserver(clock, lease_seconds)
        self._table = table
        self._clock = clock
        self._lookout = DueWorkPoller(table, clock, self.beats)
        self.wake = self._lookout.wake
        self._steps = Steps(table, clock, self.beats, lease_seconds)
        self._steps.left_work = self.wake
        self._generations: LRUCache[ThreadKey, str] = LRUCache(_GENERATIONS)

    @classmethod
    async def open(
        cls,
        url: str,
        clock: Clock,
        *,
        lease_seconds: float = 15,
        patience: float = PATIENCE,
        session: AioSession | None = None,
    ) -> DynamoStore:
        """Return the store at a `dynamodb://` address, whose table must exist.

        Args:
            url: The address.
            clock: The process's clock.
            lease_seconds: How long a lease lives without being renewed.
            patience: After how many seconds a verb gives up.
            session: Holds the credentials; None looks for them where AWS's own programs do.

        Raises:
            SettingsError: The address is invalid.
            StoreRefusedError: There is no such table, or it can't be used as it is.
            StoreUnavailableError: AWS does not answer.
        """
        table = await connect(parse(url), session)
        table.patience = patience
        try:
            await refuse_unfit(table)
        except BaseException:
            await table.close()
            raise
        return cls(table, clock, lease_seconds=lease_seconds)

    # --- across threads -----------------------------------------------------------------------

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        later: list[float] = []
        for seconds, thread in await self._lookout.look(platforms, len(excluded)):
            if thread in excluded:
                continue
            if seconds > 0:
                later.append(seconds)
            elif (work := await self.claim(thread, token)) is not None:
                self._lookout.found()
                return work
        return NothingDue(seconds=min(later, default=None))

    @override
    async def threads(
        self,
        *,
        person: str = "",
        channel: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        return await across.threads(
            self._table, self._clock.now(), person=person, channel=channel, after=after, limit=limit
        )

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        return await across.buried(self._table, self._clock.now(), limit)

    # --- one thread ---------------------------------------------------------------------------

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Erase or reset a thread; see the port.

        One transaction makes it effective. What is left then is found by no verb and is removed in
        batches; if this process dies, any replica's sweep continues.
        """
        await super().erase(thread, at=at, keep_log=keep_log)
        if not keep_log:
            await across.clear_all(self._table, thread)

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        return await across.history(self._table, thread, self._clock.now(), after, limit)

    @override
    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        known = self._steps.generation(thread) or self._generations.get(thread, "")
        records, gen = await across.read_at(
            self._table, thread, self._clock.now(), positions, known
        )
        self._generations[thread] = gen
        return records

    @override
    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        return await across.revisions(self._table, threads, self._clock.now())

    # --- beside threads -----------------------------------------------------------------------

    @override
    async def layers(self, thread: ThreadKey) -> Layers:
        return await side.layers(self._table, thread, self._clock.now())

    @override
    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        await side.put_settings(self._table, channel_prefix(platform, channel), settings)

    @override
    async def cursor(self, name: str) -> int:
        return await side.cursor(self._table, name)

    @override
    async def advance(self, name: str, position: int) -> int:
        return await side.advance(self._table, name, position)

    @override
    async def audit(self, event: AuditEvent) -> None:
        await side.audit(self._table, self._clock.now(), event)

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        return await side.audited(self._table, self._clock.now(), after, limit)

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        await self._lookout.wait(platforms, seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired; DynamoDB itself removes event ids."""
        count = 0
        for partition, name in await index.ended(self._table, self._clock.now(), limit):
            if name.startswith(items.LEFT):
                await across.clear(self._table, partition, name.removeprefix(items.LEFT))
                count += 1
            else:
                thread = items.thread_of(partition)
                count += await self._step(thread, _sweep, Prefetch())
        return count

    @override
    async def check(self) -> tuple[str, ...]:
        await side.try_out(self._table)
        return await remarks(self._table)

    @override
    async def close(self) -> None:
        await self._table.close()

    # --- migration ----------------------------------------------------------------------------

    @override
    async def dump(self, thread: ThreadKey) -> Dump | None:

        def read(rows: verbs.Rows, now: verbs.Now) -> Dump | None:
            header = rows.header()
            if header is None or header.expires_at <= now.time:
                return None
            return Dump(header=header, people=(), trace=rows.trace(), time=now.time)

        found = await self._step(thread, read, Prefetch(reads=Reads(trace=True)))
        if found is None or (head := await across.head_of(self._table, thread, found.time)) is None:
            return None
        named = f"{head.gen}#{items.PERSON}"
        rows = await self._table.query(
            "pk = :pk AND begins_with(sk, :person)",
            {"pk": items.partition(thread), "person": named},
            ProjectionExpression="pk, sk",
        )
        people = sorted(items.text(row, "sk").removeprefix(named) for row in rows)
        return Dump(header=found.header, people=tuple(people), trace=found.trace, time=found.time)

    @override
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        people = dump.people if dump else ()
        heard = [people[start : start + _AT_ONCE] for start in range(0, len(people), _AT_ONCE)]
        parts = [*zip_longest(_parts(records), heard, fillvalue=())] or [((), ())]
        for number, (some, who) in enumerate(parts, start=1):
            last = dump if number == len(parts) else None
            await self._load(thread, some, who, first=first and number == 1, dump=last)

    @override
    async def side_records(self) -> AsyncIterator[tuple[SideRecord, ...]]:
        more: dict[str, object] = {}
        while True:
            answer = await self._table.call(
                "scan",
                ConsistentRead=True,
                FilterExpression=" OR ".join(f"begins_with(pk, :k{n})" for n in range(len(_KINDS))),
                ExpressionAttributeValues={f":k{n}": {"S": kind} for n, kind in enumerate(_KINDS)},
                **more,
            )
            now = self._clock.now()
            found = [_side_record(item, now) for item in answer["Items"]]
            yield tuple(record for record in found if record is not None)
            if "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    @override
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        for start in range(0, len(side_records), _AT_ONCE):
            await asyncio.gather(*map(self._keep, side_records[start : start + _AT_ONCE]))

    # --- inside -------------------------------------------------------------------------------

    @override
    async def _step(
        self,
        thread: ThreadKey,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        prefetch: Prefetch,
    ) -> Result:
        return await self._steps.run(thread, verb, prefetch)

    async def _load(
        self,
        thread: ThreadKey,
        records: Sequence[Record],
        people: Sequence[str],
        *,
        first: bool,
        dump: Dump | None,
    ) -> None:
        def step(rows: verbs.Rows, now: verbs.Now) -> None:
            verbs.load(rows, now, records, people, first=first, dump=dump)

        await self._step(thread, step, Prefetch())

    async def _keep(self, record: SideRecord) -> None:
        match record:
            case SeenEvent():
                fields = {"verdict": record.verdict.value, **items.ttl(record.expires)}
                await self._put((f"s#{record.hash}", "-"), **fields)
            case StoredTombstone():
                ttl = items.ttl(record.trace.expires)
                await self._put((f"r#{record.hash}", "-"), line=record.trace.line, **ttl)
            case ChannelSettings():
                await side.put_settings(self._table, record.name, record.settings)
            case Cursor():
                await side.advance(self._table, record.name, record.position)

    async def _put(self, key: items.Key, **fields: str | float | None) -> None:
        item = items.of(key, stamp=unique(), **fields)
        await self._table.call("put_item", Item=item)


def _sweep(rows: verbs.Rows, now: verbs.Now) -> bool:
    """Remove an expired session; for any other, note when to check again."""
    header = rows.header()
    if header is not None and living(rows, now) is not None:
        rows.put_header(header)
    return header is not None


def _parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Split records into portions that fit into one transaction each."""
    start = length = 0
    for at, record in enumerate(records):
        length += len(record.text)
        if at > start and (at - start == _AT_ONCE or length > _CHARACTERS):
            yield records[start:at]
            start, length = at, len(record.text)
    if start < len(records):
        yield records[start:]


def _side_record(item: Item, now: float) -> SideRecord | None:
    kind, _, name = items.key_of(item)[0].partition("#")
    if kind == "place":
        return ChannelSettings(name=name, settings=codec.load_settings(items.text(item, "body")))
    if kind == "cursor":
        return Cursor(name=name, position=int(item["position"]["N"]))
    if items.is_over(item, now):
        return None
    expires = items.number(item, "ending") or 0
    if kind == "s":
        return SeenEvent(hash=name, verdict=Admission(items.text(item, "verdict")), expires=expires)
    trace = items.load_trace(item, now)
    return StoredTombstone(hash=name, trace=trace) if trace else None
