"""Moving all that the in-process store keeps out of it, and in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store import verbs
from core.store.migration.transfer import Cursor, Dump, Place, SeenEvent, Traced, Transfer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.local.rows import LocalRows
    from core.store.migration.transfer import Aside
    from core.store.values import ThreadSettings


class LocalTransfer(Transfer):
    """The half of the in-process store that moves it; see `core.store.local.store`."""

    seen: dict[str, tuple[Admission, float]]
    traces: dict[str, verbs.Tombstone]
    who: set[tuple[str, str]]
    places: dict[str, ThreadSettings]
    cursors: dict[str, int]

    async def dump(self, thread: ThreadKey) -> Dump | None:
        """Return a thread that lives, but for its records."""
        header = self._living(str(thread))
        if header is None:
            return None
        return Dump(
            header=header.copy(),
            people=tuple(sorted(person for person, key in self.who if key == str(thread))),
            trace=self._rows(thread).trace(),
            time=self._now().time,
        )

    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        """Write the next portion of a thread's records."""
        people = dump.people if dump else ()
        verbs.load(self._rows(thread), self._now(), records, people, first=first, dump=dump)

    async def asides(self) -> AsyncIterator[tuple[Aside, ...]]:
        """Give out what is kept beside threads."""
        yield tuple(self._asides())

    async def keep(self, asides: Sequence[Aside]) -> None:
        """Take in what another store has given out."""
        for aside in asides:
            match aside:
                case SeenEvent():
                    self.seen[aside.hash] = (aside.verdict, aside.expires)
                case Traced():
                    self.traces[aside.hash] = aside.trace
                case Place():
                    self.places[aside.name] = aside.settings
                case Cursor():
                    known = self.cursors.get(aside.name, 0)
                    self.cursors[aside.name] = max(known, aside.position)

    def _asides(self) -> Iterator[Aside]:
        now = self._now().time
        for name, (verdict, expires) in self.seen.items():
            if expires > now:
                yield SeenEvent(hash=name, verdict=verdict, expires=expires)
        for name, trace in self.traces.items():
            if trace.expires > now:
                yield Traced(hash=name, trace=trace)
        for name, settings in self.places.items():
            yield Place(name=name, settings=settings)
        for name, position in self.cursors.items():
            yield Cursor(name=name, position=position)

    def _now(self) -> verbs.Now:
        raise NotImplementedError

    def _rows(self, thread: ThreadKey) -> LocalRows:
        raise NotImplementedError

    def _living(self, key: str) -> Header | None:
        raise NotImplementedError
