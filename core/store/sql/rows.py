"""The rows of one thread in SQL, inside an open transaction, for the shared verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from core.domain.admission import Admission
from core.store import codec
from core.store.keys import SEEN_SECONDS, digest
from core.store.sql.reading import load_record
from core.store.verbs import Tombstone
from core.store.verbs.rows import Rows

if TYPE_CHECKING:
    import sqlite3

    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Entry, Record
    from core.store.header import Header
    from core.store.verbs import Now


# PostgreSQL understands these as well.
PUT_ENTRY = (
    "INSERT INTO entry (thread, place, half, message, body)"
    " VALUES (:thread, :place, :half, :message, :body)"
    " ON CONFLICT (thread, place, half) DO UPDATE SET body = excluded.body"
)
PUT_SEEN = (
    "INSERT INTO seen (hash, verdict, expires) VALUES (:hash, :verdict, :expires)"
    " ON CONFLICT (hash) DO UPDATE SET verdict = excluded.verdict, expires = excluded.expires"
)
PUT_WHO = "INSERT INTO who (person, thread) VALUES (:person, :thread) ON CONFLICT DO NOTHING"
REMOVE_WHO = "DELETE FROM who WHERE thread = :thread AND person = :people"
PUT_TRACE = (
    "INSERT INTO trace (hash, line, expires) VALUES (:hash, :line, :expires)"
    " ON CONFLICT (hash) DO UPDATE SET line = excluded.line, expires = excluded.expires"
)
EMPTY = (
    "DELETE FROM entry WHERE thread = :thread",
    "DELETE FROM who WHERE thread = :thread",
)
REMOVE_ENTRY = "DELETE FROM entry WHERE thread = :thread AND place = :place AND half = 0"


class SqlRows(Rows):
    """Reads and writes a thread's rows."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadKey, now: Now) -> None:
        """Use a connection with an open transaction."""
        self._connection = connection
        self._thread = thread
        self._key = str(thread)
        self._now = now
        self.left_work = False
        """Whether this step left the thread for any worker to claim."""

    @property
    @override
    def thread(self) -> ThreadKey:
        return self._thread

    @override
    def header(self) -> Header | None:
        row = self._first("SELECT header FROM thread WHERE key = ?", self._key)
        return codec.load_header(row[0]) if row else None

    @override
    def put_header(self, header: Header) -> None:
        self._connection.execute(
            "INSERT INTO thread (key, platform, header, due, expires, buried)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET header = excluded.header,"
            " due = excluded.due, expires = excluded.expires, buried = excluded.buried",
            (
                self._key,
                self._thread.platform,
                codec.dump(header),
                header.due_at,
                header.expires_at,
                len(header.buried),
            ),
        )
        self.left_work = header.due_at is not None and not header.token

    @override
    def remove(self, *, keep_header: bool) -> None:
        for statement in EMPTY:
            self._connection.execute(statement, {"thread": self._key})
        if not keep_header:
            self._connection.execute("DELETE FROM thread WHERE key = ?", (self._key,))

    @override
    def records(self, start: int, stop: int) -> list[Record]:
        rows = self._connection.execute(
            "SELECT half, body FROM entry WHERE thread = ? AND place >= ? AND place < ?"
            " ORDER BY place, half",
            (self._key, start, stop),
        )
        return [load_record(*row) for row in rows]

    @override
    def put_entry(self, entry: Entry) -> None:
        self._put(entry.position, 0, entry.id, codec.dump(entry))

    @override
    def remove_entry(self, entry: Entry) -> None:
        self._connection.execute(REMOVE_ENTRY, {"thread": self._key, "place": entry.position})

    @override
    def put_answer(self, answer: Answer) -> None:
        self._put(answer.position, 1, None, codec.dump(answer))

    @override
    def place_of(self, message: str) -> int | None:
        row = self._first(
            "SELECT place FROM entry WHERE thread = ? AND message = ?", self._key, message
        )
        return row[0] if row else None

    @override
    def seen(self, identity: str) -> Admission | None:
        row = self._first(
            "SELECT verdict FROM seen WHERE hash = ? AND expires > ?",
            digest(self._thread, identity),
            self._now.time,
        )
        return Admission(row[0]) if row else None

    @override
    def put_seen(self, identity: str, verdict: Admission) -> None:
        self._connection.execute(
            PUT_SEEN,
            {
                "hash": digest(self._thread, identity),
                "verdict": verdict,
                "expires": self._now.time + SEEN_SECONDS,
            },
        )

    @override
    def put_who(self, person: str) -> None:
        self._connection.execute(PUT_WHO, {"person": person, "thread": self._key})

    @override
    def remove_who(self, person: str) -> None:
        self._connection.execute(REMOVE_WHO, {"people": person, "thread": self._key})

    @override
    def trace(self) -> Tombstone | None:
        row = self._first(
            "SELECT line, expires FROM trace WHERE hash = ? AND expires > ?",
            digest(self._thread),
            self._now.time,
        )
        return Tombstone(line=row[0], expires=row[1]) if row else None

    @override
    def put_trace(self, trace: Tombstone) -> None:
        self._connection.execute(
            PUT_TRACE,
            {"hash": digest(self._thread), "line": trace.line, "expires": trace.expires},
        )

    def _put(self, place: int, half: int, message: str | None, body: str) -> None:
        self._connection.execute(
            PUT_ENTRY,
            {
                "thread": self._key,
                "place": place,
                "half": half,
                "message": message,
                "body": body,
            },
        )

    def _first(self, statement: str, *values: str | float) -> tuple | None:  # type: ignore[type-arg]
        row: tuple | None = self._connection.execute(statement, values).fetchone()  # type: ignore[type-arg]
        return row
