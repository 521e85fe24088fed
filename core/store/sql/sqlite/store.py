"""The store in a SQLite file: nothing to install, for any number of processes on one host."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from core.domain.clock import Backoff
from core.domain.errors import StoreError
from core.store import verbs
from core.store.keys import unique
from core.store.sql import side
from core.store.sql.query import run
from core.store.sql.rows import SqlRows
from core.store.sql.sqlite import claiming
from core.store.sql.sqlite.file import SqliteFile
from core.store.sql.sqlite.watch import Watch
from core.store.sql.store import SqlStore
from core.store.values import ChannelSettings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from core.domain.clock import Clock
    from core.domain.message import Attachment, Kind, Quote, ThreadKey
    from core.domain.session import Record
    from core.domain.settings import ScopeSettings
    from core.store.sql.query import Queries, Result
    from core.store.values import AuditEvent, NothingDue, SideRecord, Work
    from core.store.verbs.stepped import Prefetch

log = logging.getLogger(__name__)

_SCRUB_SECONDS, _LONGEST_SCRUB_SECONDS = 0.5, 60.0
"""Seconds until a write-ahead log that is being read is truncated, doubled with each try."""


class SqliteStore(SqlStore):
    """Runs each verb as one transaction; `open` creates one."""

    def __init__(self, path: Path, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Take the path; `open` opens the file."""
        self.lease_seconds = lease_seconds
        self._clock = clock
        self._file = SqliteFile(path)
        self._watch = Watch(path, clock)
        self._scrubbing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, clock: Clock, *, lease_seconds: float = 15) -> SqliteStore:
        """Return the store in this file, which is created if it is missing.

        Raises:
            StoreRefusedError: The file can't be used; the text says why and what to do.
            StoreUnavailableError: Another process keeps it locked.
        """
        store = cls(path, clock, lease_seconds=lease_seconds)
        try:
            await store._file.open()
            await store._watch.open()
        except BaseException:
            await store.close()
            raise
        return store

    # --- a turn -----------------------------------------------------------------------------

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        return await self._file.write(
            lambda c: claiming.claim_any(c, self._now(), platforms, token, excluded)
        )

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:
        now = self._now()
        return await self._file.read(lambda c: verbs.peek(SqlRows(c, thread, now), now))

    @override
    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        edited_at: float,
        text: str | None,
        attachments: tuple[Attachment, ...] | None = None,
        quotes: tuple[Quote, ...] | None = None,
    ) -> bool:
        """Change what a stored message says, or delete it, on the disk as well."""
        known = await super().amend(
            thread,
            message,
            identities,
            edited_at=edited_at,
            text=text,
            attachments=attachments,
            quotes=quotes,
        )
        if known or text is None:  # a pin may go with a message that is not stored
            await self._scrub()
        return known

    @override
    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        await super().erase(thread, at=at, keep_log=keep_log)
        await self._scrub()

    @override
    async def redact(
        self, thread: ThreadKey, records: Sequence[Record], *, revision: str, person: str = ""
    ) -> bool:
        """Write over records, on the disk as well."""
        done = await super().redact(thread, records, revision=revision, person=person)
        await self._scrub()
        return done

    @override
    async def audit(self, event: AuditEvent) -> None:
        """Add an event to the audit log; what was in its place goes from the disk as well."""
        await super().audit(event)
        await self._scrub()

    @override
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ScopeSettings, *, ttl: float
    ) -> None:
        """Replace a thread's settings, and what they say of people on the disk as well."""
        await super().set_thread(thread, kind, settings, ttl=ttl)
        await self._scrub()

    @override
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        """Write what another store has yielded; so do settings go from the disk."""
        await super().keep(side_records)
        if any(isinstance(record, ChannelSettings) for record in side_records):
            await self._scrub()

    @override
    async def unpin(self, thread: ThreadKey, pins: tuple[str, ...]) -> None:
        """Remove pins, on the disk as well."""
        await super().unpin(thread, pins)
        await self._scrub()

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        await self._watch.wait(platforms, seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        return await self._file.write(lambda c: claiming.sweep(c, self._now(), limit))

    @override
    async def check(self) -> tuple[str, ...]:
        await self._ask(side.try_out(), writes=True)
        return self._file.remarks()

    @override
    async def close(self) -> None:
        if self._scrubbing is not None:
            self._scrubbing.cancel()
        await self._watch.close()
        await self._file.close()

    # --- inside -------------------------------------------------------------------------------

    async def _scrub(self) -> None:
        """Remove deleted data from the write-ahead log.

        While another process reads, perhaps a backup, that is impossible, so retry later.
        """
        if await self._file.scrub() or self._scrubbing is not None:
            return
        self._scrubbing = asyncio.create_task(self._scrub_later())

    async def _scrub_later(self) -> None:
        waits = iter(Backoff(first=_SCRUB_SECONDS, cap=_LONGEST_SCRUB_SECONDS))
        try:
            while True:
                await asyncio.sleep(next(waits))
                if await self._file.scrub():
                    return
        except StoreError as error:
            log.warning("the log of writes of %s was not emptied: %s", self._file.path, error)
        finally:
            self._scrubbing = None

    def _now(self) -> verbs.Now:
        return verbs.Now(time=self._clock.now(), lease_seconds=self.lease_seconds, fresh=unique())

    @override
    async def _time(self) -> float:
        return self._clock.now()

    @override
    async def _ask(self, queries: Queries[Result], *, writes: bool = False) -> Result:
        transact = self._file.write if writes else self._file.read
        return await transact(lambda c: run(c, self._clock.now(), queries))

    @override
    async def _step(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], prefetch: Prefetch
    ) -> Result:
        del prefetch  # verbs read the file directly

        def step(connection: sqlite3.Connection) -> tuple[Result, bool]:
            now = self._now()  # read with the lock held, as other processes do
            rows = SqlRows(connection, thread, now)
            return verb(rows, now), rows.left_work

        result, left_work = await self._file.write(step)
        if left_work:
            self._watch.wake()
        return result
