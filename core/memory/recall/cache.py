"""The indexes of threads, in this process: built and brought up to date in the background.

No turn waits for one. An index is built from the log when a turn could use it for the first time;
from then on, each turn's new messages are added. Since the index holds no text, one that is behind
can show nothing that is gone: what is shown is read from the store.

The files of a thread are read for an index of their own once what was said is indexed.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache, TTLCache

from core.domain.errors import described
from core.domain.session import Answer, turns_of
from core.domain.tasks import Tasks, off_loop_if_long

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import tzinfo

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record, Session, Turn
    from core.memory.recall.file_texts import FileTexts
    from core.memory.recall.files import FileIndex, Key
    from core.memory.recall.index import Index, Slot, Unit
    from core.store.port import Store
    from core.store.values import Work

log = logging.getLogger(__name__)

MOST: Final = 64 << 20
"""Bytes that all indexes together take at most; those that were not used for longest go first."""
IDLE: Final = 3600.0
"""Seconds without a turn after which an index is dropped."""
REACH: Final = 20_000
"""Positions that are indexed at most, the newest of a thread: some 30 to 60 MB."""
PORTION: Final = 100
"""Records that are read for an index at a time, so that other turns go on in between."""
PAUSE: Final = 30.0
"""Seconds until an index is tried again that could not be built."""
CHANGE_DELAY: Final = 0.3
"""Seconds from an edit or a deletion to the update: many changes come together."""
WEIGHT: Final = 10
"""How much longer than other work on a text it takes to read it for an index or a query."""
AT_ONCE: Final = 4
"""Turns that are added to an index together at most, while all of them are shown."""
_REMEMBERED = 1000
_DEAD_SHARE = 4
"""An index of which one in so many passages is dead is built again."""


@dataclass(slots=True)
class Kept:
    """An index, and who uses it: an update never runs beside a query in another thread."""

    index: Index
    files: FileIndex | None = None
    """The files of the thread; None if it has none that may have a text."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        return self.index.size + (self.files.size if self.files is not None else 0)

    @property
    def passages(self) -> int:
        """Return how many passages a query ranks."""
        in_files = 0 if self.files is None else len(self.files.index.owners)
        return len(self.index.owners) + in_files


class Indexes:
    """At most `most` bytes of indexes."""

    def __init__(
        self, store: Store, clock: Clock, zone: tzinfo, *, most: int = MOST, keep: int = 1
    ) -> None:
        """Index the threads of this store; the days of messages are those of `zone`.

        `keep` is how many turns no summary takes over.
        """
        self._at_once = max(1, min(AT_ONCE, keep))
        self._store = store
        self._clock = clock
        self._zone = zone
        self._most = most
        self._kept: TTLCache[ThreadKey, Kept] = TTLCache(
            most, IDLE, timer=clock.monotonic, getsizeof=lambda kept: kept.size
        )
        self._paused: LRUCache[ThreadKey, float] = LRUCache(_REMEMBERED)
        self._busy: dict[ThreadKey, asyncio.Task[None]] = {}
        self._reading: dict[ThreadKey, asyncio.Task[None]] = {}
        """Where files are read."""
        self.texts: FileTexts | None = None
        """Reads the texts of files; None where there is no platform to read them from."""
        self._jobs = Tasks("indexing a thread")
        self._closed = False
        store.on_change(self._changed)

    def __len__(self) -> int:
        """Return how many threads have an index."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """Return about how many bytes the indexes take."""
        return int(self._kept.currsize)

    def close(self) -> None:
        """Start nothing more; what runs ends with its next portion."""
        self._closed = True

    def ready(self, session: Session, stop: int) -> Kept | None:
        """Return the index of a session's thread, or None if there is none yet.

        Whatever the index lacks is added in the background, for the turns after this one. That is
        left for later while it is only a few turns, and the next prompt shows all of them as well;
        this one shows what begins at `stop` or later.
        """
        thread = session.thread
        kept = self._kept.get(thread)
        head = session.batch[0].position
        if kept is not None and kept.index.end > head:  # the thread began again
            del self._kept[thread]
            kept = None
        if kept is None or kept.index.revision != session.revision:
            self._start(thread)
        elif kept.index.end < head:
            last = session.turns[-self._at_once :]
            lacking = sum([turn.end > kept.index.end for turn in last])
            if lacking >= sum([turn.start >= stop for turn in last]):
                self._start(thread, session)
        if kept is not None and kept.files is not None and kept.files.lacking:
            self.read_lacking(thread)
        return kept

    async def get(self, thread: ThreadKey, *, wait: float) -> Kept | None:
        """Return the index of a thread; if there is none, build it, and wait so many seconds."""
        if thread not in self._kept:
            self._start(thread)
            until = self._clock.monotonic() + wait
            for jobs in (self._busy, self._reading):  # the second begins with the end of the first
                if (job := jobs.get(thread)) is not None:
                    left = max(0.0, until - self._clock.monotonic())
                    await asyncio.wait([job], timeout=left)
        return self._kept.get(thread)

    async def settled(self) -> None:
        """Wait until nothing is being indexed."""
        while jobs := [*self._busy.values(), *self._reading.values()]:
            await asyncio.wait(jobs)

    def drop(self, thread: ThreadKey) -> None:
        """Drop the index of a thread."""
        self._kept.pop(thread, None)

    # --- in the background --------------------------------------------------------------------

    def _changed(self, thread: ThreadKey) -> None:
        if thread in self._kept:
            self._start(thread, delay=CHANGE_DELAY)

    def _start(
        self, thread: ThreadKey, session: Session | None = None, *, delay: float = 0
    ) -> None:
        """Bring an index up to date: by a session's turns, or by the whole log."""
        if self._closed or thread in self._busy:
            return
        if self._paused.get(thread, 0.0) > self._clock.monotonic():
            return
        self._busy[thread] = self._jobs.start(self._update(thread, session, delay))

    async def _update(self, thread: ThreadKey, session: Session | None, delay: float) -> None:
        try:
            if delay:
                await self._clock.sleep(delay)
            kept = self._kept.get(thread)
            if session is None or kept is None or session.since > kept.index.end:
                await self._read(thread)
            else:
                new = [turn for turn in session.turns if turn.end > kept.index.end]
                await self._add(kept, new)
                await self._note_files(kept, _files_in(new))
                self._keep(thread, kept)
        except Exception as error:  # noqa: BLE001 - no turn depends on it, whatever it was
            self._paused[thread] = self._clock.monotonic() + PAUSE
            log.warning(
                "a thread was not indexed, and is not tried again for %.0f seconds: %s",
                PAUSE,
                described(error),
            )
        finally:
            del self._busy[thread]
            self.read_lacking(thread)

    async def _read(self, thread: ThreadKey) -> None:
        """Index a thread's log, but for what is indexed already and has not changed."""
        work = await self._store.peek(thread)
        if work is None:
            self.drop(thread)
            return
        kept = self._kept.get(thread) or Kept(await asyncio.to_thread(_new, self._zone))
        living: set[Slot] = set()
        files: list[Key] = []
        async for turns in self._turns(work):
            living.update(await self._add(kept, turns))
            files += _files_in(turns)
            if self._closed:
                return
        async with kept.lock:
            for slot in [slot for slot in kept.index.units if slot not in living]:
                kept.index.drop(slot)
            kept.index.revision = work.revision
            kept.index.end = max(kept.index.end, work.head)
        await self._note_files(kept, files, are_all=True)
        if kept.index.dead * _DEAD_SHARE > len(kept.index.owners):
            self.drop(thread)
        else:
            self._keep(thread, kept)

    async def _turns(self, work: Work) -> AsyncIterator[Sequence[Turn]]:
        """Yield the finished turns of a thread's log, in portions."""
        records: list[Record] = []
        start = max(work.reset_position, work.head - REACH)
        async for record in self._store.records(work.lease.thread, start, work.head):
            records.append(record)
            if isinstance(record, Answer) and len(records) >= PORTION:
                yield turns_of(records)[0]
                records = []
        yield turns_of(records)[0]

    async def _add(self, kept: Kept, turns: Sequence[Turn]) -> list[Slot]:
        """Add turns to an index; return which slots may be shown again."""
        index = kept.index
        length = sum([turn.length for turn in turns]) * WEIGHT
        slots, units = await off_loop_if_long(length, lambda: _read_units(turns, index))
        async with kept.lock:
            await off_loop_if_long(length if units else 0, lambda: index.add(units))
            index.end = max([index.end, *(turn.end for turn in turns)])
        return slots

    def _keep(self, thread: ThreadKey, kept: Kept) -> None:
        from core.memory.recall.living import living_of  # noqa: PLC0415

        living_of(kept.index)  # so that the next query need not
        self._kept.pop(thread, None)
        if kept.size <= self._most:
            self._kept[thread] = kept

    # --- files --------------------------------------------------------------------------------

    async def _note_files(self, kept: Kept, found: Sequence[Key], *, are_all: bool = False) -> None:
        """Note the files of new turns, or all files of the thread, which then has no others."""
        if kept.files is None and (not found or self.texts is None):  # nearly always
            return
        from core.memory.recall.files import FileIndex  # noqa: PLC0415 - see `_new`
        from core.memory.recall.index import Index  # noqa: PLC0415

        files = kept.files = kept.files or FileIndex(Index(self._zone))
        async with kept.lock:
            if are_all:
                await off_loop_if_long(files.size, lambda: files.retain(found))
            else:
                files.note(found)

    def read_lacking(self, thread: ThreadKey) -> None:
        """Read the files that the index of a thread lacks, if there are any."""
        kept = self._kept.get(thread)
        if kept is None or kept.files is None or not kept.files.lacking:  # nearly always
            return
        if self.texts is not None and not self._closed and thread not in self._reading:
            reading = self._read_files(thread, kept, kept.files, self.texts)
            self._reading[thread] = self._jobs.start(reading)

    async def _read_files(
        self, thread: ThreadKey, kept: Kept, files: FileIndex, texts: FileTexts
    ) -> None:
        from core.memory.recall.file_texts import reading  # noqa: PLC0415 - see `_new`

        try:
            async for key, unit in reading(self._store, texts, thread, files, kept.index):
                if self._closed or self._kept.get(thread) is not kept:
                    return
                async with kept.lock:
                    await off_loop_if_long(files.size, partial(files.add, key, unit))
            self._keep(thread, kept)
        except Exception as error:  # noqa: BLE001 - no turn depends on it, whatever it was
            log.warning("files of a thread were not indexed: %s", described(error))
        finally:
            del self._reading[thread]


def _new(zone: tzinfo) -> Index:
    # The first imports take a tenth of a second or more, which no turn is to wait for.
    from core.memory.recall.index import Index  # noqa: PLC0415
    from core.memory.recall.words import prepare  # noqa: PLC0415

    prepare()
    return Index(zone)


def _files_in(turns: Sequence[Turn]) -> list[Key]:
    """Return the files of turns that may be indexed."""
    if not any(turn.attachments for turn in turns):  # nearly always
        return []
    from core.memory.recall.files import files_in  # noqa: PLC0415 - see `_new`

    return files_in(turns)


def _read_units(turns: Sequence[Turn], index: Index) -> tuple[list[Slot], list[Unit]]:
    """Return the slots of turns that may be shown, and the units of those that changed."""
    from core.memory.recall.index import changed_units  # noqa: PLC0415

    return changed_units(turns, index)
