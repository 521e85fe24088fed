"""Moving all that a DynamoDB table keeps out of it, and in."""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import TYPE_CHECKING

from typing_extensions import override

from core.domain.admission import Admission
from core.store import codec, verbs
from core.store.dynamodb import across, items, places
from core.store.keys import unique
from core.store.side_port import Cursor, Dump, Place, SeenEvent, Traced
from core.store.verbs.buffered_rows import Reads
from core.store.verbs.stepped import Prefetch, SteppedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.dynamodb.client import Table
    from core.store.dynamodb.items import Item
    from core.store.side_port import Aside

_AT_ONCE = 20
"""Records, or people, in one transaction, which takes 100 items: an entry is two."""
_CHARACTERS = 500_000
"""Of the records in one transaction, unless one alone has more: it takes 4 MB, and a character may
need six bytes."""
_KINDS = ("s#", "r#", "place#", "cursor#")
"""What the partitions of all that lies beside threads begin with."""


class DynamoTransfer(SteppedStore):
    """The part of the store that moves it; see `core.store.dynamodb.store`."""

    _table: Table

    @override
    async def dump(self, thread: ThreadKey) -> Dump | None:

        def read(rows: verbs.Rows, now: verbs.Now) -> Dump | None:
            header = rows.header()
            if header is None or header.expires <= now.time:
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
    async def asides(self) -> AsyncIterator[tuple[Aside, ...]]:
        more: dict[str, object] = {}
        while True:
            answer = await self._table.call(
                "scan",
                ConsistentRead=True,
                FilterExpression=" OR ".join(f"begins_with(pk, :k{n})" for n in range(len(_KINDS))),
                ExpressionAttributeValues={f":k{n}": {"S": kind} for n, kind in enumerate(_KINDS)},
                **more,
            )
            now = await self._time()
            found = [_aside(item, now) for item in answer["Items"]]
            yield tuple(aside for aside in found if aside is not None)
            if "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    @override
    async def keep(self, asides: Sequence[Aside]) -> None:
        for start in range(0, len(asides), _AT_ONCE):
            await asyncio.gather(*map(self._keep, asides[start : start + _AT_ONCE]))

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

    async def _keep(self, aside: Aside) -> None:
        match aside:
            case SeenEvent():
                fields = {"verdict": aside.verdict.value, **items.ttl(aside.expires)}
                await self._put((f"s#{aside.hash}", "-"), **fields)
            case Traced():
                told = items.ttl(aside.trace.expires)
                await self._put((f"r#{aside.hash}", "-"), line=aside.trace.line, **told)
            case Place():
                await places.put_settings(self._table, aside.name, aside.settings)
            case Cursor():
                await places.advance(self._table, aside.name, aside.position)

    async def _put(self, key: items.Key, **fields: str | float | None) -> None:
        item = items.of(key, stamp=unique(), **fields)
        await self._table.call("put_item", Item=item)

    async def _time(self) -> float:
        raise NotImplementedError


def _parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Cut records into what fits in a transaction each."""
    start = length = 0
    for at, record in enumerate(records):
        length += len(record.text)
        if at > start and (at - start == _AT_ONCE or length > _CHARACTERS):
            yield records[start:at]
            start, length = at, len(record.text)
    if start < len(records):
        yield records[start:]


def _aside(item: Item, now: float) -> Aside | None:
    kind, _, name = items.key_of(item)[0].partition("#")
    if kind == "place":
        return Place(name=name, settings=codec.load_settings(items.text(item, "body")))
    if kind == "cursor":
        return Cursor(name=name, position=int(item["position"]["N"]))
    if items.is_over(item, now):
        return None
    expires = items.number(item, "ending") or 0
    if kind == "s":
        return SeenEvent(hash=name, verdict=Admission(items.text(item, "verdict")), expires=expires)
    trace = items.load_trace(item, now)
    return Traced(hash=name, trace=trace) if trace else None
