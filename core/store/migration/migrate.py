"""Moving everything from one store to another, with no bot at work on either.

It may be killed at any instruction and started again: a thread is there when its last portion
is, and whatever is written twice is the same. A mark in the store that is filled says that it is
not done, so that nobody works with half of it, and that what is in it is ours to write over.

The store that is left is only read. So a bot that was forgotten there shows up at the end, as a
difference; one in the middle of a turn shows up at once, by its lease.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.errors import StoreRefusedError
from core.store import keys
from core.store.side_port import Cursor, Place, Traced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.port import Store
    from core.store.side_port import Aside, Dump

MARK = "chatbot migrate"
"""The cursor that counts begins and ends of moves into a store: odd while one is under way."""
PORTION = 100
"""Places of a thread that are read and written at once: an entry may have 64 KB."""
_MORE = 0.05
"""Seconds beyond a lease's end: clocks differ by a moment."""
_UNFINISHED = (
    "the store in {where} is only partly filled: run `chatbot migrate` again with the same "
    "FROM and TO; it goes on where it ended"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a move is."""

    threads: int
    of: int


async def refuse_unfinished(store: Store, where: str) -> None:
    """Raise `StoreRefusedError` where a move into the store has not come to its end."""
    if await store.cursor(MARK) % 2:
        raise StoreRefusedError(_UNFINISHED.format(where=where))


async def move(
    source: Store, target: Store, clock: Clock, tell: Callable[[Progress], None]
) -> None:
    """Write all that one store keeps into another, which is empty or an earlier try's.

    Raises:
        StoreRefusedError: There is nothing to move, something else is in the target, or a bot
            is at work on the source.
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
    async for batch in asides_of(source, but=living):
        await target.keep(batch)
    async for deed in source.audit_events():
        await target.audit(deed)


async def finish(target: Store) -> None:
    """Say that a move has come to its end: from now on the store is like any other."""
    position = await target.cursor(MARK)
    await target.advance(MARK, position + position % 2)


async def portions_of(
    store: Store, thread: ThreadKey, header: Header
) -> AsyncIterator[tuple[tuple[Record, ...], bool]]:
    """Give out a thread's records, portion by portion, and whether it is the last; at least one."""
    after, is_last = -1, False
    while not is_last:
        records = await store.history(thread, after=after, limit=PORTION)
        after = records[-1].place if records else after
        is_last = not records or after >= header.next - 1
        yield records, is_last


async def asides_of(store: Store, *, but: set[str]) -> AsyncIterator[tuple[Aside, ...]]:
    """Give out what lies beside threads: not our mark, nor the traces of threads that live."""
    async for batch in store.asides():
        yield tuple(
            aside
            for aside in batch
            if not (isinstance(aside, Cursor) and aside.name == MARK)
            and not (isinstance(aside, Traced) and aside.hash in but)
        )


async def unheld(store: Store, thread: ThreadKey, clock: Clock) -> Dump | None:
    """Return a thread as nobody holds it; None when there is none.

    The lease of a bot that was killed is waited for, as any other bot would. Its open turn is
    taken over on the other store as it would be on its own: what was begun is finished or taken
    back there, and what waits is answered once.

    Raises:
        StoreRefusedError: Somebody holds it who is alive.
    """
    dump = await store.dump(thread)
    if dump is not None and dump.header.is_held(dump.time):
        await clock.sleep(dump.header.until - dump.time + _MORE)
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
        header.free(header.due)
    return replace(dump, header=header)


async def _begin(source: Store, target: Store) -> bool:
    """Mark the target as unfinished; tell whether it was marked already."""
    await refuse_unfinished(source, "FROM")
    if await _is_empty(source):
        raise StoreRefusedError("there is nothing in FROM: look whether it is the right store")
    position = await target.cursor(MARK)
    resumed = bool(position % 2)
    if not resumed:
        if not await _is_empty(target):
            raise StoreRefusedError(
                "there are conversations or settings in TO already: a move needs an empty store, "
                "as nothing could tell later what came from where"
            )
        await target.advance(MARK, position + 1)
    return resumed


async def _is_empty(store: Store) -> bool:
    """Tell whether nothing of value is kept; a doctor's visit leaves hashes, which may stay."""
    if (await store.threads(limit=1)).threads or await store.audited(limit=1):
        return False
    async for batch in asides_of(store, but=set()):
        if any(isinstance(aside, Cursor | Place) for aside in batch):
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
    """Remove what an earlier try has written of threads that have been forgotten since."""
    others = [
        info.thread async for info in target.all_threads() if keys.digest(info.thread) not in living
    ]
    for thread in others:
        await target.load(thread, (), first=True, dump=None)


def alike(one: Dump, other: Dump) -> bool:
    """Tell whether two stores keep the same thread. Who is counted first, they do not agree on."""
    return one.people == other.people and replace(one.header, people=[]) == replace(
        other.header, people=[]
    )
