"""Migrating everything from one store to another, while no bot runs on either.

A migration may be killed at any point and started again: a thread exists once its last portion is
written, and writing a portion twice has no effect. A mark in the target says that the migration is
not finished, so that no bot starts on half of the data, and that its contents may be overwritten.

The source is only read. So a bot that still runs on it shows up at the end, as a difference; a bot
in the middle of a turn shows up at once, by its lease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError
from core.store import keys
from core.store.values import ChannelSettings, Cursor, StoredTombstone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.port import Store
    from core.store.values import Dump, SideRecord

MARK = "chatbot migrate"
"""The cursor that counts starts and ends of migrations into a store: odd during one."""
PORTION = 100
"""Positions of a thread that are read and written at once: an entry may have 64 KB."""
_MORE = 0.05
"""Seconds to wait beyond a lease's end, since clocks differ."""
_UNFINISHED = (
    "the store in {where} is only partly filled: run `chatbot migrate` again with the same "
    "FROM and TO; it continues where it stopped"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a migration."""

    threads: int
    of: int


async def refuse_unfinished(store: Store, where: str) -> None:
    """Raise `StoreRefusedError` if a migration into the store has not finished."""
    if await store.cursor(MARK) % 2:
        raise StoreRefusedError(_UNFINISHED.format(where=where))


async def move(
    source: Store, target: Store, clock: Clock, tell: Callable[[Progress], None]
) -> None:
    """Copy everything from one store into another, which is empty or left by an earlier try.

    Raises:
        StoreRefusedError: The source is empty, the target holds other data, or a bot runs on
            the source.
        StoreUnavailableError: One of them does not answer.
    """
    resumed = await _begin(source, target)
    total = 0
    async for _ in source.all_threads():
        total += 1
    living: set[str] = set()
    async for info in source.all_threads():
        await _move_thread(source, target, info.thread, clock, resumed=resumed)
        living.add(keys.digest(info.thread))
        tell(Progress(threads=len(living), of=max(total, len(living))))
    if resumed:
        await _remove_others(target, living)
    async for batch in side_records_of(source, but=living):
        await target.keep(batch)
    async for deed in source.audit_events():
        await target.audit(deed)


async def finish(target: Store) -> None:
    """Mark a migration as finished: bots may start on the store."""
    position = await target.cursor(MARK)
    await target.advance(MARK, position + position % 2)


async def portions_of(
    store: Store, thread: ThreadKey, header: Header
) -> AsyncIterator[tuple[tuple[Record, ...], bool]]:
    """Yield at least one portion of a thread's records, and whether it is the last."""
    after, is_last = -1, False
    while not is_last:
        records = await store.history(thread, after=after, limit=PORTION)
        after = records[-1].position if records else after
        is_last = not records or after >= header.next - 1
        yield records, is_last


async def side_records_of(store: Store, *, but: set[str]) -> AsyncIterator[tuple[SideRecord, ...]]:
    """Yield what lies beside threads, without our mark and the tombstones of threads in `but`."""
    async for batch in store.side_records():
        yield tuple(
            record
            for record in batch
            if not (isinstance(record, Cursor) and record.name == MARK)
            and not (isinstance(record, StoredTombstone) and record.hash in but)
        )


async def unheld(store: Store, thread: ThreadKey, clock: Clock) -> Dump | None:
    """Return a thread as it is without a lease; None if there is no thread.

    The lease of a bot that was killed is waited for, as any bot would. A bot takes over its open
    turn on the other store as it would on this one: it finishes or removes what was begun, and
    answers what waits once.

    Raises:
        StoreRefusedError: A running bot holds the lease.
    """
    dump = await store.dump(thread)
    if dump is not None and dump.header.is_held(dump.time):
        await clock.sleep(dump.header.lease_until - dump.time + _MORE)
        dump = await store.dump(thread)
    if dump is None:
        return None
    header = dump.header.copy()
    if header.is_held(dump.time):
        raise StoreRefusedError(
            f"a bot is in the middle of a turn in {thread}: stop every bot that runs on FROM or "
            "TO, and start this again"
        )
    if header.token:
        if header.turn is not None:
            header.turn.deaths += 1  # as the claim that takes it over would count it
        header.free(header.due_at)
    return replace(dump, header=header)


async def _begin(source: Store, target: Store) -> bool:
    """Mark the target as unfinished; return whether it was marked already."""
    await refuse_unfinished(source, "FROM")
    if await _is_empty(source):
        raise StoreRefusedError("FROM is empty: check that it is the right store")
    position = await target.cursor(MARK)
    resumed = bool(position % 2)
    if not resumed:
        if not await _is_empty(target):
            raise StoreRefusedError(
                "TO already holds conversations or settings: a migration needs an empty store, as "
                "nothing could tell later what came from where"
            )
        await target.advance(MARK, position + 1)
    return resumed


async def _is_empty(store: Store) -> bool:
    """Return whether the store holds nothing of value; hashes that the doctor left may stay."""
    if (await store.threads(limit=1)).threads or await store.audited(limit=1):
        return False
    async for batch in side_records_of(store, but=set()):
        if any(isinstance(record, Cursor | ChannelSettings) for record in batch):
            return False
    return True


async def _move_thread(
    source: Store, target: Store, thread: ThreadKey, clock: Clock, *, resumed: bool
) -> None:
    dump = await unheld(source, thread, clock)
    if dump is None:  # its session has ended since it was listed
        return
    if resumed and (there := await target.dump(thread)) is not None and alike(there, dump):
        return
    first = True
    async for records, is_last in portions_of(source, thread, dump.header):
        await target.load(thread, records, first=first, dump=dump if is_last else None)
        first = False


async def _remove_others(target: Store, living: set[str]) -> None:
    """Remove what an earlier try wrote of threads that were erased since."""
    others = [
        info.thread async for info in target.all_threads() if keys.digest(info.thread) not in living
    ]
    for thread in others:
        await target.load(thread, (), first=True, dump=None)


def alike(one: Dump, other: Dump) -> bool:
    """Return whether two stores hold the same thread; each counts other people first."""
    return one.people == other.people and replace(one.header, people=[]) == replace(
        other.header, people=[]
    )
