"""Work across threads: lists, and removing what has expired or was erased."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey
from core.domain.session import Entry
from core.store.dynamodb import index, items
from core.store.keys import channel_prefix
from core.store.values import Buried, ThreadInfo, ThreadPage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.domain.session import Record
    from core.store.dynamodb.connecting.client import Table
    from core.store.dynamodb.items import Head, Key

AT_ONCE = 500
"""Items that one call removes at most."""


async def head_of(table: Table, thread: ThreadKey, now: float) -> Head | None:
    """Return the header of a thread whose session has not expired, without its summary."""
    key = (items.partition(thread), items.HEADER)
    found = (await table.get([key])).get(key)
    head = items.load_head(found) if found else None
    return head if head is not None and head.header.expires_at > now else None


async def revisions(table: Table, threads: Sequence[ThreadKey], now: float) -> tuple[str, ...]:
    """Return the `revision` of each of these threads; empty for one that is not kept."""
    partitions = [items.partition(thread) for thread in threads]
    heads = await _heads(table, [(partition, "") for partition in partitions], now)
    return tuple(
        heads[partition].header.revision if partition in heads else "" for partition in partitions
    )


async def history(
    table: Table, thread: ThreadKey, now: float, after: int, limit: int
) -> tuple[Record, ...]:
    """Return the records of the next `limit` positions that hold any."""
    head = await head_of(table, thread, now)
    if head is None:
        return ()
    span = {
        "pk": items.partition(thread),
        "low": items.record_name(head.gen, (after + 1, 0)),
        "high": items.record_name(head.gen, (sys.maxsize, 1)),
    }
    rows = await table.query("pk = :pk AND sk BETWEEN :low AND :high", span, limit=2 * limit)
    records = [items.load_record(row)[1] for row in rows]
    # 2 * limit rows hold at least `limit` positions; a further one may lack its answer.
    places = sorted({record.position for record in records})[:limit]
    return tuple(record for record in records if record.position <= places[-1])


async def read_at(
    table: Table, thread: ThreadKey, now: float, positions: Collection[int], gen: str
) -> tuple[tuple[Record, ...], str]:
    """Return the records at these positions that no reset has left behind, and the generation.

    If `gen` is the generation of the thread's session, that is one round trip, otherwise two.
    """
    partition = items.partition(thread)
    header = (partition, items.HEADER)
    slots = [(place, half) for place in sorted(set(positions)) for half in (0, 1)]
    keys = [(partition, items.record_name(gen, slot)) for slot in slots] if gen else []
    read = await table.get([header, *keys])
    head = items.load_head(read[header]) if header in read else None
    if head is None or head.header.expires_at <= now:
        return (), ""
    if head.gen != gen:
        return await read_at(table, thread, now, positions, head.gen)
    reset = head.header.reset_position
    found = [
        read[key] for key, slot in zip(keys, slots, strict=True) if key in read and slot[0] >= reset
    ]
    return tuple(items.load_record(item)[1] for item in found), gen


async def threads(
    table: Table,
    now: float,
    *,
    person: str,
    channel: tuple[str, str] | None,
    after: str,
    limit: int,
) -> ThreadPage:
    """Return one page of threads, in the order of their keys."""
    listing = items.PERSON + person if person else items.THREADS
    prefix = channel_prefix(*channel) if channel else ""
    found: list[ThreadInfo] = []
    at = after
    while len(found) <= limit:
        rows = await index.listed(table, listing, limit + 1, after=at, prefix=prefix)
        if not rows:
            return ThreadPage(threads=tuple(found), after="")
        heads = await _heads(table, [key for _, key in rows], now)
        for label, (partition, name) in rows:
            head = heads.get(partition)
            # A person's item may belong to an earlier generation, which is being removed.
            if head is not None and (not person or name.startswith(f"{head.gen}#")):
                found.append(head.header.info(ThreadKey.parse(label)))
            at = label
    return ThreadPage(threads=tuple(found[:limit]), after=str(found[limit - 1].thread))


async def buried(table: Table, now: float, limit: int) -> tuple[Buried, ...]:
    """Return messages whose turns were given up."""
    found: list[Buried] = []
    after = ""
    while len(found) < limit:
        rows = await index.listed(table, items.BURIED, limit, after=after)
        if not rows:
            break
        heads = await _heads(table, [key for _, key in rows], now)
        wanted = [
            (ThreadKey.parse(label), (key[0], items.record_name(heads[key[0]].gen, (place, 0))))
            for label, key in rows
            if key[0] in heads
            for place in heads[key[0]].header.buried
        ]
        read = await table.get([key for _, key in wanted])
        for thread, key in wanted:
            record = items.load_record(read[key])[1] if key in read else None
            if isinstance(record, Entry):
                found.append(Buried(thread=thread, entry=record))
        after = rows[-1][0]
    return tuple(found[:limit])


async def clear(table: Table, partition: str, gen: str, most: int = AT_ONCE) -> bool:
    """Remove items of a past generation; return whether all are gone."""
    rows = await table.query(
        "pk = :pk AND begins_with(sk, :gen)",
        {"pk": partition, "gen": f"{gen}#"},
        limit=most,
        ProjectionExpression="pk, sk",
    )
    await table.delete([items.key_of(row) for row in rows])
    if len(rows) == most:
        return False
    await table.delete([(partition, items.LEFT + gen)])
    return True


async def clear_all(table: Table, thread: ThreadKey) -> None:
    """Remove everything that is left of a thread's past generations."""
    partition = items.partition(thread)
    left = await table.query(
        "pk = :pk AND begins_with(sk, :left)",
        {"pk": partition, "left": items.LEFT},
        ProjectionExpression="pk, sk",
    )
    for row in left:
        gen = items.text(row, "sk").removeprefix(items.LEFT)
        while not await clear(table, partition, gen):
            pass


async def _heads(table: Table, keys: list[Key], now: float) -> dict[str, Head]:
    """Return the headers of the living threads of these items, by partition."""
    read = await table.get([(partition, items.HEADER) for partition, _ in keys])
    heads = {partition: items.load_head(item) for (partition, _), item in read.items()}
    return {name: head for name, head in heads.items() if head.header.expires_at > now}
