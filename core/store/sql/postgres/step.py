"""One call of a verb on one thread: read the thread, run the verb, write its changes.

A verb first runs without a lock, if that will probably do: on the thread as it was read, with its
changes written on the condition that the thread has not changed. That takes two statements. If it
fails, the thread is locked first, since a verb that finds it changed each time would never finish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from core.store import verbs
from core.store.keys import unique
from core.store.sql.postgres.fetch import read_more
from core.store.sql.postgres.write import commit, fits, is_done, put
from core.store.verbs.buffered_rows import BufferedRows, MissingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.sql.postgres.database import Connection
    from core.store.sql.postgres.fetch import Found

Result = TypeVar("Result")


class LockError(Exception):
    """The verb needs its thread's lock; nothing was changed."""


@dataclass(slots=True, kw_only=True)
class Call(Generic[Result]):
    """One call of a verb, through all its retries."""

    verb: Callable[[verbs.Rows, verbs.Now], Result]
    lease_seconds: float
    name: str
    """Marks the call as done in the database; empty if the verb may simply run again."""
    answers: list[Result] = field(default_factory=list)
    """The result of each try, noted before the commit was sent."""
    there: bool = False
    """Whether the thread exists after the call."""

    async def is_done(self, connection: Connection) -> bool:
        """Return whether the call was committed and only the reply was lost; needs the lock."""
        return bool(self.name and self.answers) and await is_done(connection, self.name)

    async def attempt(self, connection: Connection, found: Found) -> Result:
        """Run the verb on a thread as it was read, and write its changes if it has not changed.

        Raises:
            LockError: The thread has changed, or one statement is not enough.
        """
        rows, now = self._begin(found)
        try:
            answer = self.verb(rows, now)
        except MissingError:
            raise LockError from None
        self.there = rows.header() is not None
        if not rows.changes:
            return answer
        if found.version is None or not fits(rows.changes):
            raise LockError
        self.answers.append(answer)
        if not await put(connection, found, now, rows.changes, self.name):
            self.answers.pop()
            raise LockError
        return answer

    async def finish(self, connection: Connection, found: Found) -> Result:
        """Run the verb on a locked thread, write its changes, and commit."""
        if await self.is_done(connection):
            await connection.execute("ROLLBACK")
            return self.answers[-1]
        rows, now = self._begin(found)
        answer = await self._run(connection, found, rows, now)
        self.there = rows.header() is not None
        self.answers.append(answer)
        await commit(connection, found, now, rows.changes, self.name)
        return answer

    def _begin(self, found: Found) -> tuple[BufferedRows, verbs.Now]:
        now = verbs.Now(time=found.time, lease_seconds=self.lease_seconds, fresh=unique())
        return BufferedRows(found.thread, found.snapshot), now

    async def _run(
        self, connection: Connection, found: Found, rows: BufferedRows, now: verbs.Now
    ) -> Result:
        """Run the verb, and again from its beginning whenever it reads more than was fetched."""
        while True:
            try:
                return self.verb(rows.again(), now)
            except MissingError as missing:
                await read_more(connection, found, missing.reads)
