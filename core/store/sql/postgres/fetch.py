"""Prefetching what a verb needs of a thread in one round trip, with or without its lock."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.admission import Admission
from core.domain.session import Entry
from core.store import codec
from core.store.keys import digest
from core.store.sql.postgres.database import words
from core.store.sql.reading import load_record
from core.store.verbs import Tombstone
from core.store.verbs.buffered_rows import Reads, Snapshot

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from core.domain.message import ThreadKey
    from core.store.sql.postgres.database import Connection
    from core.store.verbs.stepped import Prefetch

_END = sys.maxsize
# Locks the thread's row if it exists, without changing it, and creates it otherwise. A plain DO
# NOTHING would not lock, and the row could be gone before the next statement.
_MAKE = words(
    "INSERT INTO thread (key, platform, header, expires, buried)"
    " VALUES (:thread, :platform, '', 0, 0)"
    " ON CONFLICT (key) DO UPDATE SET key = excluded.key WHERE false"
)
_LOCK = words("SELECT 1 FROM thread WHERE key = :thread FOR UPDATE")
# One statement, so that all rows are of one instant. The first value says of which kind a row is;
# 0 and 1 are the halves of a position. The row of the thread itself always comes, and first.
_SEEN = 2
_READ = (
    "WITH moment AS MATERIALIZED (SELECT :clock AS clock),"
    " found AS MATERIALIZED (SELECT xmin::text AS version, header, {start} AS start"
    " FROM moment, thread WHERE key = :thread)"
    " SELECT -1, version, header, clock, start FROM moment LEFT JOIN found ON true"
    " UNION ALL SELECT half, NULL, body, NULL, place FROM found, entry"
    " WHERE entry.thread = :thread AND place >= start"
)
_START = {
    "": "NULL::bigint",
    "window": "CASE WHEN due IS NULL OR due <= clock THEN shown END",
    "batch": "head",
    "turn": (
        "least((SELECT place FROM entry WHERE thread = key AND message = :turn),"
        " CASE WHEN waiting > 0 THEN shown END)"
    ),
}
_SHOWN = words(_READ.format(start="shown"))
_FACTS = (
    " UNION ALL SELECT 2, hash, verdict, expires, NULL FROM seen WHERE hash = ANY(:hashes)"
    " UNION ALL SELECT 3, hash, line::text, expires, NULL FROM trace WHERE hash = :trace"
    # The position of each message, and its records: no plan may scan the thread to find them.
    " UNION ALL SELECT half, NULL, body, NULL, place FROM unnest(:messages::text[]) AS wanted,"
    " LATERAL (SELECT half, body, place FROM entry WHERE thread = :thread AND place ="
    " (SELECT place FROM entry WHERE thread = :thread AND message = wanted) OFFSET 0) AS named"
)
_SPAN = (
    "SELECT half, NULL AS name, body, NULL::float8, place FROM entry"
    " WHERE thread = :thread AND place >= :start AND place < :stop"
)


@dataclass(slots=True, kw_only=True)
class Found:
    """What was read of a thread."""

    thread: ThreadKey
    snapshot: Snapshot
    time: float
    """The server's time of the read, after the lock if the thread is locked."""
    version: str | None
    """Changes with every change of the thread; None: there is no thread."""


async def read(connection: Connection, thread: ThreadKey, prefetch: Prefetch) -> Found:
    """Read what a verb will probably need of a thread, as of one instant."""
    rows = await connection.ask(*_reading(thread, prefetch))
    return _found(thread, prefetch.reads, await rows.fetchall())


async def lock(connection: AsyncConnection, thread: ThreadKey, prefetch: Prefetch) -> Found:
    """Begin a transaction, lock the thread, and read what the verb will probably need.

    It reads what the last holder of the lock has left: each statement sees the data as it begins.
    """
    name = {"thread": str(thread), "platform": thread.platform}
    async with connection.pipeline():
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        held = await connection.execute(_MAKE if prefetch.makes else _LOCK, name)
        rows = await connection.execute(*_reading(thread, prefetch))
    found = _found(thread, prefetch.reads, await rows.fetchall())
    if not prefetch.makes and held.rowcount == 0:
        found.snapshot = Snapshot()  # it may exist now, but did not when it was to be locked
    return found


async def look(connection: AsyncConnection, thread: ThreadKey) -> Snapshot:
    """Read what a worker sees of a thread, as of one instant; nothing if it has expired."""
    rows = await connection.execute(_SHOWN, {"thread": str(thread)})
    found = _found(thread, Reads(), await rows.fetchall())
    header = found.snapshot.header
    return found.snapshot if header is not None and header.expires_at > found.time else Snapshot()


async def read_more(connection: AsyncConnection, found: Found, reads: Reads) -> None:
    """Read what a verb needs of a locked thread beyond what was prefetched."""
    start, stop = reads.span
    values = {**_facts(found.thread, reads), "start": start, "stop": stop}
    rows = await connection.execute(words(_SPAN + _FACTS), values)
    _keep(found, reads, await rows.fetchall())
    found.snapshot.spans.append((start, stop))


def _reading(thread: ThreadKey, prefetch: Prefetch) -> tuple[bytes, dict[str, Any]]:
    text = _READ.format(start=_START[prefetch.records])
    if prefetch.reads == Reads():
        values: dict[str, Any] = {"thread": str(thread)}
    else:
        text += _FACTS
        values = _facts(thread, prefetch.reads)
    return words(text), {**values, "turn": prefetch.turn}


def _facts(thread: ThreadKey, reads: Reads) -> dict[str, Any]:
    return {
        "thread": str(thread),
        "hashes": [digest(thread, identity) for identity in reads.identities],
        "trace": digest(thread) if reads.trace else "",
        "messages": list(reads.messages),
    }


def _found(thread: ThreadKey, reads: Reads, rows: list[Any]) -> Found:
    (_, version, header, clock, start), *others = rows
    found = Found(thread=thread, snapshot=Snapshot(), time=clock, version=version)
    if header:
        found.snapshot.header = codec.load_header(header)
    if start is not None:
        found.snapshot.spans.append((start, _END))
    _keep(found, reads, others)
    return found


def _keep(found: Found, reads: Reads, rows: list[Any]) -> None:
    snapshot = found.snapshot
    snapshot.seen.update(dict.fromkeys(reads.identities))
    snapshot.places = dict.fromkeys(reads.messages) | snapshot.places
    identities = {digest(found.thread, identity): identity for identity in reads.identities}
    trace = None
    for kind, name, text, number, place in rows:
        if place is not None:
            _keep_record(snapshot, place, kind, text)
        elif number <= found.time:  # expired
            continue
        elif kind == _SEEN:
            snapshot.seen[identities[name]] = Admission(text)
        else:
            trace = Tombstone(line=None if text is None else float(text), expires=number)
    if reads.messages:
        found_places = {place for place in snapshot.places.values() if place is not None}
        snapshot.spans.extend((place, place + 1) for place in found_places)
    if reads.trace:
        snapshot.traces.append(trace)


def _keep_record(snapshot: Snapshot, place: int, half: int, body: str) -> None:
    record = load_record(half, body)
    snapshot.records[place, half] = record
    if isinstance(record, Entry):
        snapshot.places[record.id] = place
