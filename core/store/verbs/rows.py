"""What the verbs need from a store: the rows of one thread, inside one atomic step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Entry, Record
    from core.store.header import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The time of a step, and what else a store provides to every step."""

    time: float
    """Seconds by the store's own clock."""
    lease_seconds: float
    fresh: str
    """A value that never repeats; a step that needs a new `revision` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What the store remembers of a thread beyond its end, under a hash of its name."""

    expires: float
    line: float | None = None
    """The platform's time of the last erase or reset; earlier messages are not admitted."""


class Rows(Protocol):
    """The rows of one thread. Reads see the writes of the same step."""

    @property
    def thread(self) -> ThreadKey:
        """Return the thread whose rows these are."""
        ...

    def header(self) -> Header | None:
        """Return a copy of the header, which the caller may change and put back."""
        ...

    def put_header(self, header: Header) -> None:
        """Write the header, and the indexes that depend on it (due, expiry, buried)."""
        ...

    def remove(self, *, keep_header: bool) -> None:
        """Remove records, ids, the index of people and, unless kept, the header."""
        ...

    def records(self, start: int, stop: int) -> list[Record]:
        """Return the records at the positions [start, stop), in order."""
        ...

    def put_entry(self, entry: Entry) -> None:
        """Write an entry at its position."""
        ...

    def remove_entry(self, entry: Entry) -> None:
        """Remove an entry and its id."""
        ...

    def put_answer(self, answer: Answer) -> None:
        """Write an answer behind its position."""
        ...

    def place_of(self, message: str) -> int | None:
        """Return the position of the message with this id."""
        ...

    def seen(self, identity: str) -> Admission | None:
        """Return the admission of the event with this identity."""
        ...

    def put_seen(self, identity: str, verdict: Admission) -> None:
        """Store the admission of an event for `SEEN_SECONDS`."""
        ...

    def put_who(self, person: str) -> None:
        """Store that this person spoke in the thread."""
        ...

    def remove_who(self, person: str) -> None:
        """Remove that this person spoke in the thread."""
        ...

    def trace(self) -> Tombstone | None:
        """Return the thread's tombstone."""
        ...

    def put_trace(self, trace: Tombstone) -> None:
        """Write the thread's tombstone."""
        ...


def living(rows: Rows, now: Now) -> Header | None:
    """Return the header of a thread whose session has not expired; clear one that has."""
    header = rows.header()
    if header is not None and header.expires_at <= now.time:
        rows.remove(keep_header=False)
        return None
    return header
