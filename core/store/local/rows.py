"""The rows of a thread in the dicts of the in-process store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from core.store.keys import SEEN_SECONDS, digest
from core.store.verbs.rows import Rows

if TYPE_CHECKING:
    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Answer, Entry, Record
    from core.store import verbs
    from core.store.header import Header
    from core.store.local.store import LocalStore


class LocalRows(Rows):
    """The rows of one thread."""

    def __init__(self, store: LocalStore, thread: ThreadKey) -> None:
        """Open the rows of this thread in this store."""
        self._store = store
        self._thread = thread
        self._key = str(thread)

    @property
    @override
    def thread(self) -> ThreadKey:
        return self._thread

    @override
    def header(self) -> Header | None:
        header = self._store.headers.get(self._key)
        return header.copy() if header else None

    @override
    def put_header(self, header: Header) -> None:
        self._store.headers[self._key] = header.copy()
        if header.due_at is not None and not header.token:
            self._store.wake()

    @override
    def remove(self, *, keep_header: bool) -> None:
        self._store.logs.pop(self._key, None)
        self._store.ids.pop(self._key, None)
        self._store.who = {pair for pair in self._store.who if pair[1] != self._key}
        if not keep_header:
            self._store.headers.pop(self._key, None)

    @override
    def records(self, start: int, stop: int) -> list[Record]:
        kept = self._store.logs[self._key]
        slots = ((place, half) for place in range(start, stop) for half in (False, True))
        return [kept[slot] for slot in slots if slot in kept]

    @override
    def put_entry(self, entry: Entry) -> None:
        self._store.logs[self._key][entry.position, False] = entry
        self._store.ids[self._key][entry.id] = entry.position

    @override
    def remove_entry(self, entry: Entry) -> None:
        del self._store.logs[self._key][entry.position, False]
        del self._store.ids[self._key][entry.id]

    @override
    def put_answer(self, answer: Answer) -> None:
        self._store.logs[self._key][answer.position, True] = answer

    @override
    def place_of(self, message: str) -> int | None:
        return self._store.ids[self._key].get(message)

    @override
    def seen(self, identity: str) -> Admission | None:
        verdict, expires = self._store.seen.get(digest(self._thread, identity), (None, 0.0))
        return None if self._store.is_over(expires) else verdict

    @override
    def put_seen(self, identity: str, verdict: Admission) -> None:
        expires = self._store.expiry(SEEN_SECONDS)
        self._store.seen[digest(self._thread, identity)] = (verdict, expires)

    @override
    def put_who(self, person: str) -> None:
        self._store.who.add((person, self._key))

    @override
    def remove_who(self, person: str) -> None:
        self._store.who.discard((person, self._key))

    @override
    def trace(self) -> verbs.Tombstone | None:
        trace = self._store.traces.get(digest(self._thread))
        return None if trace is None or self._store.is_over(trace.expires) else trace

    @override
    def put_trace(self, trace: verbs.Tombstone) -> None:
        self._store.traces[digest(self._thread)] = trace
