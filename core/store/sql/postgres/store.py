"""The store in PostgreSQL: for any number of processes on any number of hosts."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from core.store import verbs
from core.store.keys import unique
from core.store.sql import side
from core.store.sql.postgres import across
from core.store.sql.postgres.connecting import checks
from core.store.sql.postgres.connecting.address import parse
from core.store.sql.postgres.database import PATIENCE, Database, words
from core.store.sql.postgres.fetch import lock, look, read
from core.store.sql.postgres.schema import migrate
from core.store.sql.postgres.step import Call, LockError
from core.store.sql.postgres.wake import Listener
from core.store.sql.query import Query
from core.store.sql.store import SqlStore
from core.store.values import NothingDue
from core.store.verbs.buffered_rows import BufferedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from psycopg import AsyncConnection

    from core.domain.message import ThreadKey
    from core.store.sql.postgres.database import Connection
    from core.store.sql.query import Queries, Result, Row
    from core.store.values import Work
    from core.store.verbs.stepped import Prefetch

KNOWN = 10_000
"""Threads that are remembered to exist, at about 300 bytes each."""


class PostgresStore(SqlStore):
    """Runs each verb as one transaction in two round trips; `open` creates one."""

    def __init__(self, database: Database, *, lease_seconds: float = 15) -> None:
        """Take a database, which is closed with the store."""
        self.lease_seconds = lease_seconds
        self._database = database
        self._wakes = Listener(database).wakes
        self._known: set[ThreadKey] = set()

    @classmethod
    async def open(
        cls, url: str, *, lease_seconds: float = 15, patience: float = PATIENCE, pause: float = 0.01
    ) -> PostgresStore:
        """Return the store at a `postgresql://` address; missing tables are created.

        Args:
            url: The address.
            lease_seconds: How long a lease lives without being renewed.
            patience: After how many seconds a verb gives up.
            pause: The seconds between the first two tries of a verb.

        Raises:
            SettingsError: The address is invalid.
            StoreRefusedError: The database can't be used as it is.
            StoreUnavailableError: The server does not answer.
        """
        database = Database(parse(url), patience=patience, pause=pause)

        async def prepare(connection: AsyncConnection) -> None:
            checks.refuse_unfit(connection, database.at)
            await migrate(connection, database.at)

        try:
            await database.run(prepare)
        except BaseException:
            await database.close()
            raise
        return cls(database, lease_seconds=lease_seconds)

    # --- across threads -----------------------------------------------------------------------

    @override
    async def claim_any(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey] = ()
    ) -> Work | NothingDue:
        found: Work | NothingDue | None = None
        while found is None:  # the due thread's session had expired, and the claim removed it
            found = await self._claim_due(platforms, token, excluded)
        return found

    @override
    async def peek(self, thread: ThreadKey) -> Work | None:

        async def show(connection: AsyncConnection) -> Work | None:
            snapshot = await look(connection, thread)
            if snapshot.header is None:
                return None
            return verbs.show(BufferedRows(thread, snapshot), snapshot.header)

        work = await self._database.run(show)
        return work and replace(work, lease=replace(work.lease, token=""))

    # --- upkeep -------------------------------------------------------------------------------

    @override
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        del platforms  # one channel for all platforms: a wake for another one costs one look
        await self._wakes.wait(seconds)

    @override
    async def sweep(self, limit: int = 100) -> int:
        return await self._database.run(lambda c: across.sweep(c, limit))

    @override
    async def check(self) -> tuple[str, ...]:
        await self._ask(side.try_out(), writes=True)
        return await self._database.run(lambda c: checks.sentences(c, self._database.at))

    @override
    async def close(self) -> None:
        await self._wakes.close()
        await self._database.close()

    # --- inside -------------------------------------------------------------------------------

    @override
    async def _time(self) -> float:
        ((time,),) = await self._rows(Query("SELECT :clock"))
        return float(time)

    @override
    async def _ask(self, queries: Queries[Result], *, writes: bool = False) -> Result:
        del writes  # each statement is a transaction of its own, and may be repeated
        try:
            query = next(queries)
            while True:
                query = queries.send(await self._rows(query))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def _rows(self, query: Query) -> list[Row]:
        async def ask(connection: AsyncConnection) -> list[Row]:
            found = await connection.execute(words(query.text), query.values)
            return await found.fetchall() if found.description else []

        return await self._database.run(ask)

    @override
    async def _step(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], prefetch: Prefetch
    ) -> Result:
        call = self._call(verb, unique() if prefetch.once else "")

        async def step(connection: Connection) -> Result:
            # A thread that may be created must be locked, so reading it first would be useless.
            if not call.answers and (not prefetch.makes or thread in self._known):
                with contextlib.suppress(LockError):
                    return await call.attempt(connection, await read(connection, thread, prefetch))
            return await call.finish(connection, await lock(connection, thread, prefetch))

        answer = await self._database.run(step)
        self._remember(thread, there=call.there)
        return answer

    async def _claim_due(
        self, platforms: Collection[str], token: str, excluded: Collection[ThreadKey]
    ) -> Work | NothingDue | None:
        call = self._call(lambda rows, now: verbs.claim(rows, now, token), unique())

        async def step(connection: Connection) -> Work | NothingDue | None:
            if await call.is_done(connection):
                return call.answers[-1]
            found = await across.lock_due(connection, platforms, excluded)
            if isinstance(found, across.Nothing):
                return NothingDue(seconds=found.seconds)
            return await call.finish(connection, found)

        return await self._database.run(step)

    def _call(self, verb: Callable[[verbs.Rows, verbs.Now], Result], name: str) -> Call[Result]:
        return Call(verb=verb, lease_seconds=self.lease_seconds, name=name)

    def _remember(self, thread: ThreadKey, *, there: bool) -> None:
        """Remember whether a thread exists; an error costs one round trip."""
        if len(self._known) >= KNOWN:
            self._known.clear()
        (self._known.add if there else self._known.discard)(thread)
