"""Running a verb on one thread: read, run, and write all at once if nothing has changed."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from core.domain.errors import StoreUnavailableError
from core.store import verbs
from core.store.dynamodb import across, items
from core.store.dynamodb.connecting.client import pause
from core.store.dynamodb.fetch import TornError, look, read_more
from core.store.dynamodb.items import VersionedSnapshot
from core.store.dynamodb.write import after, writing
from core.store.keys import unique
from core.store.verbs.buffered_rows import BufferedRows, MissingError, Reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.dynamodb.claiming import LeaseObserver
    from core.store.dynamodb.connecting.client import Table
    from core.store.verbs.stepped import Prefetch

Result = TypeVar("Result")

_REMEMBERED = 200
"""Threads under lease whose snapshots are remembered, so that their next steps read nothing."""
_FRESH = 120.0
"""Seconds for which a snapshot is remembered: others may have removed what is in it."""
_INLINE = 100
"""Items of a past session that the step which ends it removes at most."""


class PassedByError(Exception):
    """Another writer came first, so the step starts over."""


class Steps:
    """Runs verbs; within this process, those on the same thread one after the other."""

    def __init__(
        self, table: Table, clock: Clock, beats: LeaseObserver, lease_seconds: float
    ) -> None:
        """Run verbs on this table."""
        self.left_work: Callable[[], None] = lambda: None
        """Called when a step leaves a thread for any worker to claim."""
        self._table = table
        self._clock = clock
        self._beats = beats
        self._lease_seconds = lease_seconds
        self._locks: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        self._known: OrderedDict[ThreadKey, tuple[VersionedSnapshot, asyncio.TimerHandle]] = (
            OrderedDict()
        )

    async def run(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], prefetch: Prefetch
    ) -> Result:
        """Run a verb as one atomic step.

        Raises:
            StoreError: Other writers came first again and again, or as `Table.call`.
        """
        lock = self._locks.setdefault(thread, asyncio.Lock())
        deadline = asyncio.get_running_loop().time() + self._table.patience
        try:
            async with asyncio.timeout_at(deadline):
                await lock.acquire()
        except TimeoutError as error:
            raise self._too_late() from error
        try:
            return await self._until_done(thread, verb, prefetch, deadline)
        finally:
            lock.release()

    def generation(self, thread: ThreadKey) -> str:
        """Return the generation of a thread whose snapshot is remembered; empty for any other."""
        known, _ = self._known.get(thread, (None, None))
        return known.gen if known is not None else ""

    async def _until_done(
        self,
        thread: ThreadKey,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        prefetch: Prefetch,
        deadline: float,
    ) -> Result:
        for attempt in itertools.count():
            known = self._forget(thread)
            # A remembered snapshot only suits a step that writes, which proves that it is current.
            trusted = attempt == 0 and known.head is not None and prefetch.reads == Reads()
            try:
                now = self._clock.now()
                found = known if trusted else await look(self._table, thread, prefetch, now, known)
                return await self._once(found, verb, trusted=trusted)
            except (TornError, PassedByError):
                if not trusted:
                    await asyncio.sleep(pause(attempt))
            if asyncio.get_running_loop().time() > deadline:
                raise self._too_late()
        raise AssertionError

    async def _once(
        self,
        found: VersionedSnapshot,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        *,
        trusted: bool,
    ) -> Result:
        now = verbs.Now(time=self._clock.now(), lease_seconds=self._lease_seconds, fresh=unique())
        found.present(now.time, self._beats)
        rows = BufferedRows(found.thread, found.snapshot)
        answer = await self._decide(found, rows, verb, now)
        if rows.changes:
            await self._write(found, rows, now)
        elif trusted or (found.rounds > 1 and not await self._stands(found)):
            raise PassedByError
        return answer

    async def _decide(
        self,
        found: VersionedSnapshot,
        rows: BufferedRows,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        now: verbs.Now,
    ) -> Result:
        while True:
            try:
                return verb(rows.again(), now)
            except MissingError as missing:
                await read_more(self._table, found, missing.reads, now.time)

    async def _write(self, found: VersionedSnapshot, rows: BufferedRows, now: verbs.Now) -> None:
        stamp = unique()
        made = writing(found, rows.changes, now.time, stamp)
        if not await self._table.transact(made.steps, stamp):
            raise PassedByError
        head = made.head
        if head is not None and head.header.token:
            self._beats.left(str(found.thread), head.beat)
            self._remember(after(made, rows.changes))
        else:
            self._beats.forget(str(found.thread))
        if rows.changes.leaves_work:
            self.left_work()
        if rows.changes.emptied and found.head is not None:
            try:
                await across.clear(self._table, found.partition, found.gen, _INLINE)
            except StoreUnavailableError:
                return  # it is listed, so a sweep will remove it

    def _remember(self, known: VersionedSnapshot) -> None:
        loop = asyncio.get_running_loop()
        self._known[known.thread] = (known, loop.call_later(_FRESH, self._forget, known.thread))
        if len(self._known) > _REMEMBERED:
            self._forget(next(iter(self._known)))

    def _forget(self, thread: ThreadKey) -> VersionedSnapshot:
        """Return the remembered snapshot of a thread, and forget it."""
        known, timer = self._known.pop(thread, (VersionedSnapshot(thread=thread), None))
        if timer is not None:
            timer.cancel()
        return known

    async def _stands(self, found: VersionedSnapshot) -> bool:
        """Return whether the thread's header has not changed since it was read."""
        key = (found.partition, items.HEADER)
        read = (await self._table.get([key])).get(key)
        return (items.text(read, "stamp") if read else "") == (
            found.head.stamp if found.head else ""
        )

    def _too_late(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self._table.at} has a thread with too many writers at once: try again later"
        )
