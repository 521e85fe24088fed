"""Locking a thread and reading what a verb will need of it, in one round trip."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.admission import Verdict
from core.session import Entry
from core.store import codec
from core.store.buffered_rows import Picture, Reads
from core.store.keys import digest
from core.store.sql.postgres.words import words
from core.store.sql.reading import load_record
from core.store.verbs import Trace

if TYPE_CHECKING:
    from psycopg import AsyncConnection, AsyncCursor

    from core.message import ThreadKey
    from core.store.stepped import Ahead

_END = sys.maxsize
# Locks the thread's row if there is one, without touching it, and makes one if there is none; the
# plain DO NOTHING would not lock, and the row could be gone before the next statement.
_MAKE = words(
    "INSERT INTO thread (key, platform, header, expires, buried)"
    " VALUES (:thread, :platform, '', 0, 0)"
    " ON CONFLICT (key) DO UPDATE SET key = excluded.key WHERE false"
)
_LOCK = words("SELECT header FROM thread WHERE key = :thread FOR UPDATE")
# The statements behind the lock see what whoever held it has left: each has its own snapshot.
_FACTS = words(
    "SELECT 'seen', hash, verdict, expires FROM seen WHERE hash = ANY(:hashes)"
    " UNION ALL SELECT 'trace', '', line::text, expires FROM trace WHERE hash = :trace"
    " UNION ALL SELECT half::text, '', body, place FROM entry WHERE thread = :thread"
    " AND place IN"
    " (SELECT place FROM entry WHERE thread = :thread AND message = ANY(:messages))"
)
_START = {
    "": "NULL::bigint",
    "window": ("SELECT shown FROM thread WHERE key = :thread AND (due IS NULL OR due <= clock)"),
    "batch": "SELECT head FROM thread WHERE key = :thread",
    "turn": (
        "SELECT least((SELECT place FROM entry WHERE thread = key AND message = :turn),"
        " CASE WHEN waiting > 0 THEN shown END) FROM thread WHERE key = :thread"
    ),
}
_MOMENT = "WITH moment AS MATERIALIZED (SELECT :clock AS clock)"
_REST = (
    "AS start FROM moment) SELECT clock, start, place, half, body FROM span"
    " LEFT JOIN entry ON entry.thread = :thread AND entry.place >= span.start"
    " ORDER BY place, half"
)
_RECORDS = {
    name: words(f"{_MOMENT}, span AS MATERIALIZED (SELECT clock, ({start}) {_REST}")
    for name, start in _START.items()
}
_SPAN = words(
    "SELECT place, half, body FROM entry"
    " WHERE thread = :thread AND place >= :start AND place < :stop ORDER BY place, half"
)
_LIVING = words("SELECT header FROM thread WHERE key = :thread AND expires > :now")
_SHOWN = words(
    "SELECT thread.shown, entry.place, half, body FROM thread LEFT JOIN entry"
    " ON entry.thread = :thread AND entry.place >= thread.shown"
    " WHERE key = :thread ORDER BY place, half"
)


@dataclass(slots=True)
class Locked:
    """A locked thread, as far as it was read."""

    thread: ThreadKey
    picture: Picture
    time: float
    """The server's, as of when the lock was held."""


async def lock(connection: AsyncConnection, thread: ThreadKey, ahead: Ahead) -> Locked:
    """Begin a transaction, lock the thread, and read what its verb will probably need."""
    name = str(thread)
    facts = None
    async with connection.pipeline():
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        if ahead.makes:
            await connection.execute(_MAKE, {"thread": name, "platform": thread.platform})
        header = await connection.execute(_LOCK, {"thread": name})
        if ahead.reads != Reads():
            facts = await _ask_facts(connection, thread, ahead.reads)
        records = await connection.execute(
            _RECORDS[ahead.records], {"thread": name, "turn": ahead.turn}
        )
    picture = Picture()
    row = await header.fetchone()
    if row is not None and row[0]:
        picture.header = codec.load_header(row[0])
    rows = await records.fetchall()
    clock, start = rows[0][:2]
    if row is not None and start is not None:
        picture.spans.append((start, _END))
        _keep_records(picture, [row[2:] for row in rows if row[2] is not None])
    if facts is not None:
        await _keep_facts(picture, thread, ahead.reads, clock, facts)
    return Locked(thread, picture, clock)


async def look(connection: AsyncConnection, thread: ThreadKey) -> Picture:
    """Read what is shown of a thread, as it is at one instant, with no lock."""
    name = str(thread)
    async with connection.pipeline():
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        header = await connection.execute(_LIVING, {"thread": name})
        records = await connection.execute(_SHOWN, {"thread": name})
        await connection.execute("COMMIT")
    picture = Picture()
    if (row := await header.fetchone()) is not None:
        picture.header = codec.load_header(row[0])
        rows = await records.fetchall()
        picture.spans.append((rows[0][0], _END))
        _keep_records(picture, [row[1:] for row in rows if row[1] is not None])
    return picture


async def read_more(connection: AsyncConnection, locked: Locked, reads: Reads) -> None:
    """Read what a verb needs after all."""
    thread, picture = locked.thread, locked.picture
    start, stop = reads.span
    async with connection.pipeline():
        facts = await _ask_facts(connection, thread, reads)
        records = await connection.execute(
            _SPAN, {"thread": str(thread), "start": start, "stop": stop}
        )
    picture.spans.append((start, stop))
    _keep_records(picture, await records.fetchall())
    await _keep_facts(picture, thread, reads, locked.time, facts)


async def _ask_facts(
    connection: AsyncConnection, thread: ThreadKey, reads: Reads
) -> AsyncCursor[Any]:
    return await connection.execute(
        _FACTS,
        {
            "thread": str(thread),
            "hashes": [digest(thread, identity) for identity in reads.identities],
            "trace": digest(thread) if reads.trace else "",
            "messages": list(reads.messages),
        },
    )


def _keep_records(picture: Picture, rows: list[tuple[int, int, str]]) -> None:
    for place, half, body in rows:
        record = load_record(half, body)
        picture.records[place, half] = record
        if isinstance(record, Entry):
            picture.places[record.id] = place


async def _keep_facts(
    picture: Picture, thread: ThreadKey, reads: Reads, now: float, facts: AsyncCursor[Any]
) -> None:
    identities = {digest(thread, identity): identity for identity in reads.identities}
    trace = None
    picture.seen.update(dict.fromkeys(reads.identities))
    picture.places = dict.fromkeys(reads.messages) | picture.places
    for kind, name, text, number in await facts.fetchall():
        if kind in {"0", "1"}:
            picture.spans.append((int(number), int(number) + 1))
            _keep_records(picture, [(int(number), int(kind), text)])
        elif number > now and kind == "seen":  # not expired
            picture.seen[identities[name]] = Verdict(text)
        elif number > now:
            trace = Trace(line=None if text is None else float(text), expires=number)
    if reads.trace:
        picture.traces.append(trace)
