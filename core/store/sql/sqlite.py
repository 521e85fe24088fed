"""The store in a SQLite file: nothing to install, for any number of processes of one host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from core.store import verbs
from core.store.keys import unique
from core.store.port import Store
from core.store.sql import claiming, places, reading
from core.store.sql.file import SqliteFile
from core.store.sql.rows import SqlRows
from core.store.sql.watch import Watch

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection
    from pathlib import Path

    from core.admission import Terms
    from core.clock import Clock
    from core.message import Kind, Message, ThreadKey
    from core.session import Record
    from core.store.values import (
        Accepted,
        Buried,
        Changed,
        Deed,
        Draft,
        Idle,
        Lease,
        Outcome,
        Refused,
        ThreadPage,
        ThreadSettings,
        Work,
    )

Result = TypeVar("Result")


class SqliteStore(Store):
    """Runs each verb as one transaction; `open` makes one."""

    def __init__(self, path: Path, clock: Clock, *, lease_seconds: float = 15) -> None:
        """Name the file; `open` opens it."""
        self.lease_seconds = lease_seconds
        self._clock = clock
        self._file = SqliteFile(path)
        self._watch = Watch(path, clock)

    @classmethod
    async def open(cls, path: Path, clock: Clock, *, lease_seconds: float = 15) -> SqliteStore:
        """Return the store in this file, which is created where it is missing.

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

    async def accept(self, message: Message, terms: Terms, token: str = "") -> Accepted:
        """Take a message in, once, whatever becomes of it."""
        return await self._step(
            message.thread, lambda rows, now: verbs.accept(rows, now, message, terms, token)
        )

    async def claim(self, thread: ThreadKey, token: str) -> Work | None:
        """Take the lease on a thread that has work and that nobody holds; else None."""
        return await self._step(thread, lambda rows, now: verbs.claim(rows, now, token))

    async def claim_any(self, platforms: Collection[str], token: str) -> Work | Idle:
        """Claim, of these platforms, the thread that has been due for the longest."""
        return await self._file.write(
            lambda c: claiming.claim_any(c, self._now(), platforms, token)
        )

    async def renew(
        self, lease: Lease, rev: str, preview: str = ""
    ) -> Literal["ok", "changed", "stopped"] | Refused:
        """Extend the lease, and keep the preview's id when one is given."""
        return await self._step(
            lease.thread, lambda rows, now: verbs.renew(rows, now, lease, rev, preview)
        )

    async def stop(self, thread: ThreadKey, turn: str) -> bool:
        """Ask whoever runs this turn to end it with what has come."""
        return await self._step(thread, lambda rows, now: verbs.stop(rows, now, turn))

    async def commit(
        self, lease: Lease, rev: str, draft: Draft, preview: str = ""
    ) -> Literal["committed"] | Changed | Refused:
        """Record the turn's answer behind the last place that it answers."""
        return await self._step(
            lease.thread, lambda rows, now: verbs.commit(rows, now, lease, rev, draft, preview)
        )

    async def settle(
        self, lease: Lease, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"] | Refused:
        """Close the turn, or leave it to the next worker."""
        return await self._step(
            lease.thread, lambda rows, now: verbs.settle(rows, now, lease, outcome, posted, delay)
        )

    async def compact(
        self, thread: ThreadKey, *, covers: int, rev: str, to: int, text: str
    ) -> bool:
        """Let a summary stand for the places [0, to), if nothing moved."""
        return await self._step(
            thread,
            lambda rows, now: verbs.compact(rows, now, covers=covers, rev=rev, to=to, text=text),
        )

    async def amend(
        self,
        thread: ThreadKey,
        message: str,
        identities: tuple[str, ...],
        *,
        stamp: float,
        text: str | None,
    ) -> bool:
        """Change a stored message's text, or delete it."""
        known = await self._step(
            thread, lambda rows, now: verbs.amend(rows, now, message, identities, stamp, text)
        )
        if text is None:
            await self._file.scrub()
        return known

    async def erase(self, thread: ThreadKey, *, at: float, keep_log: bool = False) -> None:
        """Remove every trace of a thread, or only draw a line under it."""
        await self._step(thread, lambda rows, now: verbs.erase(rows, now, at, keep_log=keep_log))
        if not keep_log:
            await self._file.scrub()

    # --- reading ----------------------------------------------------------------------------

    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return the records of the next places behind place `after`, in order."""
        return await self._file.read(
            lambda c: reading.history(c, thread, self._clock.now(), after, limit)
        )

    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """List threads: those a person spoke in, those of a (platform, place), or all."""
        return await self._file.read(
            lambda c: reading.threads(c, self._clock.now(), person, place, after, limit)
        )

    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would show it, without taking it."""
        return await self._file.read(lambda c: claiming.peek(c, self._now(), thread))

    # --- the operator -----------------------------------------------------------------------

    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List messages whose turns were given up."""
        return await self._file.read(lambda c: reading.buried(c, self._clock.now(), limit))

    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        """Let a buried message wait again, at the end of its thread."""
        return await self._step(thread, lambda rows, now: verbs.requeue(rows, now, place))

    async def audit(self, deed: Deed) -> None:
        """Keep a deed; old ones go."""
        await self._file.write(lambda c: places.audit(c, self._clock.now(), deed))

    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[Deed, ...]:
        """Return the next deeds behind the one with the name `after`, oldest first."""
        return await self._file.read(lambda c: places.audited(c, self._clock.now(), after, limit))

    # --- settings and cursors -----------------------------------------------------------------

    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        """Return what was set for this thread."""
        return await self._file.read(lambda c: reading.settings(c, thread, self._clock.now()))

    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ThreadSettings, *, ttl: float
    ) -> None:
        """Set this thread's settings, as a whole."""
        await self._step(thread, lambda rows, now: verbs.configure(rows, now, kind, settings, ttl))

    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        """Return what was set for a place."""
        return await self._file.read(lambda c: places.settings(c, platform, place))

    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        """Set a place's settings, as a whole."""
        await self._file.write(lambda c: places.put_settings(c, platform, place, settings))

    async def cursor(self, name: str) -> int:
        """Return how far catch-up has come at a place."""
        return await self._file.read(lambda c: places.cursor(c, name))

    async def advance(self, name: str, position: int) -> int:
        """Move a cursor, never back; return where it stands."""
        return await self._file.write(lambda c: places.advance(c, name, position))

    # --- upkeep -------------------------------------------------------------------------------

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`."""
        await self._watch.wait(platforms, seconds)

    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired."""
        return await self._file.write(lambda c: reading.sweep(c, self._now(), limit))

    async def check(self) -> tuple[str, ...]:
        """Try the file out; say what the operator should know."""
        await self._file.write(places.try_out)
        return self._file.remarks()

    async def close(self) -> None:
        """Close the file."""
        await self._watch.close()
        await self._file.close()

    # --- inside -------------------------------------------------------------------------------

    def _now(self) -> verbs.Now:
        return verbs.Now(time=self._clock.now(), lease_seconds=self.lease_seconds, fresh=unique())

    async def _step(
        self, thread: ThreadKey, verb: Callable[[SqlRows, verbs.Now], Result]
    ) -> Result:
        def step(connection: sqlite3.Connection) -> tuple[Result, bool]:
            now = self._now()  # read when the lock is held: other processes go by it as well
            rows = SqlRows(connection, thread, now)
            return verb(rows, now), rows.left_work

        result, left_work = await self._file.write(step)
        if left_work:
            self._watch.wake()
        return result
