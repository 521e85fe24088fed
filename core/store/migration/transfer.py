"""The part of the Store port by which all that one store keeps is moved into another.

A thread is moved whole: its header with people and trace (`dump`), and its records, which are
read with `history` and written in portions, the header with the last. Until then the thread is
not there for any verb, so a move may be cut off anywhere and begun again. Everything else is
small, lies beside the threads and is moved in batches (`asides`, `keep`).

Nothing here looks at leases or at what a move means: see `core.store.migration.migrate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from core.domain.admission import Admission
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.header import Header
    from core.store.values import ThreadSettings
    from core.store.verbs import Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A thread without its records. Times are seconds by the clock of the store it is in."""

    header: Header
    people: tuple[str, ...]
    """Everybody who spoke in it, in order; the header counts only so many."""
    trace: Tombstone | None
    time: float
    """When it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """What became of an event; see `core.store.keys.SEEN_SECONDS`."""

    hash: str
    verdict: Admission
    expires: float
    near: str = ""
    """Where the store kept it: good for a store of the same kind, and empty where all is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What is remembered of a thread beyond its end, under the hash of its name."""

    hash: str
    trace: Tombstone
    near: str = ""
    """As in `SeenEvent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was set for a place, under the name that `core.store.keys.place_prefix` gives it."""

    name: str
    settings: ThreadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far catch-up has come at a place."""

    name: str
    position: int


Aside: TypeAlias = SeenEvent | Traced | Place | Cursor


class Transfer(ABC):
    """Gives out all that is kept, and takes it in."""

    @abstractmethod
    async def dump(self, thread: ThreadKey) -> Dump | None:
        """Return a thread that lives, but for its records; None when there is none."""

    @abstractmethod
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        """Write the next portion of a thread's records, in the order of their places.

        With the `first` portion, all that the store held of the thread goes. The last one comes
        with the `dump`, and makes the thread exist in one step. What was written of a thread that
        never got its last portion expires. A retry has no effect.
        """

    @abstractmethod
    def asides(self) -> AsyncIterator[tuple[Aside, ...]]:
        """Give out what is kept beside threads, in no order; some of it may come twice.

        The audit log is not in it: see `AuditLog`. Nor is what has expired.
        """

    @abstractmethod
    async def keep(self, asides: Sequence[Aside]) -> None:
        """Take in what another store has given out; it takes the place of what has its name.

        A cursor is never moved back.
        """
