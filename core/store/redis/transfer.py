"""The migration part of the Store port."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from core.domain.session import Entry
from core.store import codec
from core.store.redis import wire
from core.store.redis.names import PARTITIONS
from core.store.redis.records import dump as dumped
from core.store.values import ChannelSettings, Cursor, Dump, SeenEvent, StoredTombstone
from core.store.verbs import Tombstone
from core.store.verbs.inbox import PEOPLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.redis.connecting.client import Value
    from core.store.redis.names import Kept, Names
    from core.store.redis.scripts import Calls
    from core.store.values import SideRecord

_PORTION = 500
"""Keys that are read at once."""


async def dump(calls: Calls, thread: ThreadKey) -> Dump | None:
    """Return a thread that lives, without its records."""
    reply = await calls.run("dump", thread)
    if not reply:
        return None
    flat, members, line, left, clock = reply
    # A server may answer in pairs, and what a script has read comes flat.
    fields = {_text(flat[n]): _text(flat[n + 1]) for n in range(0, len(flat), 2)}
    people = tuple(sorted(map(_text, members)))
    now = float(clock)
    return Dump(
        header=wire.header(fields, people[:PEOPLE_LIMIT]),
        people=people,
        trace=None if line is None else _trace(line, left, now),
        time=now,
    )


async def load(
    calls: Calls, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
) -> None:
    """Write the next portion of a thread's records."""
    trace = dump and dump.trace
    await calls.run(
        "load",
        thread,
        first=first,
        records=_json(_rows(records)),
        header=_json(wire.fields(dump.header)) if dump else "",
        people=_json(dump.people if dump else ()),
        trace=_line(trace) if trace else "",
        trace_ms=_left(trace.expires, dump.time) if dump and trace else "",
    )


async def side_records(calls: Calls) -> AsyncIterator[tuple[SideRecord, ...]]:
    """Yield what is kept beside threads."""
    keys = aiter(calls.client.scan_iter(match=calls.names.pattern, count=1000))
    found: list[tuple[bytes, Kept]] = []
    while (key := await calls.ask(anext(keys, None))) is not None:
        if (kept := calls.names.kept(_text(key))) is not None:
            found.append((key, kept))
        if len(found) == _PORTION:
            yield await _read(calls, found)
            found = []
    if found:
        yield await _read(calls, found)


async def keep(calls: Calls, side_records: Sequence[SideRecord]) -> None:
    """Write what another store has yielded."""
    now, _ = await calls.many([])
    await calls.many(
        [words for record in side_records for words in _words(calls.names, record, now)]
    )
    for record in side_records:
        if isinstance(record, Cursor):
            key = {"cursor": calls.names.cursor(record.name)}
            await calls.run_on("advance", key, position=max(record.position, 0))


async def _read(calls: Calls, found: Sequence[tuple[bytes, Kept]]) -> tuple[SideRecord, ...]:
    commands: list[tuple[Value, ...]] = [("GET", key) for key, _ in found]
    commands += [("PTTL", key) for key, _ in found]
    now, answers = await calls.many(commands)
    rows = zip(found, answers[: len(found)], answers[len(found) :], strict=True)
    several = [
        _side_record(kept, value, left, now) for (_, kept), value, left in rows if value is not None
    ]
    tombstones = [record for record in several if isinstance(record, StoredTombstone)]
    latest = iter(await _latest(calls, tombstones))
    kept = (next(latest) if isinstance(each, StoredTombstone) else each for each in several)
    return tuple(record for record in kept if record is not None)


async def _latest(
    calls: Calls, tombstones: Sequence[StoredTombstone]
) -> list[StoredTombstone | None]:
    """Return each tombstone as its thread has left it, and None in place of its further copies.

    `keep` may have written a tombstone into all partitions. Its thread changes the copy in its own
    partition only, so the copy with the latest line is the right one.
    """
    keys = [
        key for record in tombstones for key in calls.names.everywhere_of("trace", record.hash, "")
    ]
    commands: list[tuple[Value, ...]] = [("GET", key) for key in keys]
    now, answers = await calls.many([*commands, *(("PTTL", key) for key in keys)])
    values, lefts = answers[: len(keys)], answers[len(keys) :]
    latest: list[StoredTombstone | None] = []
    for start, record in zip(range(0, len(keys), PARTITIONS), tombstones, strict=True):
        copies = {
            str(number): _trace(values[start + number], lefts[start + number], now)
            for number in range(PARTITIONS)
            if values[start + number] is not None
        }
        if len(copies) < 2:  # noqa: PLR2004 - one copy is none
            latest.append(record)
        elif record.near != min(copies):
            latest.append(None)
        else:
            latest.append(StoredTombstone(hash=record.hash, trace=max(copies.values(), key=_rank)))
    return latest


def _rank(trace: Tombstone) -> tuple[float, float]:
    return -math.inf if trace.line is None else trace.line, trace.expires


def _words(names: Names, record: SideRecord, now: float) -> Iterable[tuple[Value, ...]]:
    """Yield the commands that write it.

    A hash reveals neither its thread nor, therefore, the thread's partition: unless another Redis
    names the partition, it is written into all of them.
    """
    match record:
        case SeenEvent():
            for key in names.everywhere_of("seen", record.hash, record.near):
                letter = wire.LETTERS[record.verdict]
                yield "SET", key, letter, "PX", _left(record.expires, now)
        case StoredTombstone():
            for key in names.everywhere_of("trace", record.hash, record.near):
                yield "SET", key, _line(record.trace), "PX", _left(record.trace.expires, now)
        case ChannelSettings():
            yield "SET", names.place_named(record.name), codec.dump(record.settings)


def _side_record(kept: Kept, value: bytes, left: int, now: float) -> SideRecord:
    if kept.what == "seen":
        expires = now + left / 1000
        return SeenEvent(
            hash=kept.name, verdict=wire.verdict(value[:1]), expires=expires, near=kept.partition
        )
    if kept.what == "trace":
        return StoredTombstone(hash=kept.name, trace=_trace(value, left, now), near=kept.partition)
    if kept.what == "place":
        return ChannelSettings(name=kept.name, settings=codec.load_settings(value))
    return Cursor(name=kept.name, position=int(value))


def _rows(several: Sequence[Record]) -> list[tuple[str, str, str, str]]:
    return [
        (str(record.position), dumped(record), record.id, "")
        if isinstance(record, Entry)
        else (str(record.position), "", "", dumped(record))
        for record in several
    ]


def _trace(line: bytes, left: int, now: float) -> Tombstone:
    return Tombstone(line=float(line) if line else None, expires=now + left / 1000)


def _line(trace: Tombstone) -> str:
    return "" if trace.line is None else repr(trace.line)


def _left(expires: float, now: float) -> int:
    """Return the milliseconds until then; at least 1, the least that Redis accepts."""
    return max(1, math.ceil((expires - now) * 1000))


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")
