"""What the verbs need of a store: the rows of one thread, inside one atomic step."""

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
    """The instant of a step, and what a store gives to every step."""

    time: float
    """Seconds by the store's own clock."""
    lease_seconds: float
    fresh: str
    """A value that never comes again; a step takes it as the new `rev` where it needs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is remembered of a thread beyond its end, under a hash of its name."""

    expires: float
    line: float | None = None
    """Messages said before this (the platform's time) are not admitted: it was erased or reset."""


class Rows(Protocol):
    """The rows of one thread. Reads see this step's own writes."""

    @property
    def thread(self) -> ThreadKey:
        """Return whose rows these are."""
        ...

    def header(self) -> Header | None:
        """Return the header; the caller may change it and put it back."""
        ...

    def put_header(self, header: Header) -> None:
        """Write the header, and the indexes that follow from it (due, expiry, buried)."""
        ...

    def remove(self, *, keep_header: bool) -> None:
        """Remove records, ids, the index of people and, unless kept, the header."""
        ...

    def records(self, start: int, stop: int) -> list[Record]:
        """Return what is kept at the places [start, stop), in order."""
        ...

    def put_entry(self, entry: Entry) -> None:
        """Write an entry at its place."""
        ...

    def remove_entry(self, entry: Entry) -> None:
        """Remove an entry, and its id with it."""
        ...

    def put_answer(self, answer: Answer) -> None:
        """Write an answer behind its place."""
        ...

    def place_of(self, message: str) -> int | None:
        """Return the place of the message with this id."""
        ...

    def seen(self, identity: str) -> Admission | None:
        """Return what became of the event with this identity."""
        ...

    def put_seen(self, identity: str, verdict: Admission) -> None:
        """Remember an event's identity for `SEEN_SECONDS`."""
        ...

    def put_who(self, person: str) -> None:
        """Remember that this person spoke in the thread."""
        ...

    def trace(self) -> Tombstone | None:
        """Return what is remembered of the thread beyond its end."""
        ...

    def put_trace(self, trace: Tombstone) -> None:
        """Remember this of the thread beyond its end."""
        ...


def living(rows: Rows, now: Now) -> Header | None:
    """Return the header of a thread whose session has not expired; clear one that has."""
    header = rows.header()
    if header is not None and header.expires <= now.time:
        rows.remove(keep_header=False)
        return None
    return header
