"""The part of the Store port beside the turns: settings, cursors, audit log, upkeep, migration.

A migration moves a thread whole: its header with people and tombstone (`dump`), and its records,
which are read with `history` and written in portions, the header with the last one. No verb sees
the thread before that, so a migration may be interrupted anywhere and started again. Everything
else is small, lies beside the threads and moves in batches (`side_records`, `keep`). Leases, and
the order of a migration, are up to `core.store.migration.migrate`.

Every verb raises `StoreError`, as `core.store.port` says.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from core.domain.message import ThreadKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from core.domain.message import Kind
    from core.domain.pins import Pin
    from core.domain.ratings import Opinion
    from core.domain.session import Record
    from core.domain.settings import Layers, ScopeSettings
    from core.store.values import AuditEvent, Buried, Dump, Pinning, SideRecord

_PING = "ping"
"""The cursor that `ping` moves."""


class SidePort(ABC):
    """What people set, what operators ask for, and what keeps a store in order."""

    # --- what has changed ---------------------------------------------------------------------

    _listeners: tuple[Callable[[ThreadKey], object], ...] = ()

    def on_change(self, call: Callable[[ThreadKey], object]) -> None:
        """Call a function whenever this process edits, deletes, resets or erases in a thread.

        `revisions` shows what other processes change.
        """
        self._listeners = (*self._listeners, call)

    def _changed(self, thread: ThreadKey) -> None:
        for call in self._listeners:
            call(thread)

    _stop_listeners: tuple[Callable[[ThreadKey, str], object], ...] = ()

    def on_stop(self, call: Callable[[ThreadKey, str], object]) -> None:
        """Call a function with a thread and a turn's id whenever this process stops that turn."""
        self._stop_listeners = (*self._stop_listeners, call)

    def _stopping(self, thread: ThreadKey, turn: str, *, is_open: bool) -> bool:
        for call in self._stop_listeners if is_open else ():
            call(thread, turn)
        return is_open

    @abstractmethod
    async def revisions(self, threads: Sequence[ThreadKey]) -> tuple[str, ...]:
        """Return the `revision` of each of these threads, in one read for each hundred or so.

        Returns:
            The revisions in this order; empty for a thread that is not kept.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def redact(
        self, thread: ThreadKey, records: Sequence[Record], *, revision: str, person: str = ""
    ) -> bool:
        """Write over stored records what is left of them without a person.

        The same step removes the thread's summary, since it may repeat what is gone.

        Args:
            thread: The thread.
            records: The records as they are from now on, a few dozen; no `status` changes.
            revision: The thread's `revision` as it was before they were read.
            person: A person who from now on counts as one who never spoke in the thread.

        Returns:
            False if `revision` moved, or one of them is an answer that is being delivered: nothing
            changed. True again for a retry.

        Raises:
            StoreError: See the module.
        """

    # --- settings and cursors -----------------------------------------------------------------

    @abstractmethod
    async def layers(self, thread: ThreadKey) -> Layers:
        """Return the settings of a thread, its channel and its server, in one round trip.

        Raises:
            StoreError: See the module.
        """

    async def thread_settings(self, thread: ThreadKey) -> ScopeSettings:
        """Return the settings of a thread.

        Raises:
            StoreError: See the module.
        """
        return (await self.layers(thread)).thread

    @abstractmethod
    async def set_thread(
        self, thread: ThreadKey, kind: Kind, settings: ScopeSettings, *, ttl: float
    ) -> None:
        """Replace all of a thread's settings.

        Args:
            thread: The thread; it may have no messages yet.
            kind: The kind of thread to make if there is none.
            settings: The settings; they end with the thread's session.
            ttl: How many seconds a new thread's session lives (`AdmissionPolicy.ttl`).

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def pin(
        self, thread: ThreadKey, kind: Kind, pin: Pin, *, beside: tuple[str, ...], ttl: float
    ) -> Pinning:
        """Keep a text word for word; needs no lease, and leaves the thread's `revision` alone.

        Its `by` counts as a person who took part in the thread.

        Args:
            thread: The thread; it may have no messages yet.
            kind: The kind of thread to make if there is none.
            pin: The pin. One with this id that is there already stays as it is.
            beside: The ids of the pins that the caller knows of, in order, so that of two callers
                that both find room for a pin, only one gets it.
            ttl: How many seconds a new thread's session lives (`AdmissionPolicy.ttl`).

        Returns:
            What became of it; `pinned` again for a retry.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def unpin(self, thread: ThreadKey, pins: tuple[str, ...]) -> None:
        """Remove the pins with these ids, if they are there; needs no lease.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def rate(self, thread: ThreadKey, position: int, turn: str, opinion: Opinion) -> bool:
        """Keep what a person thinks of an answer, with it; needs no lease, leaves `revision` alone.

        Args:
            thread: The thread.
            position: The answer's position.
            turn: Its turn.
            opinion: See `core.domain.ratings.changed`.

        Returns:
            False if there is no such answer.

        Raises:
            StoreError: See the module.
        """

    async def channel_settings(self, platform: str, channel: str) -> ScopeSettings:
        """Return the settings of a channel, or of the server that `server_channel` names.

        Raises:
            StoreError: See the module.
        """
        return (await self.layers(ThreadKey(platform, channel, "-"))).channel

    @abstractmethod
    async def set_channel(self, platform: str, channel: str, settings: ScopeSettings) -> None:
        """Replace all settings of a channel, or of the server that `server_channel` names.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def cursor(self, name: str) -> int:
        """Return the position of a cursor, 0 for an unknown one; catch-up keeps one a channel.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def advance(self, name: str, position: int) -> int:
        """Move a cursor to a position, never back.

        Returns:
            Where the cursor is now.

        Raises:
            StoreError: See the module.
        """

    async def ping(self) -> None:
        """Write the time, to find out whether the store takes writes now.

        A store that only answers reads, as a read-only replica does, can't accept a message.

        Raises:
            StoreError: See the module.
        """
        await self.advance(_PING, int(time.time()))

    # --- messages that failed -----------------------------------------------------------------

    @abstractmethod
    async def buried(self, *, limit: int = 100) -> tuple[Buried, ...]:
        """List up to `limit` messages whose turns were given up, in the order of their threads.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def requeue(self, thread: ThreadKey, place: int) -> bool:
        """Put a buried message in again, at the end of its thread.

        Returns:
            False if no buried message is at this position. True again for a retry.

        Raises:
            StoreError: See the module.
        """

    # --- the audit log ------------------------------------------------------------------------

    @abstractmethod
    async def audit(self, event: AuditEvent) -> None:
        """Add an event to the audit log, or write over the one of its name, and remove old ones.

        The log keeps events for `core.store.keys.AUDIT_SECONDS`, at most `AUDIT_LIMIT` of them.
        They survive `erase`: they hold ids, and nothing of what was said.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def audited(self, *, after: str = "", limit: int = 100) -> tuple[AuditEvent, ...]:
        """Return one page of the audit log; `audit_events` iterates over all of it.

        Args:
            after: The name of the event behind which the page begins.
            limit: How many events the page holds at most.

        Returns:
            The events, oldest first; empty only at the end of the log.

        Raises:
            StoreError: See the module.
        """

    async def audit_events(self) -> AsyncIterator[AuditEvent]:
        """Yield the whole audit log, oldest first, read page by page.

        Raises:
            StoreError: See the module.
        """
        after = ""
        while page := await self.audited(after=after):
            for event in page:
                yield event
            after = page[-1].name

    # --- upkeep -------------------------------------------------------------------------------

    @abstractmethod
    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when a thread of these platforms may be claimable, or after `seconds`.

        A hint only: a wake may get lost, or come for nothing.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def sweep(self, limit: int = 100) -> int:
        """Remove up to `limit` things that have expired.

        Returns:
            How many were removed.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def check(self) -> tuple[str, ...]:
        """Try the store out.

        Returns:
            A sentence for each thing that the operator should know.

        Raises:
            StoreError: The store can't be used at all.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back connections and files. No other verb may be called after it."""

    # --- migration ----------------------------------------------------------------------------

    @abstractmethod
    async def dump(self, thread: ThreadKey) -> Dump | None:
        """Return a thread that lives without its records; None if there is none.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def load(
        self, thread: ThreadKey, records: Sequence[Record], *, first: bool, dump: Dump | None
    ) -> None:
        """Write the next portion of a thread's records. A retry has no effect.

        Args:
            thread: The thread.
            records: The records, in the order of their positions.
            first: Remove all that the store holds of the thread before writing this portion.
            dump: Comes with the last portion, and makes the thread exist in one step. Portions
                of a thread that never gets its last one expire.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    def side_records(self) -> AsyncIterator[tuple[SideRecord, ...]]:
        """Yield what the store keeps beside threads, in no order; some of it may come twice.

        The audit log, and what has expired, is left out.

        Raises:
            StoreError: See the module.
        """

    @abstractmethod
    async def keep(self, side_records: Sequence[SideRecord]) -> None:
        """Write what another store has yielded over what has the same name; no cursor moves back.

        Raises:
            StoreError: See the module.
        """
