"""What people said while the bot was not connected: read afterwards, and taken in like the rest.

No platform keeps it for long: Slack nothing for an app without a connection, Discord nothing
behind a session that was lost. What is read twice is known from the first time. What is too old
to be answered gets one line in its thread that says so. What was changed or deleted meanwhile is
found by the same reads (`core.intake.changes`).

From the moment at which something may have been missed until a thread was looked at, the thread
has a gap. Who speaks there in the meantime is heard after what they said before.
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
from core.intake.changes import Changes, Listing, Shelves

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.cursors import Cursors
    from core.intake.intake import Intake
    from core.store.port import Store

log = logging.getLogger(__name__)

MARGIN = 3600.0
"""Seconds before the cursor from which on is read: events come out of order, and get lost so."""
THREADS = 200
"""Threads that are looked at, the latest first."""
PATIENCE = 1.5
"""Seconds that a message waits for what was missed before it: half of what Slack waits for us."""
_LONGEST = 7 * 24 * 3600.0
"""Seconds of downtime past which nobody expects even a line."""
_HOUR = 3600.0
_BACKOFF = Backoff(first=1.0, cap=30.0)
"""Waits between attempts to look."""
_STORE_LATEST = 3.0
"""The same where it is the store that does not serve: it is found to be back by looking."""
_LOOKS = 10
"""Times that one place is tried before the others, where it can't be read for now."""
TOO_LATE = (
    "I was away when this came, and it is too long ago to be answered now. "
    "If it still matters, please say it again."
)


class HistorySource(Shelves, Protocol):
    """What a platform knows of the time in which nobody listened."""

    async def places(self) -> Sequence[str]:
        """Return places to look at beside those of known threads."""
        ...

    def said(
        self, place: str, threads: Mapping[str, float], oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said at a place after `oldest`, in threads and outside of them.

        In each of these threads, after the moment that is given for it. Behind each list of
        messages that was read to its end comes the `Listing`. Raises `PlatformError` when that
        can't be had.
        """
        ...

    def said_in(self, message: Message, oldest: float) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a message's thread after a moment; as `said`."""
        ...

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in messages of one thread, oldest first, to be answered together."""
        ...

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once; raises `PlatformError` where that can't be."""
        ...


class CatchUp:
    """Looks for what was missed."""

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
        """Offer to `past` what the store does not know; `platform` begins its thread keys.

        What is older than so many hours is too old to be answered.
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
        """How many gaps there have been."""
        self._closed = 0
        """The last of them in which all was looked at."""
        self._looked: dict[str | ThreadKey, int] = {}
        """By place and thread: the gap in which it was looked at."""
        self._tasks = Tasks("looking for what was missed in a thread")
        self._looking: dict[ThreadKey, asyncio.Task[None]] = {}
        self._sinces: dict[str, asyncio.Task[float | None]] = {}
        """By place: from when on to read it. No cursor moves while there is a gap."""
        self._failing = False

    def hold(self) -> None:
        """Note that something may not have been heard until now; `missed` has it looked for."""
        self._gap += 1
        self._cursors.hold()

    def missed(self) -> None:
        """Look for what was not heard until now."""
        self.hold()
        self.look()

    def look(self) -> None:
        """Look for what was not heard until the last `hold`."""
        self._due.set()

    async def forever(self) -> None:
        """Look each time that something may have been missed."""
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
            except Exception as error:  # noqa: BLE001 - nobody would look any more
                log.error("what was missed is looked for later: %s", broke(error))  # noqa: TRY400
                known = False
            if known:
                self._failing, waits = False, iter(_BACKOFF)
                continue
            await self._clock.sleep(min(next(waits), most))
            self._due.set()

    async def close(self) -> None:
        """Stop looking at single threads."""
        await self._tasks.close()

    async def ahead(self, message: Message) -> None:
        """Take in what was missed in a message's thread, before the message; not for long."""
        thread = message.thread
        if not self.has_gap(thread):
            return
        if thread.thread == message.id:  # it begins the thread: nothing was said there before it
            self._looked[thread] = self._gap
            return
        if thread not in self._looking:
            task = self._looking[thread] = self._tasks.start(self._look_ahead(message))
            task.add_done_callback(lambda _: self._looking.pop(thread, None))
        await asyncio.wait({self._looking[thread]}, timeout=PATIENCE)

    # --- one thread -----------------------------------------------------------------------------

    def has_gap(self, thread: ThreadKey) -> bool:
        """Tell whether something may have been missed in a thread."""
        if self._closed == self._gap:
            return False
        looked = max(self._looked.get(thread, 0), self._looked.get(thread.place, 0))
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
            self._looked[thread] = gap
        except ChatbotError as error:
            log.info("what was missed in a thread is looked for later: %s", error)
        except Exception as error:  # noqa: BLE001 - the message is taken in all the same
            log.error("what was missed in a thread is not known: %s", broke(error))  # noqa: TRY400

    async def _since_for_all(self, place: str) -> float | None:
        """Return what `_since` does, asked for once for all threads of a place."""
        if place not in self._sinces:
            self._sinces[place] = asyncio.create_task(self._since(place))
        asked = self._sinces[place]
        try:
            return await asyncio.shield(asked)
        except ChatbotError:
            self._sinces.pop(place, None)
            raise

    # --- all of them ----------------------------------------------------------------------------

    async def _run(self, gap: int) -> bool:
        """Look at all places; tell whether all that was missed is known."""
        holds = self._cursors.holds
        known = True
        for place, threads in (await self._places()).items():
            if await self._look_patiently(place, threads):
                self._looked[place] = gap
            else:
                known = False
        if known:
            self._cursors.release(holds)
            self._closed = gap
            self._sinces.clear()
            self._looked = {what: last for what, last in self._looked.items() if last > gap}
        return known

    async def _look_patiently(self, place: str, threads: Sequence[ThreadKey]) -> bool:
        """Look at one place, and wait for the platform; tell whether it could be looked at.

        What will not be shown to the bot is nothing that it waits for.
        """
        pauses = iter(_BACKOFF)
        for _ in range(_LOOKS):
            try:
                await self._look(place, threads)
            except ReadBackRefusedError as error:
                log.warning("what was missed at a place is not known: %s", error)
                return True
            except (WaitError, PostUnclearError) as error:
                log.info("what was missed at a place is looked for later: %s", error)
                announced = error.seconds if isinstance(error, WaitError) else None
                pause = next(pauses)
                await self._clock.sleep(pause if announced is None else announced)
            except PlatformError as error:
                log.warning("what was missed at a place is not known: %s", error)
                return True
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - other places are looked at all the same
                log.error("what was missed at a place is not known: %s", broke(error))  # noqa: TRY400
                return True
            else:
                return True
        return False

    async def _look(self, place: str, threads: Sequence[ThreadKey]) -> None:
        started, since = self._clock.now(), await self._since(place)
        if since is None:
            return  # nothing was ever heard anywhere: this is the first start
        stored = {thread: await self._changes.stored(thread) for thread in threads}
        oldest = {
            thread.thread: min([since, *(entry.at - 1 for entry in entries)])
            for thread, entries in stored.items()
        }
        found, listings = await _all(self._past.said(place, oldest, since))
        await self._changes.follow(stored, found, listings)
        await self._take([message for message in found if message.at > since])
        await self._cursors.advance(place, started)

    async def _since(self, place: str) -> float | None:
        """Return from when on a place has to be read; None if it was never heard."""
        cursor = await self._cursors.of(place)
        return max(cursor - MARGIN, self._clock.now() - _LONGEST) if cursor else None

    async def _places(self) -> dict[str, list[ThreadKey]]:
        """Return where to look: the places of threads, with those that were last active."""
        infos = [
            info
            async for info in self._store.all_threads()
            if info.thread.platform == self._platform
        ]
        recent = sorted(infos, key=lambda info: -info.last_at)[:THREADS]
        places: dict[str, list[ThreadKey]] = {}
        for info in recent:
            places.setdefault(info.thread.place, []).append(info.thread)
        for place in await self._past.places():
            places.setdefault(place, [])
        return places

    def _fails(self, why: str) -> None:
        """Say it once: it is tried again until it works."""
        level = logging.INFO if self._failing else logging.WARNING
        self._failing = True
        log.log(level, "what was missed is looked for later: %s", why)

    # --- taking in ------------------------------------------------------------------------------

    async def _take(self, found: Sequence[Message], *, asked: float = 0.0) -> None:
        """Take in, of what was read, what was never offered to the store.

        `asked` is when the bot is asked into a thread that it does not know yet.
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
        """Offer messages of one thread; where that breaks, each by itself, to skip no more of them.

        A person whose message is skipped is told.
        """
        try:
            await self._past.offer(messages)
        except ChatbotError:
            raise
        except Exception as error:  # noqa: BLE001 - one message must not stop what comes after it
            log.error("what was missed was not taken in: %s", broke(error))  # noqa: TRY400
            if len(messages) > 1:
                for message in messages:
                    await self._offer([message])
            elif messages[0].address in FOR_US:
                await self._say_so(messages[0], UNREAD)

    async def _since_it_came(
        self, thread: ThreadKey, messages: list[Message], asked: float
    ) -> list[Message]:
        """Leave out what was said before the bot was asked in: that was for nobody to answer.

        What of it is to be known as context was read then, as far as it could be.
        """
        wanted = [message for message in messages if message.address in FOR_US]
        if len(wanted) == len(messages):
            return messages
        came = min([await self._came(thread) or asked, *(message.at for message in wanted)])
        return [each for each in messages if each.at >= came]

    async def _came(self, thread: ThreadKey) -> float:
        """Return when the first message was said that is not there as context; else 0."""
        async for record in self._store.records(thread):
            if isinstance(record, Entry) and record.status is not Status.OVERHEARD:
                return record.at
        return 0.0

    async def _say_so(self, message: Message, text: str) -> None:
        try:
            await self._past.say(message, text)
        except PlatformError as error:
            log.warning("a message stays without a word: %s", error)


async def _all(
    read: AsyncGenerator[Message | Listing, None],
) -> tuple[list[Message], list[Listing]]:
    """Return what was read: the messages in order of time, each once, and the lists."""
    found: dict[tuple[ThreadKey, str], Message] = {}
    listings: list[Listing] = []
    async for each in read:
        if isinstance(each, Listing):
            listings.append(each)
        else:
            found.setdefault((each.thread, each.id), each)
    return sorted(found.values(), key=lambda message: message.at), listings
