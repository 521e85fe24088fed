"""The rows of one thread as they were prefetched for a step, and what the step changes. Pure.

For stores behind a network: the store prefetches what a verb will probably read, runs the verb on
it, and writes all its changes at once. A verb that reads more raises `MissingError`; the store
fetches that as well, under the same lock, and runs the verb again from its beginning. So the
prefetch decides the cost of a step, and never its outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from core.store.verbs.rows import Rows

if TYPE_CHECKING:
    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Entry, Record
    from core.store.header import Header
    from core.store.verbs import Tombstone

Slot = tuple[int, int]
"""A position and its half: 0 for a person's message there, 1 for the answer right behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a verb may read of a thread beside its header."""

    span: tuple[int, int] = (0, 0)
    """The records at these positions: the first one, and the one behind the last."""
    messages: tuple[str, ...] = ()
    """The positions of the messages with these ids."""
    identities: tuple[str, ...] = ()
    """What became of the events with these identities."""
    trace: bool = False


class MissingError(LookupError):
    """A step reads what was not prefetched."""

    def __init__(self, reads: Reads) -> None:
        """Say what the step reads."""
        super().__init__(str(reads))
        self.reads = reads


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """What was read of a thread. A key with the value None was looked up and does not exist."""

    header: Header | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    """The positions of which all records were read."""
    records: dict[Slot, Record] = field(default_factory=dict)
    places: dict[str, int | None] = field(default_factory=dict)
    seen: dict[str, Admission | None] = field(default_factory=dict)
    traces: list[Tombstone | None] = field(default_factory=list)
    """Holds the tombstone, or None for there is none, once it was read."""

    def require(self, start: int, stop: int) -> None:
        """Raise `MissingError` unless the records at the positions [start, stop) were read."""
        missing = start
        for first, behind in sorted(self.spans):
            if first <= missing:
                missing = max(missing, behind)
        if missing < stop:
            raise MissingError(Reads(span=(missing, stop)))


@dataclass(slots=True, kw_only=True)
class Changes:
    """What a step changes."""

    emptied: bool = False
    """All stored records, ids and people are to be removed first."""
    headers: list[Header | None] = field(default_factory=list)
    """The last one is the thread's new header; empty: the header stays."""
    records: dict[Slot, Record | None] = field(default_factory=dict)
    """None removes the record, and its id."""
    seen: dict[str, Admission] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    """People who count as not having spoken."""
    trace: Tombstone | None = None

    def __bool__(self) -> bool:
        """Return whether anything changes."""
        parts = (self.headers, self.records, self.seen, self.people, self.left, self.trace)
        return self.emptied or any(parts)

    @property
    def leaves_work(self) -> bool:
        """Return whether the step leaves the thread for any worker to claim."""
        header = self.headers[-1] if self.headers else None
        return header is not None and header.due_at is not None and not header.token


class BufferedRows(Rows):
    """A snapshot of a thread with the changes of a step."""

    def __init__(self, thread: ThreadKey, snapshot: Snapshot) -> None:
        """Begin a step; the snapshot itself does not change."""
        self.changes = Changes()
        self._thread = thread
        self._snapshot = snapshot
        self._places: dict[str, int | None] = {}

    def again(self) -> Self:
        """Start the step over: drop its changes."""
        self.changes = Changes()
        self._places.clear()
        return self

    @property
    @override
    def thread(self) -> ThreadKey:
        return self._thread

    @override
    def header(self) -> Header | None:
        headers = self.changes.headers
        header = headers[-1] if headers else self._snapshot.header
        return header.copy() if header else None

    @override
    def put_header(self, header: Header) -> None:
        self.changes.headers.append(header.copy())

    @override
    def remove(self, *, keep_header: bool) -> None:
        self.changes.emptied = True
        self.changes.records.clear()
        self.changes.people.clear()
        self.changes.left.clear()
        self._places.clear()
        if not keep_header:
            self.changes.headers.append(None)

    @override
    def records(self, start: int, stop: int) -> list[Record]:
        if start >= stop:
            return []
        kept: dict[Slot, Record | None] = {}
        if not self.changes.emptied:
            self._snapshot.require(start, stop)
            kept.update(self._snapshot.records)
        kept.update(self.changes.records)
        slots = sorted(slot for slot in kept if start <= slot[0] < stop)
        return [record for record in map(kept.get, slots) if record is not None]

    @override
    def put_entry(self, entry: Entry) -> None:
        self.changes.records[entry.position, 0] = entry
        self._places[entry.id] = entry.position

    @override
    def remove_entry(self, entry: Entry) -> None:
        self.changes.records[entry.position, 0] = None
        self._places[entry.id] = None

    @override
    def put_answer(self, answer: Answer) -> None:
        self.changes.records[answer.position, 1] = answer

    @override
    def place_of(self, message: str) -> int | None:
        if message in self._places or self.changes.emptied:
            return self._places.get(message)
        if message not in self._snapshot.places:
            raise MissingError(Reads(messages=(message,)))
        return self._snapshot.places[message]

    @override
    def seen(self, identity: str) -> Admission | None:
        if identity in self.changes.seen:
            return self.changes.seen[identity]
        if identity not in self._snapshot.seen:
            raise MissingError(Reads(identities=(identity,)))
        return self._snapshot.seen[identity]

    @override
    def put_seen(self, identity: str, verdict: Admission) -> None:
        self.changes.seen[identity] = verdict

    @override
    def put_who(self, person: str) -> None:
        self.changes.people.add(person)
        self.changes.left.discard(person)

    @override
    def remove_who(self, person: str) -> None:
        self.changes.left.add(person)
        self.changes.people.discard(person)

    @override
    def trace(self) -> Tombstone | None:
        if self.changes.trace is not None:
            return self.changes.trace
        if not self._snapshot.traces:
            raise MissingError(Reads(trace=True))
        return self._snapshot.traces[-1]

    @override
    def put_trace(self, trace: Tombstone) -> None:
        self.changes.trace = trace
