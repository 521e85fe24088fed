"""What the stores in SQL databases have in common: statements that all of them take."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from core.store import verbs
from core.store.sql import places, reading, transfer
from core.store.verbs.stepped import Prefetch, SteppedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.migration.transfer import Aside, Dump
    from core.store.sql.query import Queries, Result
    from core.store.values import AuditEvent, Buried, ThreadPage, ThreadSettings


class SqlStore(SteppedStore):
    """Runs each verb as one transaction on one thread."""

    # --- reading ----------------------------------------------------------------------------

    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        """Return the records of the next places behind place `after`, in order."""
        return await self._ask(reading.history(thread, after, limit))

    async def threads(
        self,
        *,
        person: str = "",
        place: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        """List threads: those a person spoke in, those of a (platform, place), or all."""
        return await self._ask(reading.threads(person, place, after, limit))

    async def revs(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        """Return the `rev` of each of these threads; empty for one that is not kept."""
        return await self._ask(reading.revs(threads))

    # --- the operator -----------------------------------------------------------------------

    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List messages whose turns were given up."""
        return await self._ask(reading.buried(limit))

    async def audit(self, deed: AuditEvent) -> None:
        """Keep a deed; old ones go."""
        await self._ask(places.audit(await self._time(), deed), writes=True)

    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        """Return the next deeds behind the one with the name `after`, oldest first."""
        return await self._ask(places.audited(await self._time(), after, limit))

    # --- settings and cursors -----------------------------------------------------------------

    async def thread_settings(self, thread: ThreadKey) -> ThreadSettings:
        """Return what was set for this thread."""
        return await self._ask(reading.settings(thread))

    async def place_settings(self, platform: str, place: str) -> ThreadSettings:
        """Return what was set for a place."""
        return await self._ask(places.settings(platform, place))

    async def set_place(self, platform: str, place: str, settings: ThreadSettings) -> None:
        """Set a place's settings, as a whole."""
        await self._ask(places.put_settings(platform, place, settings), writes=True)

    async def cursor(self, name: str) -> int:
        """Return how far catch-up has come at a place."""
        return await self._ask(places.cursor(name))

    async def advance(self, name: str, position: int) -> int:
        """Move a cursor, never back; return where it stands."""
        return await self._ask(places.advance(name, position), writes=True)

    # --- moving it all ------------------------------------------------------------------------

    async def dump(self, thread: ThreadKey) -> Dump | None:
        """Return a thread that lives, but for its records."""
        return await self._ask(transfer.dump(thread))

    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        """Write the next portion of a thread's records."""
        people = dump.people if dump else ()
        await self._step(
            thread,
            lambda rows, now: verbs.load(rows, now, records, people, first=first, dump=dump),
            Prefetch(makes=True),
        )

    async def asides(self) -> AsyncIterator[tuple[Aside, ...]]:
        """Give out what is kept beside threads."""
        for table in transfer.TABLES:
            found, last = await self._ask(transfer.asides(table, ""))
            while found:
                yield found
                found, last = await self._ask(transfer.asides(table, last))

    async def keep(self, asides: Sequence[Aside]) -> None:
        """Take in what another store has given out."""
        await self._ask(transfer.keep(asides), writes=True)

    # --- each database's own ------------------------------------------------------------------

    @abstractmethod
    async def _time(self) -> float:
        """Return the store's time, in seconds since 1970."""

    @abstractmethod
    async def _ask(self, queries: Queries[Result], *, writes: bool = False) -> Result:
        """Ask what needs no thread's lock; each statement may be a transaction of its own."""
