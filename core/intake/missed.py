"""Reads what was said while the bot was not connected, and takes in what the store does not know.

No platform reports afterwards what people edited or deleted. So the messages of a thread are read
and compared with the stored ones: a message with a newer edit or other files is amended, and one
that is gone is deleted. A message that is too old to answer gets one reply that says so.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from core.domain.errors import ChatbotError, PlatformError, broke
from core.domain.limits import UNREAD
from core.domain.message import FOR_US, Address
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake
    from core.store.port import Store

log = logging.getLogger(__name__)

_PLACES = 100
"""How many places of a thread are compared, the latest: as many as a prompt may show."""
_SECONDS = 30 * 24 * 3600.0
"""How old a compared message may be: as long as a session may be silent."""
_HOUR = 3600.0
TOO_LATE = (
    "I was offline when this message came, and it is too old to answer now. "
    "If it still matters, please send it again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All messages of one list, a thread's or a channel's, since a point in time."""

    name: str
    """The list's name, as returned by `HistorySource.listing_of`."""
    since: float
    ids: frozenset[str]


class HistorySource(Protocol):
    """Reads from a platform what was said while the bot was not connected."""

    async def channels(self) -> Sequence[str]:
        """Return channels to read, beside those of known threads. Raises `PlatformError`."""
        ...

    def said(
        self, channel: str, threads: Mapping[str, float], oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a channel after `oldest`, in threads and outside of them.

        In each of the given threads, what they said after the time given for it. After each list of
        messages that was read to its end, its `Listing` is yielded. Raises `PlatformError`.
        """
        ...

    def said_in(self, message: Message, oldest: float) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a message's thread after `oldest`; as `said`."""
        ...

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in messages of one thread, oldest first, to be answered together."""
        ...

    async def say(self, message: Message, text: str) -> None:
        """Reply to a message with a text, once. Raises `PlatformError`."""
        ...

    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the name of the list that a stored message is in; empty if unknown."""
        ...

    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        """Ask the platform whether a stored message was deleted. Raises `PlatformError`."""
        ...


class MissedMessages:
    """Reads what was missed in a channel or a thread, and takes it in."""

    def __init__(
        self, history: HistorySource, store: Store, intake: Intake, clock: Clock, *, hours: float
    ) -> None:
        """Take in what `history` yields; what is older than `hours` is too old to answer."""
        self._history = history
        self._store = store
        self._intake = intake
        self._clock = clock
        self._hours = hours

    async def read_channel(self, channel: str, threads: Iterable[ThreadKey], since: float) -> None:
        """Take in what was said in a channel after `since`, and what was changed in its threads.

        Raises `PlatformError` and `StoreError`.
        """
        stored = {thread: await self._stored(thread) for thread in threads}
        oldest = {
            thread.thread: min([since, *(entry.sent_at - 1 for entry in entries)])
            for thread, entries in stored.items()
        }
        found, listings = await _all(self._history.said(channel, oldest, since))
        await self._apply_changes(stored, found, listings)
        found = _as_asked(found, stored, since)
        await self._take([message for message in found if message.sent_at > since])

    async def read_before(self, message: Message, since: float) -> None:
        """Take in what was said in a message's thread after `since` and before the message.

        Raises `PlatformError` and `StoreError`.
        """
        stored = await self._stored(message.thread)
        if not stored and message.address not in FOR_US:
            return
        oldest = min([since, *(entry.sent_at - 1 for entry in stored)])
        found, listings = await _all(self._history.said_in(message, oldest))
        found = [each for each in found if each.id != message.id]
        await self._apply_changes({message.thread: stored}, found, listings)
        found = _as_asked(found, {message.thread: stored}, since)
        before = [each for each in found if since < each.sent_at <= message.sent_at]
        await self._take(before, asked=message.sent_at)

    # --- changes --------------------------------------------------------------------------------

    async def _stored(self, thread: ThreadKey) -> tuple[Entry, ...]:
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
            and record.sent_at >= oldest
        )

    async def _apply_changes(
        self,
        stored: Mapping[ThreadKey, Sequence[Entry]],
        found: Iterable[Message],
        listings: Iterable[Listing],
    ) -> None:
        """Amend and delete messages that were changed.

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
        for message in found:
            entry = known.pop((message.thread, message.id), None)
            if entry is not None and (edit := _edit(entry, message)) is not None:
                await self._intake.edit(replace(edit, id=entry.id))
        lists = {listing.name: listing for listing in listings}
        for (thread, _), entry in known.items():
            listing = lists.get(self._history.listing_of(thread, entry))
            if listing is not None and await self._is_gone(thread, entry, listing):
                await self._intake.delete(thread, entry.id, (), stamp=self._clock.now())

    async def _is_gone(self, thread: ThreadKey, entry: Entry, listing: Listing) -> bool:
        """Return whether a message is gone; if its list lacks it, ask for it by itself."""
        if entry.sent_at <= listing.since or entry.platform_id in listing.ids:
            return False
        try:
            return await self._history.is_gone(thread, entry)
        except PlatformError as error:
            log.info("it is not known whether a message was deleted: %s", error)
            return False

    # --- taking in ------------------------------------------------------------------------------

    async def _take(self, found: Sequence[Message], *, asked: float = 0.0) -> None:
        """Take in the messages that the store does not know.

        `asked` is the time of the mention that is the first in a thread, if there is one.
        """
        answered = self._clock.now() - self._hours * _HOUR if self._hours else math.inf
        late: dict[str, Message] = {}
        together: dict[ThreadKey, list[Message]] = {}
        for message in found:
            if not await self._intake.is_new(message):
                continue
            if message.sent_at >= answered:
                together.setdefault(message.thread, []).append(message)
            elif message.address in FOR_US:
                late[message.answer_in] = message
        for thread, messages in together.items():
            if kept := await self._since_it_came(thread, messages, asked):
                await self._offer(kept)
        for message in late.values():
            await self._say_so(message, TOO_LATE)

    async def _offer(self, messages: Sequence[Message]) -> None:
        """Offer messages of one thread; if that fails, each by itself, to skip as few as possible.

        The bot tells the author of a skipped message.
        """
        try:
            await self._history.offer(messages)
        except ChatbotError:
            raise
        except Exception as error:  # noqa: BLE001 - one message must not stop the later ones
            log.error("a missed message was not taken in: %s", broke(error))  # noqa: TRY400
            if len(messages) > 1:
                for message in messages:
                    await self._offer([message])
            elif messages[0].address in FOR_US:
                await self._say_so(messages[0], UNREAD)

    async def _since_it_came(
        self, thread: ThreadKey, messages: list[Message], asked: float
    ) -> list[Message]:
        """Return the messages without those from before the bot's first mention in the thread.

        The bot does not answer them; `ThreadBackfill` reads them as context.
        """
        wanted = [message for message in messages if message.address in FOR_US]
        if len(wanted) == len(messages):
            return messages
        came = min([await self._came(thread) or asked, *(message.sent_at for message in wanted)])
        return [each for each in messages if each.sent_at >= came]

    async def _came(self, thread: ThreadKey) -> float:
        """Return the time of the first stored message that is not only context; else 0."""
        async for record in self._store.records(thread):
            if isinstance(record, Entry) and record.status is not Status.OVERHEARD:
                return record.sent_at
        return 0.0

    async def _say_so(self, message: Message, text: str) -> None:
        try:
            await self._history.say(message, text)
        except PlatformError as error:
            log.warning("a message gets no reply: %s", error)


async def _all(
    read: AsyncGenerator[Message | Listing, None],
) -> tuple[list[Message], list[Listing]]:
    """Return the messages in order of time, each once, and the lists."""
    found: dict[tuple[ThreadKey, str], Message] = {}
    listings: list[Listing] = []
    async for each in read:
        if isinstance(each, Listing):
            listings.append(each)
        else:
            found.setdefault((each.thread, each.id), each)
    return sorted(found.values(), key=lambda message: message.sent_at), listings


def _as_asked(
    found: Sequence[Message], stored: Mapping[ThreadKey, Sequence[Entry]], since: float
) -> list[Message]:
    """Return the messages in order, as said at the time of the edit if it has added a mention.

    That is so if the message was only overheard, or is older than `since` and was never stored.
    """
    statuses = {
        (thread, entry.platform_id): entry.status
        for thread, entries in stored.items()
        for entry in entries
    }

    def as_asked(message: Message) -> Message:
        if message.address is not Address.MENTIONED or message.edited_at <= since:
            return message
        status = statuses.get((message.thread, message.id))
        asks = status is Status.OVERHEARD or (status is None and message.sent_at <= since)
        return replace(message, sent_at=message.edited_at) if asks else message

    return sorted(map(as_asked, found), key=lambda message: message.sent_at)


def _edit(entry: Entry, message: Message) -> Message | None:
    """Return the message as an edit of the stored one; None if it is no newer."""
    if message.edited_at > entry.edited_at:
        return message
    files, kept = ({file.id for file in each.attachments} for each in (message, entry))
    if files == kept:
        return None
    # A file is removed without an edit. Later events have a later stamp.
    return replace(message, edited_at=math.nextafter(max(entry.edited_at, entry.sent_at), math.inf))
