"""The rows of a thread in the in-process store's dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.keys import SEEN_SECONDS, digest

if TYPE_CHECKING:
    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Entry, Record
    from core.store import verbs
    from core.store.header import Header
    from core.store.local.store import LocalStore


class LocalRows:
    """The rows of one thread."""

    def __init__(self, store: LocalStore, thread: ThreadKey) -> None:
        """Look at this thread in this store."""
        self._store = store
        self._thread = thread
        self._key = str(thread)

    @property
    def thread(self) -> ThreadKey:
        """Return whose rows these are."""
        return self._thread

    def header(self) -> Header | None:
        """Return the header; the caller may change it and put it back."""
        header = self._store.headers.get(self._key)
        return header.copy() if header else None

    def put_header(self, header: Header) -> None:
        """Write the header, and the indexes that follow from it (due, expiry, buried)."""
        self._store.headers[self._key] = header.copy()
        if header.due is not None and not header.token:
            self._store.wake()

    def remove(self, *, keep_header: bool) -> None:
        """Remove records, ids, the index of people and, unless kept, the header."""
        self._store.records.pop(self._key, None)
        self._store.ids.pop(self._key, None)
        self._store.who = {pair for pair in self._store.who if pair[1] != self._key}
        if not keep_header:
            self._store.headers.pop(self._key, None)

    def records(self, start: int, stop: int) -> list[Record]:
        """Return what is kept at the places [start, stop), in order."""
        kept = self._store.records[self._key]
        slots = ((place, half) for place in range(start, stop) for half in (False, True))
        return [kept[slot] for slot in slots if slot in kept]

    def put_entry(self, entry: Entry) -> None:
        """Write an entry at its place."""
        self._store.records[self._key][entry.place, False] = entry
        self._store.ids[self._key][entry.id] = entry.place

    def remove_entry(self, entry: Entry) -> None:
        """Remove an entry, and its id with it."""
        del self._store.records[self._key][entry.place, False]
        del self._store.ids[self._key][entry.id]

    def put_answer(self, answer: Answer) -> None:
        """Write an answer behind its place."""
        self._store.records[self._key][answer.place, True] = answer

    def place_of(self, message: str) -> int | None:
        """Return the place of the message with this id."""
        return self._store.ids[self._key].get(message)

    def seen(self, identity: str) -> Admission | None:
        """Return what became of the event with this identity."""
        verdict, expires = self._store.seen.get(digest(self._thread, identity), (None, 0.0))
        return None if self._store.is_over(expires) else verdict

    def put_seen(self, identity: str, verdict: Admission) -> None:
        """Remember an event's identity for `SEEN_SECONDS`."""
        expires = self._store.expiry(SEEN_SECONDS)
        self._store.seen[digest(self._thread, identity)] = (verdict, expires)

    def put_who(self, person: str) -> None:
        """Remember that this person spoke in the thread."""
        self._store.who.add((person, self._key))

    def trace(self) -> verbs.Tombstone | None:
        """Return what is remembered of the thread beyond its end."""
        trace = self._store.traces.get(digest(self._thread))
        return None if trace is None or self._store.is_over(trace.expires) else trace

    def put_trace(self, trace: verbs.Tombstone) -> None:
        """Remember this of the thread beyond its end."""
        self._store.traces[digest(self._thread)] = trace
