"""The store in PostgreSQL: for any number of processes on any number of hosts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from core.store import verbs
from core.store.buffered_rows import BufferedRows, MissingError
from core.store.keys import unique
from core.store.sql import places
from core.store.sql.postgres import across, checks
from core.store.sql.postgres.address import parse
from core.store.sql.postgres.database import PATIENCE, Database
from core.store.sql.postgres.fetch import lock, look, read, read_more
from core.store.sql.postgres.schema import migrate
from core.store.sql.postgres.wake import Listener
from core.store.sql.postgres.words import words
from core.store.sql.postgres.write import commit, fits, is_done, put
from core.store.sql.query import Query
from core.store.sql.store import SqlStore
from core.store.values import Idle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from psycopg import AsyncConnection

    from core.message import ThreadKey
    from core.store.sql.postgres.fetch import Found
    from core.store.sql.query import Queries, Result, Row
    from core.store.stepped import Ahead
    from core.store.values import Work

_Result = TypeVar("_Result")


class _LockError(Exception):
    """A verb can't be done without holding its thread's lock."""


@dataclass(slots=True)
class _Call(Generic[_Result]):
    """One call of a verb, through all its retries."""

    name: str
    """By which the database knows that it was done; empty where doing it again is as good."""
    answers: list[_Result] = field(default_factory=list)
    """What it came to each time before it was sent off to be committed."""

    async def is_done(self, connection: AsyncConnection) -> bool:
        """Tell whether it was committed, and only the reply was lost; its thread is locked."""
        return bool(self.name and self.answers) and await is_done(connection, self.name)


class PostgresStore(SqlStore):
    """Runs each verb as one transaction in two round trips; `open` makes one."""

    def __init__(self, database: Database, *, lease_seconds: float = 15) -> None:
        """Use this database from now on; it is closed with the store."""
        self.lease_seconds = lease_seconds
        self._database = database
        self._listener = Listener(database)

    @classmethod
    async def open(
        cls, url: str, *, lease_seconds: float = 15, patience: float = PATIENCE, pause: float = 0.01
    ) -> PostgresStore:
        """Return the store at a `postgresql://` address, whose tables are made where missing.

        `patience` is how many seconds a verb tries, `pause` those between the first two tries.

        Raises:
            SettingsError: The address can't be one.
            StoreRefusedError: There is something, but it can't be used as it is.
            StoreUnavailableError: It does not answer.
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

    async def claim_any(self, platforms: Collection[str], token: str) -> Work | Idle:
        """Claim, of these platforms, the thread that has been due for the longest."""
        found: Work | Idle | None = None
        while found is None:  # a thread was due, but its session had expired, and it is gone now
            found = await self._claim_due(platforms, token)
        return found

    async def peek(self, thread: ThreadKey) -> Work | None:
        """Return a thread as `claim` would show it, without taking it."""

        async def show(connection: AsyncConnection) -> Work | None:
            picture = await look(connection, thread)
            if picture.header is None:
                return None
            return verbs.show(BufferedRows(thread, picture), picture.header)

        work = await self._database.run(show)
        return work and replace(work, lease=replace(work.lease, token=""))

    # --- upkeep -------------------------------------------------------------------------------

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when work may be claimable, or after `seconds`."""
        del platforms  # one channel for all: a wake that is not for them costs one look
        await self._listener.wait(seconds)

    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired."""
        return await self._database.run(lambda c: across.sweep(c, limit))

    async def check(self) -> tuple[str, ...]:
        """Try the database out; return a sentence for each thing the operator should know."""
        await self._ask(places.try_out(), writes=True)
        return await self._database.run(lambda c: checks.sentences(c, self._database.at))

    async def close(self) -> None:
        """Give back the connections."""
        await self._listener.close()
        await self._database.close()

    # --- inside -------------------------------------------------------------------------------

    async def _time(self) -> float:
        ((time,),) = await self._rows(Query("SELECT :clock"))
        return float(time)

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

    async def _step(
        self, thread: ThreadKey, verb: Callable[[verbs.Rows, verbs.Now], Result], ahead: Ahead
    ) -> Result:
        call: _Call[Result] = _Call(unique() if ahead.once else "")

        async def step(connection: AsyncConnection) -> Result:
            if not ahead.makes and not call.answers:
                with contextlib.suppress(_LockError):
                    found = await read(connection, thread, ahead)
                    return await self._try(connection, found, verb, call)
            return await self._finish(connection, await lock(connection, thread, ahead), verb, call)

        return await self._database.run(step)

    async def _claim_due(self, platforms: Collection[str], token: str) -> Work | Idle | None:
        call: _Call[Work | None] = _Call(unique())

        async def step(connection: AsyncConnection) -> Work | Idle | None:
            if await call.is_done(connection):
                return call.answers[-1]
            found = await across.lock_due(connection, platforms)
            if isinstance(found, across.Nothing):
                return Idle(seconds=found.seconds)
            return await self._finish(
                connection, found, lambda rows, now: verbs.claim(rows, now, token), call
            )

        return await self._database.run(step)

    async def _try(
        self,
        connection: AsyncConnection,
        found: Found,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        call: _Call[Result],
    ) -> Result:
        """Run a verb on a thread as it was read, and write what it changes if it still is so.

        Raises:
            _LockError: It was changed in between, or it takes more than one statement.
        """
        rows = BufferedRows(found.thread, found.picture)
        now = self._now(found)
        try:
            answer = verb(rows, now)
        except MissingError:
            raise _LockError from None
        if not rows.changes:
            return answer
        if not fits(rows.changes):
            raise _LockError
        call.answers.append(answer)
        if not await put(connection, found, now, rows.changes, call.name):
            call.answers.pop()
            raise _LockError
        return answer

    async def _finish(
        self,
        connection: AsyncConnection,
        found: Found,
        verb: Callable[[verbs.Rows, verbs.Now], Result],
        call: _Call[Result],
    ) -> Result:
        """Run a verb on a locked thread, write what it changes, and commit."""
        if await call.is_done(connection):
            await connection.execute("ROLLBACK")
            return call.answers[-1]
        rows = BufferedRows(found.thread, found.picture)
        now = self._now(found)
        answer = await _run(connection, found, lambda: verb(rows.again(), now))
        call.answers.append(answer)
        await commit(connection, found, now, rows.changes, call.name)
        return answer

    def _now(self, found: Found) -> verbs.Now:
        return verbs.Now(time=found.time, lease_seconds=self.lease_seconds, fresh=unique())


async def _run(connection: AsyncConnection, found: Found, verb: Callable[[], Result]) -> Result:
    """Run a verb, again from its beginning each time that it reads what was not read yet."""
    while True:
        try:
            return verb()
        except MissingError as missing:
            await read_more(connection, found, missing.reads)
