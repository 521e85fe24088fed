"""Connections to a PostgreSQL: a pool, bounded in number and time, with retries.

Why not psycopg-pool: its workers connect in the background, and a caller who waits gets nothing but
`PoolTimeout` when they fail. So a wrong password, a missing database or a server without TLS would
be reported after 20 seconds as a server that does not answer, where `errors.explained` says at once
what to change (`test_what_does_not_get_in` and two more in tests/faults/test_postgres_server.py
fail with it). It also waits for 1, 2, 4 … seconds between two tries to reconnect. To work around
both takes as many lines as the pool here, and a verb costs the same with either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import AsyncConnection, OperationalError

from core.domain.clock import Backoff
from core.domain.errors import StoreUnavailableError
from core.store.sql.postgres.connecting.address import shown
from core.store.sql.postgres.connecting.errors import FAILURES, explained, passes
from core.store.sql.postgres.connecting.pooling import refuse_shared_sessions
from core.store.sql.postgres.connecting.refusal_code import with_code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from psycopg import AsyncCursor

Result = TypeVar("Result")

CONNECTIONS = 10
"""The most connections for verbs; a verb that finds none free waits for one."""
RETRIES = 10
"""Retries of a verb that fails for a transient reason; every verb may be repeated."""
PATIENCE = 20.0
"""Seconds after which a verb gives up, however often it was retried."""
_LONGEST_PAUSE = 1.0
_IDLE_SECONDS = 10
"""How long the server keeps a thread locked for a process that stopped during a step."""
# Every statement has an index made for it. A plan that was made and cached while a table was small
# must not read all of it when it is large; and plans are cached from the first execution, since
# planning takes longer than the statement itself.
_SETTINGS = (
    "SELECT set_config('idle_in_transaction_session_timeout', %s, false),"
    " set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),"
    " set_config('enable_mergejoin', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false)"
)

# The server's time: `:now` is when the statement began, so an index can be used; `:clock` is when
# it is evaluated, which decides about a lease once its thread is locked.
_TIMES = {
    ":now": "extract(epoch FROM statement_timestamp())::float8",
    ":clock": "extract(epoch FROM clock_timestamp())::float8",
}


class Connection(AsyncConnection):
    """A connection that executes each statement in one round trip, the first time as well."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the driver's arguments."""
        super().__init__(*arguments, **options)
        self._asked: set[bytes] = set()

    async def ask(self, statement: bytes, values: dict[str, Any]) -> AsyncCursor:
        """Execute a statement in one round trip.

        The first time, the driver would prepare it in a round trip of its own, so a pipeline
        sends both; later, a pipeline would only cost time.
        """
        if statement in self._asked:
            return await self.execute(statement, values)
        async with self.pipeline():
            cursor = await self.execute(statement, values)
        self._asked.add(statement)
        return cursor


class Database:
    """A PostgreSQL as the verbs reach it."""

    def __init__(
        self, parameters: dict[str, Any], *, patience: float = PATIENCE, pause: float = 0.01
    ) -> None:
        """Take libpq's parameters, and the pause in seconds between the first two tries."""
        self.at = shown(parameters)
        self._parameters = parameters
        self._patience = patience
        self._backoff = Backoff(first=pause, cap=_LONGEST_PAUSE, jitter=0.5)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._closed = False
        self._own_sessions = False
        """The server gives each connection a session of its own, for all that is known."""

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run `work` on a connection of its own, and retry it after a transient failure.

        Raises:
            StoreRefusedError: The server can't be used as it is.
            StoreUnavailableError: The server does not answer in time, or not now.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        for attempt in range(RETRIES + 1):
            try:
                async with self._connection(deadline) as connection:
                    return await work(connection)
            except FAILURES as error:
                late = loop.time() >= deadline
                if late or attempt == RETRIES or not passes(error):
                    raise explained(TimeoutError() if late else error, self.at) from error
            await asyncio.sleep(min(self.pause(attempt), max(0, deadline - loop.time())))
        raise AssertionError

    def pause(self, attempt: int) -> float:
        """Return how many seconds to wait after this try, counted from 0."""
        return self._backoff.wait(attempt + 1)

    async def connect(self) -> Connection:
        """Return a connection outside the pool; the caller closes it."""
        connection = await self._connect()
        try:
            if not self._own_sessions:
                await refuse_shared_sessions(connection, self._connect, self.at)
                self._own_sessions = True
            await connection.execute(_SETTINGS, (f"{_IDLE_SECONDS}s",))
        except BaseException:
            connection.pgconn.finish()
            raise
        return connection

    async def _connect(self) -> Connection:
        """Return a connection on which nothing is set."""
        try:
            return await Connection.connect(
                **self._parameters, autocommit=True, prepare_threshold=0
            )
        except OperationalError as error:
            raise await asyncio.to_thread(with_code, error, self._parameters) from error

    async def close(self) -> None:
        """Close idle connections now, and those in use when they are returned."""
        self._closed = True
        self._drop_idle()

    @contextlib.asynccontextmanager
    async def _connection(self, deadline: float) -> AsyncIterator[Connection]:
        if self._closed:
            raise StoreUnavailableError(f"the connection to the PostgreSQL at {self.at} is closed")
        async with asyncio.timeout_at(deadline):
            await self._free.acquire()
        try:
            connection = self._idle.pop() if self._idle else None
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self.connect()
            # No cancellation: the driver would first ask the server, which may hang, to stop.
            timer = asyncio.get_running_loop().call_at(deadline, _hang_up, connection)
            try:
                yield connection
            except BaseException as error:
                connection.pgconn.finish()  # the server rolls back what was in progress
                if isinstance(error, FAILURES):
                    self._drop_idle()  # the others are most probably broken too
                raise
            finally:
                timer.cancel()
            self._give_back(connection)
        finally:
            self._free.release()

    def _give_back(self, connection: Connection) -> None:
        if self._closed or connection.closed:
            connection.pgconn.finish()
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.pgconn.finish()


def _hang_up(connection: Connection) -> None:
    """Cut a connection that is in use: its user gets an error."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


@cache
def words(statement: str) -> bytes:
    """Return a statement with named values (`:name`) in the driver's form."""
    timed = re.sub(r":(now|clock)\b", lambda found: _TIMES[found[0]], statement)
    return re.sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", timed).encode()
