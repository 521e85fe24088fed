"""Catches up on what people said while the bot was not connected, and takes it in like the rest.

No platform keeps events for long: Slack keeps none for an app without a connection, and Discord
none of a session that was lost. So the messages themselves are read; those that are stored already
are recognized. A message that is too old to answer gets one reply in its thread that says so. The
same reads find what was edited or deleted meanwhile (`core.intake.changes`).

From the moment at which something may have been missed until a thread has been read, the thread has
a gap. A message that arrives there meanwhile is taken in after those that were missed before it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Protocol

from core.domain.backoff import Backoff
from core.domain.errors import (
    ChatbotError,
    PlatformError,
    PostUnclearError,
    ReadBackRefusedError,
    StoreError,
    WaitError,
    broke,
)
from core.domain.limits import UNREAD
from core.domain.message import FOR_US
from core.domain.session import Entry, Status
from core.domain.tasks import Tasks
from core.intake.changes import Changes, Listing, MessageLists

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.cursors import Cursors
    from core.intake.intake import Intake
    from core.store.port import Store

log = logging.getLogger(__name__)

MARGIN = 3600.0
"""Overlap, in seconds, re-read before the cursor: events can get lost out of order."""
THREADS = 200
"""The most threads to read, the most recently used ones."""
PATIENCE = 1.5
"""Seconds that a message waits for those missed before it: half of what Slack waits for us."""
_LONGEST = 7 * 24 * 3600.0
"""Seconds of downtime after which nobody expects even a reply that it is too late."""
_HOUR = 3600.0
_BACKOFF = Backoff(first=1.0, cap=30.0)
"""Waits between attempts to catch up."""
_STORE_LATEST = 3.0
"""The longest wait if the store is down: only an attempt shows that it works again."""
_ATTEMPTS = 10
"""How often one channel is tried before the others, if it can't be read for now."""
TOO_LATE = (
    "I was offline when this message came, and it is too old to answer now. "
    "If it still matters, please send it again."
)


class HistorySource(MessageLists, Protocol):
    """Reads from a platform what was said while the bot was not connected."""

    async def channels(self) -> Sequence[str]:
        """Return channels to read, beside those of known threads."""
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


class CatchUp:
    """Reads what was missed and takes it in."""

    def __init__(
        self,
        platform: str,
        past: HistorySource,
        store: Store,
        intake: Intake,
        cursors: Cursors,
        clock: Clock,
        *,
        hours: float,
    ) -> None:
        """Start with no gap.

        Args:
            platform: The platform's name in thread keys.
            past: Reads what was said, and takes in what the store does not know.
            store: Knows the threads.
            intake: Knows which messages are new.
            cursors: Up to when each channel was heard.
            clock: Measures and waits.
            hours: The age at which a message is too old to answer.
        """
        self._platform = platform
        self._past = past
        self._store = store
        self._intake = intake
        self._cursors = cursors
        self._clock = clock
        self._hours = hours
        self._changes = Changes(past, store, intake, clock)
        self._due = asyncio.Event()
        self._gap = 0
        """How many times something may have been missed; numbers the gaps."""
        self._closed = 0
        """The last gap that is closed: all channels were read since."""
        self._read: dict[str | ThreadKey, int] = {}
        """By channel and by thread: the last gap that is closed there."""
        self._tasks = Tasks("looking for what was missed in a thread")
        self._looking: dict[ThreadKey, asyncio.Task[None]] = {}
        self._sinces: dict[str, asyncio.Task[float | None]] = {}
        """By channel: from when on to read it. No cursor moves while there is a gap."""
        self._failing = False

    def hold(self) -> None:
        """Note that something may have been missed until now; `look` starts reading it."""
        self._gap += 1
        self._cursors.hold()

    def missed(self) -> None:
        """Note that something may have been missed until now, and start reading it."""
        self.hold()
        self.look()

    def look(self) -> None:
        """Start reading what was missed until the last `hold`."""
        self._due.set()

    async def forever(self) -> None:
        """Read what was missed, each time that something may have been."""
        waits = iter(_BACKOFF)
        while True:
            await self._due.wait()
            self._due.clear()
            most = math.inf
            try:
                known = await self._run(self._gap)
            except ChatbotError as error:
                self._fails(str(error))
                known, most = False, _STORE_LATEST if isinstance(error, StoreError) else math.inf
            except Exception as error:  # noqa: BLE001 - the loop must go on
                log.error("catching up is retried later: %s", broke(error))  # noqa: TRY400
                known = False
            if known:
                self._failing, waits = False, iter(_BACKOFF)
                continue
            await self._clock.sleep(min(next(waits), most))
            self._due.set()

    async def close(self) -> None:
        """Stop reading single threads."""
        await self._tasks.close()

    async def ahead(self, message: Message) -> None:
        """Take in what was missed in a message's thread before it; wait only for a moment."""
        thread = message.thread
        if not self.has_gap(thread):
            return
        if thread.thread == message.id:  # it opens the thread: nothing was said before
            self._read[thread] = self._gap
            return
        if thread not in self._looking:
            task = self._looking[thread] = self._tasks.start(self._look_ahead(message))
            task.add_done_callback(lambda _: self._looking.pop(thread, None))
        await asyncio.wait({self._looking[thread]}, timeout=PATIENCE)

    # --- one thread -----------------------------------------------------------------------------

    def has_gap(self, thread: ThreadKey) -> bool:
        """Return whether something may have been missed in a thread."""
        if self._closed == self._gap:
            return False
        looked = max(self._read.get(thread, 0), self._read.get(thread.place, 0))
        return looked < self._gap

    async def _look_ahead(self, message: Message) -> None:
        gap, thread = self._gap, message.thread
        try:
            since = await self._since_for_all(thread.place)
            stored = [] if since is None else await self._changes.stored(thread)
            if since is not None and (stored or message.address in FOR_US):
                oldest = min([since, *(entry.at - 1 for entry in stored)])
                found, listings = await _all(self._past.said_in(message, oldest))
                found = [each for each in found if each.id != message.id]
                await self._changes.follow({thread: stored}, found, listings)
                before = [each for each in found if since < each.at <= message.at]
                await self._take(before, asked=message.at)
            self._read[thread] = gap
        except ChatbotError as error:
            log.info("catching up on a thread is retried later: %s", error)
        except Exception as error:  # noqa: BLE001 - the message is still taken in
            log.error("a thread was not caught up on: %s", broke(error))  # noqa: TRY400

    async def _since_for_all(self, channel: str) -> float | None:
        """Return what `_since` does; it is asked once for all threads of a channel."""
        if channel not in self._sinces:
            self._sinces[channel] = asyncio.create_task(self._since(channel))
        asked = self._sinces[channel]
        try:
            return await asyncio.shield(asked)
        except ChatbotError:
            self._sinces.pop(channel, None)
            raise

    # --- all of them ----------------------------------------------------------------------------

    async def _run(self, gap: int) -> bool:
        """Read all channels; return whether all of them could be read."""
        holds = self._cursors.holds
        known = True
        for channel, threads in (await self._channels()).items():
            if await self._look_patiently(channel, threads):
                self._read[channel] = gap
            else:
                known = False
        if known:
            self._cursors.release(holds)
            self._closed = gap
            self._sinces.clear()
            self._read = {what: last for what, last in self._read.items() if last > gap}
        return known

    async def _look_patiently(self, channel: str, threads: Sequence[ThreadKey]) -> bool:
        """Read one channel, waiting for the platform if need be; return whether it is done with.

        A channel that the bot may not read is done with.
        """
        pauses = iter(_BACKOFF)
        for _ in range(_ATTEMPTS):
            try:
                await self._look(channel, threads)
            except ReadBackRefusedError as error:
                log.warning("a channel was not caught up on: %s", error)
                return True
            except (WaitError, PostUnclearError) as error:
                log.info("catching up on a channel is retried later: %s", error)
                announced = error.seconds if isinstance(error, WaitError) else None
                pause = next(pauses)
                await self._clock.sleep(pause if announced is None else announced)
            except PlatformError as error:
                log.warning("a channel was not caught up on: %s", error)
                return True
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - other channels are still read
                log.error("a channel was not caught up on: %s", broke(error))  # noqa: TRY400
                return True
            else:
                return True
        return False

    async def _look(self, channel: str, threads: Sequence[ThreadKey]) -> None:
        started, since = self._clock.now(), await self._since(channel)
        if since is None:
            return  # nothing was ever heard there: this is the first start
        stored = {thread: await self._changes.stored(thread) for thread in threads}
        oldest = {
            thread.thread: min([since, *(entry.at - 1 for entry in entries)])
            for thread, entries in stored.items()
        }
        found, listings = await _all(self._past.said(channel, oldest, since))
        await self._changes.follow(stored, found, listings)
        await self._take([message for message in found if message.at > since])
        await self._cursors.advance(channel, started)

    async def _since(self, channel: str) -> float | None:
        """Return from when on to read a channel; None if it was never heard."""
        cursor = await self._cursors.of(channel)
        return max(cursor - MARGIN, self._clock.now() - _LONGEST) if cursor else None

    async def _channels(self) -> dict[str, list[ThreadKey]]:
        """Return the channels to read, with their most recently used threads."""
        infos = [
            info
            async for info in self._store.all_threads()
            if info.thread.platform == self._platform
        ]
        recent = sorted(infos, key=lambda info: -info.last_at)[:THREADS]
        channels: dict[str, list[ThreadKey]] = {}
        for info in recent:
            channels.setdefault(info.thread.place, []).append(info.thread)
        for channel in await self._past.channels():
            channels.setdefault(channel, [])
        return channels

    def _fails(self, why: str) -> None:
        """Log the first failure as a warning; it is retried until it works."""
        level = logging.INFO if self._failing else logging.WARNING
        self._failing = True
        log.log(level, "catching up is retried later: %s", why)

    # --- taking in ------------------------------------------------------------------------------

    async def _take(self, found: Sequence[Message], *, asked: float = 0.0) -> None:
        """Take in the messages that the store does not know.

        `asked` is the time of the mention that is the first in a thread, if there is one.
        """
        answered = self._clock.now() - self._hours * _HOUR
        late: dict[str, Message] = {}
        together: dict[ThreadKey, list[Message]] = {}
        for message in found:
            if not await self._intake.is_new(message):
                continue
            if message.at >= answered:
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

        The author of a skipped message is told.
        """
        try:
            await self._past.offer(messages)
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
        came = min([await self._came(thread) or asked, *(message.at for message in wanted)])
        return [each for each in messages if each.at >= came]

    async def _came(self, thread: ThreadKey) -> float:
        """Return the time of the first stored message that is not only context; else 0."""
        async for record in self._store.records(thread):
            if isinstance(record, Entry) and record.status is not Status.OVERHEARD:
                return record.at
        return 0.0

    async def _say_so(self, message: Message, text: str) -> None:
        try:
            await self._past.say(message, text)
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
    return sorted(found.values(), key=lambda message: message.at), listings
