"""Comparing two stores after everything was migrated from one to the other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from core.store import codec, keys
from core.store.migration.migrate import portions_of, side_records_of, unheld
from core.store.values import ChannelSettings, Cursor, SeenEvent, StoredTombstone

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.port import Store
    from core.store.values import SideRecord

_SOON = 120.0
"""Seconds: what expires this soon may have expired in one store before the other was read."""


@dataclass(slots=True)
class Comparison:
    """What the source holds, and what differs in the target."""

    threads: int = 0
    records: int = 0
    differences: list[str] = field(default_factory=list)
    """One sentence for each."""


@dataclass(frozen=True, slots=True)
class _ThreadDigest:
    """What is compared of a thread."""

    header: str
    people: tuple[str, ...]
    line: float | None
    records: int
    digest: bytes


async def compare(
    source: Store, target: Store, clock: Clock, tell: Callable[[int], None]
) -> Comparison:
    """Compare everything in two stores; call `tell` with the number of threads read so far.

    Raises:
        StoreRefusedError: A bot runs on one of them.
        StoreUnavailableError: One of them does not answer.
    """
    found = Comparison()
    living: set[str] = set()
    async for info in source.all_threads():
        await _compare_thread(source, target, info.thread, found, clock)
        living.add(keys.digest(info.thread))
        tell(found.threads)
    async for info in target.all_threads():
        if keys.digest(info.thread) not in living:
            found.differences.append(f"{info.thread} is only in TO")
    await _compare_side_records(source, target, found, living, clock.now())
    kept = {deed.name async for deed in target.audit_events()}
    lost = [deed async for deed in source.audit_events() if deed.name not in kept]
    if lost:
        found.differences.append(f"{len(lost)} lines of the audit log are not in TO")
    return found


async def _compare_thread(
    source: Store, target: Store, thread: ThreadKey, found: Comparison, clock: Clock
) -> None:
    here, there = [await _snapshot(store, thread, clock) for store in (source, target)]
    if here is None:  # its session has ended since it was listed
        return
    found.threads += 1
    found.records += here.records
    if there == here:
        return
    if there is None:
        said = f"{thread} is not in TO"
    elif there.records != here.records:
        said = f"{thread} has {here.records} messages and answers in FROM, {there.records} in TO"
    elif there.digest != here.digest:
        said = f"{thread} has other messages or answers in TO"
    else:
        said = f"{thread} is in another state in TO: its turn, summary, settings or people differ"
    found.differences.append(said)


async def _snapshot(store: Store, thread: ThreadKey, clock: Clock) -> _ThreadDigest | None:
    dump = await unheld(store, thread, clock)
    if dump is None:
        return None
    count, digest = 0, blake2b(digest_size=16)
    async for records, _ in portions_of(store, thread, dump.header):
        count += len(records)
        for record in records:
            digest.update(_canonical(record).encode())
    return _ThreadDigest(
        header=_canonical(replace(dump.header, people=[])),
        people=dump.people,
        line=dump.trace.line if dump.trace else None,
        records=count,
        digest=digest.digest(),
    )


def _canonical(value: Record | Header) -> str:
    """Return a text that is the same from each store: one reads 0 as 0, another as 0.0."""
    fields = json.loads(codec.dump(value), parse_int=float)
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


async def _compare_side_records(
    source: Store, target: Store, found: Comparison, living: set[str], now: float
) -> None:
    kept: set[tuple[str, ...]] = set()
    async for batch in side_records_of(target, but=living):
        kept |= {_named(record) for record in batch}
    lost: dict[str, int] = {}
    async for batch in side_records_of(source, but=living):
        for record in batch:
            if _named(record) not in kept and not _ends(record, now + _SOON):
                name = _WORDS[type(record)]
                lost[name] = lost.get(name, 0) + 1
    found.differences += [f"{count} {name} are not in TO" for name, count in lost.items()]


_WORDS: dict[type[SideRecord], str] = {
    SeenEvent: "hashes of events",
    StoredTombstone: "tombstones of threads that expired or were forgotten",
    ChannelSettings: "settings of channels",
    Cursor: "cursors of catch-up",
}


def _named(record: SideRecord) -> tuple[str, ...]:
    match record:
        case SeenEvent():
            return "heard", record.hash, record.verdict.value
        case StoredTombstone():
            line = record.trace.line
            return "traced", record.hash, "" if line is None else repr(float(line))
        case ChannelSettings():
            return "place", record.name, codec.dump(record.settings)
        case Cursor():
            return "cursor", record.name, str(record.position)


def _ends(record: SideRecord, by: float) -> bool:
    if isinstance(record, SeenEvent):
        return record.expires <= by
    return isinstance(record, StoredTombstone) and record.trace.expires <= by
