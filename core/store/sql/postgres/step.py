"""One call of a verb on one thread: what is read of it, what the verb says, and what is written.

A verb goes without a lock where that will probably do: it is run on the thread as it was read,
and its changes are written on the condition that the thread still is so. That is two statements.
Else the thread is locked first; those who find it changed each time would never come to an end.
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
    """The verb can't be done without holding its thread's lock; nothing was changed."""


@dataclass(slots=True, kw_only=True)
class Call(Generic[Result]):
    """One call of a verb, through all its retries."""

    verb: Callable[[verbs.Rows, verbs.Now], Result]
    lease_seconds: float
    name: str
    """By which the database knows that it was done; empty where doing it again is as good."""
    answers: list[Result] = field(default_factory=list)
    """What it came to each time before it was sent off to be committed."""
    there: bool = False
    """Whether there is such a thread, now that it is done."""

    async def is_done(self, connection: Connection) -> bool:
        """Tell whether it was committed, and only the reply was lost; its thread is locked."""
        return bool(self.name and self.answers) and await is_done(connection, self.name)

    async def attempt(self, connection: Connection, found: Found) -> Result:
        """Run the verb on a thread as it was read, and write its changes if it still is so.

        Raises:
            LockError: It was changed in between, or one statement is not enough.
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
        """Run the verb on a locked thread, write what it changes, and commit."""
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
        return BufferedRows(found.thread, found.picture), now

    async def _run(
        self, connection: Connection, found: Found, rows: BufferedRows, now: verbs.Now
    ) -> Result:
        """Run the verb, again from its beginning each time that it reads what was not read yet."""
        while True:
            try:
                return self.verb(rows.again(), now)
            except MissingError as missing:
                await read_more(connection, found, missing.reads)
