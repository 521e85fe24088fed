"""What people changed or deleted while the bot was not connected: found by a comparison.

No platform tells it afterwards. So what stands in a thread is read, and compared with what is
stored: what has a newer edit or other files is amended, and what is gone is deleted here too.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from core.domain.errors import PlatformError
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake
    from core.store.port import Store

log = logging.getLogger(__name__)

_PLACES = 100
"""Messages and answers of a thread that are compared, the latest: what a prompt may show."""
_SECONDS = 30 * 24 * 3600.0
"""How old a message may be that is compared: as old as a session may be that is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that stands in one list of messages, a thread's or a channel's, from a moment on."""

    name: str
    """Which list: as `Places.listing_of` calls it."""
    since: float
    ids: frozenset[str]


class Shelves(Protocol):
    """Where a platform keeps messages."""

    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the name of the list that a stored message is in; empty if that is not known."""
        ...

    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        """Ask whether a stored message was deleted; raises `PlatformError`."""
        ...


class Changes:
    """Compares what stands on a platform with what is stored."""

    def __init__(self, shelves: Shelves, store: Store, intake: Intake, clock: Clock) -> None:
        """Change what `store` has by way of `intake`."""
        self._shelves = shelves
        self._store = store
        self._intake = intake
        self._clock = clock

    async def stored(self, thread: ThreadKey) -> tuple[Entry, ...]:
        """Return the messages of a thread that are compared, in order."""
        work = await self._store.peek(thread)
        if work is None:
            return ()
        first = max(0, work.next - _PLACES)
        found = await self._store.history(thread, after=first - 1, limit=_PLACES)
        oldest = self._clock.now() - _SECONDS
        return tuple(
            record
            for record in found
            if isinstance(record, Entry)
            and record.status is not Status.DELETED
            and record.at >= oldest
        )

    async def follow(
        self,
        stored: Mapping[ThreadKey, Sequence[Entry]],
        found: Iterable[Message],
        listings: Iterable[Listing],
    ) -> int:
        """Amend and delete what was changed; return how many messages that were.

        Args:
            stored: The messages that are compared, by thread.
            found: What was read.
            listings: The lists that were read to their ends.

        Raises what the store does.
        """
        known = {
            (thread, entry.platform_id): entry
            for thread, entries in stored.items()
            for entry in entries
        }
        changed = 0
        for message in found:
            entry = known.pop((message.thread, message.id), None)
            if entry is not None and (edit := _edit(entry, message)) is not None:
                changed += await self._intake.edit(replace(edit, id=entry.id))
        lists = {listing.name: listing for listing in listings}
        for (thread, _), entry in known.items():
            listing = lists.get(self._shelves.listing_of(thread, entry))
            if listing is not None and await self._is_gone(thread, entry, listing):
                await self._intake.delete(thread, entry.id, (), stamp=self._clock.now())
                changed += 1
        return changed

    async def _is_gone(self, thread: ThreadKey, entry: Entry, listing: Listing) -> bool:
        """Tell whether a message is gone; what a list lacks is asked for by itself."""
        if entry.at <= listing.since or entry.platform_id in listing.ids:
            return False
        try:
            return await self._shelves.is_gone(thread, entry)
        except PlatformError as error:
            log.info("whether a message was deleted is not known: %s", error)
            return False


def _edit(entry: Entry, message: Message) -> Message | None:
    """Return the message as an edit of what is stored; None if it is no newer."""
    if message.stamp > entry.stamp:
        return message
    files, kept = ({file.id for file in each.attachments} for each in (message, entry))
    if files == kept:
        return None
    # A file goes without an edit. What is told from now on has a later stamp.
    return replace(message, stamp=math.nextafter(max(entry.stamp, entry.at), math.inf))
