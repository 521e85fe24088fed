"""Finds what people edited or deleted while the bot was not connected, by comparison.

No platform reports that afterwards. So the messages of a thread are read and compared with the
stored ones: a message with a newer edit or other files is amended, and one that is gone is deleted.
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
"""How many places of a thread are compared, the latest: as many as a prompt may show."""
_SECONDS = 30 * 24 * 3600.0
"""How old a compared message may be: as long as a session may be silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All messages of one list, a thread's or a channel's, since a point in time."""

    name: str
    """The list's name, as returned by `MessageLists.listing_of`."""
    since: float
    ids: frozenset[str]


class MessageLists(Protocol):
    """The lists in which a platform has its messages."""

    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the name of the list that a stored message is in; empty if unknown."""
        ...

    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        """Ask the platform whether a stored message was deleted. Raises `PlatformError`."""
        ...


class Changes:
    """Compares the messages on a platform with the stored ones."""

    def __init__(self, lists: MessageLists, store: Store, intake: Intake, clock: Clock) -> None:
        """Read stored messages from `store`, and change them by way of `intake`."""
        self._lists = lists
        self._store = store
        self._intake = intake
        self._clock = clock

    async def stored(self, thread: ThreadKey) -> tuple[Entry, ...]:
        """Return the stored messages of a thread that are to be compared, in order."""
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
        """Amend and delete messages that were changed; return how many.

        Args:
            stored: The stored messages to compare, by thread.
            found: The messages that were read.
            listings: The lists that were read to their ends.

        Raises:
            StoreError: A change could not be stored.
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
            listing = lists.get(self._lists.listing_of(thread, entry))
            if listing is not None and await self._is_gone(thread, entry, listing):
                await self._intake.delete(thread, entry.id, (), stamp=self._clock.now())
                changed += 1
        return changed

    async def _is_gone(self, thread: ThreadKey, entry: Entry, listing: Listing) -> bool:
        """Return whether a message is gone; if its list lacks it, ask for it by itself."""
        if entry.at <= listing.since or entry.platform_id in listing.ids:
            return False
        try:
            return await self._lists.is_gone(thread, entry)
        except PlatformError as error:
            log.info("it is not known whether a message was deleted: %s", error)
            return False


def _edit(entry: Entry, message: Message) -> Message | None:
    """Return the message as an edit of the stored one; None if it is no newer."""
    if message.stamp > entry.stamp:
        return message
    files, kept = ({file.id for file in each.attachments} for each in (message, entry))
    if files == kept:
        return None
    # A file is removed without an edit. Later events have a later stamp.
    return replace(message, stamp=math.nextafter(max(entry.stamp, entry.at), math.inf))
