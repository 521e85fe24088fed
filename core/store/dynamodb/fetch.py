"""Prefetching what a verb needs of a thread, in one or two round trips."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from core.domain.session import Entry
from core.store.dynamodb import items
from core.store.dynamodb.items import VersionedSnapshot
from core.store.verbs import first_shown
from core.store.verbs.buffered_rows import Reads

if TYPE_CHECKING:
    from core.domain.message import ThreadKey
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Head, Item, Key
    from core.store.header import Header
    from core.store.verbs.stepped import Prefetch

_END = sys.maxsize


class TornError(Exception):
    """A read saw only parts of a transaction, so it must be repeated."""


async def look(
    table: Table, thread: ThreadKey, prefetch: Prefetch, now: float, known: VersionedSnapshot
) -> VersionedSnapshot:
    """Read a thread, but for what is `known` of it and has not changed."""
    found = VersionedSnapshot(thread=thread)
    keys = _facts(thread, prefetch.reads)
    header, summary = (found.partition, items.HEADER), (found.partition, items.SUMMARY)
    read = await table.get([header, summary, *keys])
    _keep_facts(found, prefetch.reads, read, now)
    if header not in read:
        found.snapshot.places.update(dict.fromkeys(prefetch.reads.messages))
        return found
    found.head = items.load_head(read[header])
    if found.head.summary:
        _keep_summary(found.head, read.get(summary))
    if known.head is not None and known.head.stamp == found.head.stamp:
        found.snapshot.records = known.snapshot.records
        found.snapshot.spans = known.snapshot.spans
        found.snapshot.places = known.snapshot.places
        found.stamps |= known.stamps
    await read_more(table, found, _rest(found, found.head.header, prefetch, now), now)
    return found


async def read_more(table: Table, found: VersionedSnapshot, reads: Reads, now: float) -> None:
    """Read what a verb needs beyond what was prefetched."""
    start, stop = reads.span
    messages = [message for message in reads.messages if message not in found.snapshot.places]
    keys = _facts(found.thread, reads)
    ids = {m: (found.partition, items.id_name(found.gen, m)) for m in messages}
    jobs = []
    if start < stop:
        jobs.append(_read_records(table, found, start, stop))
    if keys or ids:
        jobs.append(_read_facts(table, found, reads, ids, now))
    if jobs:
        found.rounds += 1
        await asyncio.gather(*jobs)


def _facts(thread: ThreadKey, reads: Reads) -> list[Key]:
    keys = [items.seen_key(thread, identity) for identity in reads.identities]
    return [*keys, items.trace_key(thread)] if reads.trace else keys


def _rest(found: VersionedSnapshot, header: Header, prefetch: Prefetch, now: float) -> Reads:
    """Return what to read of a thread whose header was read, beyond what is known already."""
    if header.expires_at <= now:
        found.snapshot.places.update(dict.fromkeys(prefetch.reads.messages))
        return Reads()
    messages = (*prefetch.reads.messages, *((prefetch.turn,) if prefetch.turn else ()))
    start = _END
    if prefetch.records == "turn" or (prefetch.records == "window" and not header.token):
        start = first_shown(header)
    elif prefetch.records == "batch":
        start = header.head
    if any(first <= start and behind == _END for first, behind in found.snapshot.spans):
        start = _END
    return Reads(span=(start, _END), messages=messages)


async def _read_records(table: Table, found: VersionedSnapshot, start: int, stop: int) -> None:
    gen = found.gen
    last = items.record_name(gen, (stop - 1, 1))
    low = items.record_name(gen, (start, 0))
    rows = await table.query(
        "pk = :pk AND sk BETWEEN :low AND :high", {"pk": found.partition, "low": low, "high": last}
    )
    snapshot = found.snapshot
    for row in rows:
        slot, record = items.load_record(row)
        snapshot.records[slot] = record
        found.stamps[items.key_of(row)] = items.text(row, "stamp")
        if isinstance(record, Entry):
            snapshot.places[record.id] = record.position
    snapshot.spans.append((start, stop))
    _refuse_torn(found, start, stop)


async def _read_facts(
    table: Table, found: VersionedSnapshot, reads: Reads, ids: dict[str, Key], now: float
) -> None:
    read = await table.get([*_facts(found.thread, reads), *ids.values()])
    _keep_facts(found, reads, read, now)
    for message, key in ids.items():
        place = items.number(read[key], "place") if key in read else None
        found.snapshot.places[message] = None if place is None else int(place)


def _keep_facts(found: VersionedSnapshot, reads: Reads, read: dict[Key, Item], now: float) -> None:
    for key in _facts(found.thread, reads):
        found.stamps[key] = items.text(read[key], "stamp") if key in read else ""
    for identity in reads.identities:
        item = read.get(items.seen_key(found.thread, identity))
        found.snapshot.seen[identity] = items.load_seen(item, now)
    if reads.trace:
        trace = read.get(items.trace_key(found.thread))
        found.snapshot.traces.append(items.load_trace(trace, now))


def _keep_summary(head: Head, item: Item | None) -> None:
    if item is None or items.text(item, "stamp") != head.summary:
        raise TornError
    head.header.summary = items.unpacked(item)


def _refuse_torn(found: VersionedSnapshot, start: int, stop: int) -> None:
    """Raise unless the records that were written last are those that the header knows of.

    An item of a transaction is seen when it is written, the others of it perhaps a little later.
    """
    for mark in found.head.marks if found.head else ():
        if start <= mark.slot[0] < stop:
            name = items.record_name(found.gen, mark.slot)
            if found.stamps.get((found.partition, name), "") != mark.stamp:
                raise TornError
