"""The base of stores in SQL databases: statements that all of them understand."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from typing_extensions import override

from core.store import verbs
from core.store.sql import reading, side, transfer
from core.store.verbs.stepped import Prefetch, SteppedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.domain.settings import Layers, ScopeSettings
    from core.store.sql.query import Queries, Result
    from core.store.values import AuditEvent, Buried, Dump, SideRecord, ThreadPage


class SqlStore(SteppedStore):
    """Runs each verb on one thread as one transaction."""

    # --- reading ----------------------------------------------------------------------------

    @override
    async def history(
        self, thread: ThreadKey, *, after: int = -1, limit: int = 200
    ) -> tuple[Record, ...]:
        return await self._ask(reading.history(thread, after, limit))

    @override
    async def read_at(self, thread: ThreadKey, positions: Collection[int]) -> tuple[Record, ...]:
        return await self._ask(reading.read_at(thread, positions))

    @override
    async def threads(
        self,
        *,
        person: str = "",
        channel: tuple[str, str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> ThreadPage:
        return await self._ask(reading.threads(person, channel, after, limit))

    @override
    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        return await self._ask(reading.revisions(threads))

    # --- the operator -----------------------------------------------------------------------

    @override
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        return await self._ask(reading.buried(limit))

    @override
    async def audit(self, event: AuditEvent) -> None:
        await self._ask(side.audit(await self._time(), event), writes=True)

    @override
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        return await self._ask(side.audited(await self._time(), after, limit))

    # --- settings and cursors -----------------------------------------------------------------

    @override
    async def layers(self, thread: ThreadKey) -> Layers:
        return await self._ask(reading.layers(thread))

    @override
    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        await self._ask(side.put_settings(platform, channel, settings), writes=True)

    @override
    async def cursor(self, name: str) -> int:
        return await self._ask(side.cursor(name))

    @override
    async def advance(self, name: str, position: int) -> int:
        return await self._ask(side.advance(name, position), writes=True)

    # --- migration ----------------------------------------------------------------------------

    @override
    async def dump(self, thread: ThreadKey) -> Dump | None:
        return await self._ask(transfer.dump(thread))

    @override
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        people = dump.people if dump else ()
        await self._step(
            thread,
            lambda rows, now: verbs.load(rows, now, records, people, first=first, dump=dump),
            Prefetch(makes=True),
        )

    @override
    async def side_records(self) -> AsyncIterator[tuple[SideRecord, ...]]:
        for table in transfer.TABLES:
            found, last = await self._ask(transfer.side_records(table, ""))
            while found:
                yield found
                found, last = await self._ask(transfer.side_records(table, last))

    @override
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        await self._ask(transfer.keep(side_records), writes=True)

    # --- each database's own ------------------------------------------------------------------

    @abstractmethod
    async def _time(self) -> float:
        """Return the store's time, in seconds since 1970."""

    @abstractmethod
    async def _ask(self, queries: Queries[Result], *, writes: bool = False) -> Result:
        """Run queries that need no lock; each statement may be a transaction of its own."""
