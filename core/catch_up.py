"""What people said while the bot was not connected: read afterwards, and taken in like the rest.

No platform keeps it for long: Slack nothing for an app without a connection, Discord nothing
behind a session that was lost. What is read twice is known from the first time. What is too old
to be answered gets one line in its thread that says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from core.errors import ChatbotError, PlatformError
from core.limits import UNREAD
from core.message import FOR_US
from core.odd import broke
from core.session import Entry, Status

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Sequence

    from core.clock import Clock
    from core.cursors import Cursors
    from core.intake import Intake
    from core.message import Message, ThreadKey
    from core.store.port import Store
    from core.store.values import ThreadInfo

log = logging.getLogger(__name__)

MARGIN = 3600.0
"""Seconds before the cursor from which on is read: events come out of order, and get lost so."""
THREADS = 200
"""Threads that are looked at, the latest first."""
_LONGEST = 7 * 24 * 3600.0
"""Seconds of downtime past which nobody expects even a line."""
_HOUR = 3600.0
_SOONEST, _LATEST = 1.0, 30.0
"""Seconds after which a look that failed is tried again, doubled each time."""
TOO_LATE = (
    "I was away when this came, and it is too long ago to be answered now. "
    "If it still matters, please say it again."
)


class Past(Protocol):
    """What a platform knows of the time in which nobody listened."""

    async def places(self) -> Sequence[str]:
        """Return places to look at beside those of known threads."""
        ...

    def said(
        self, place: str, threads: Sequence[str], oldest: float
    ) -> AsyncGenerator[Message, None]:
        """Yield what people said at a place after a moment, in these threads and outside of them.

        Raises `PlatformError` when that can't be had.
        """
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
        past: Past,
        store: Store,
        intake: Intake,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        """Offer to `past` what the store does not know; `platform` begins its thread keys."""
        self._platform = platform
        self._past = past
        self._store = store
        self._intake = intake
        self._cursors = cursors
        self._clock = clock

    async def forever(self, due: asyncio.Event, *, hours: float) -> None:
        """Look each time that something may have been missed."""
        wait = _SOONEST
        while True:
            await due.wait()
            due.clear()
            try:
                await self.run(hours=hours)
            except ChatbotError as error:
                log.warning("what was missed is looked for later: %s", error)
            except Exception as error:  # noqa: BLE001 - nobody would look any more
                log.error("what was missed is looked for later: %s", broke(error))  # noqa: TRY400
            else:
                wait = _SOONEST
                continue
            await self._clock.sleep(wait)
            wait = min(2 * wait, _LATEST)
            due.set()

    async def run(self, *, hours: float) -> int:
        """Take in what was missed; return how many messages that were."""
        started, holds = self._clock.now(), self._cursors.holds
        taken = 0
        for place, threads in (await self._places()).items():
            since = await self._cursors.of(place)
            if not since:
                continue  # nothing was ever heard anywhere: this is the first start
            oldest = max(since - MARGIN, started - _LONGEST)
            try:
                missed = await self._missed(place, threads, oldest)
            except PlatformError as error:
                log.warning("what was missed at a place is not known: %s", error)
                continue
            except ChatbotError:
                raise
            except Exception as error:  # noqa: BLE001 - other places are looked at all the same
                log.error("what was missed at a place is not known: %s", broke(error))  # noqa: TRY400
                continue
            await self._take(missed, answered=started - hours * _HOUR)
            await self._cursors.advance(place, started)
            taken += len(missed)
        self._cursors.release(holds)
        return taken

    async def _missed(self, place: str, threads: Sequence[str], oldest: float) -> list[Message]:
        """Return what was said at a place and never offered to the store, in order."""
        found: dict[str, Message] = {}
        async for message in self._past.said(place, threads, oldest):
            if message.id not in found and await self._intake.is_new(message):
                found[message.id] = message
        return sorted(found.values(), key=lambda message: message.at)

    async def _take(self, missed: Sequence[Message], *, answered: float) -> None:
        late: dict[str, Message] = {}
        together: dict[ThreadKey, list[Message]] = {}
        for message in missed:
            if message.at >= answered:
                together.setdefault(message.thread, []).append(message)
            elif message.address in FOR_US:
                late[message.answer_in] = message
        for thread, messages in together.items():
            await self._offer(await self._since_it_came(thread, messages))
        for message in late.values():
            await self._say_so(message, TOO_LATE)

    async def _offer(self, messages: Sequence[Message]) -> None:
        """Offer messages of one thread; where that breaks, each by itself, to skip no more of them.

        Whoever has said what is skipped is told.
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

    async def _since_it_came(self, thread: ThreadKey, messages: list[Message]) -> list[Message]:
        """Leave out what was said before the bot was asked in: that was for nobody to answer.

        What of it is to be known as context was read then, as far as it could be.
        """
        wanted = [message for message in messages if message.address in FOR_US]
        if len(wanted) == len(messages):
            return messages
        came = min([await self._came(thread), *(message.at for message in wanted)])
        return [each for each in messages if each.at >= came]

    async def _came(self, thread: ThreadKey) -> float:
        """Return when the first message was said that is not there as context; else 0."""
        after = -1
        while page := await self._store.history(thread, after=after):
            for record in page:
                if isinstance(record, Entry) and record.status is not Status.OVERHEARD:
                    return record.at
            after = page[-1].place
        return 0.0

    async def _say_so(self, message: Message, text: str) -> None:
        try:
            await self._past.say(message, text)
        except PlatformError as error:
            log.warning("a message stays without a word: %s", error)

    async def _places(self) -> dict[str, list[str]]:
        """Return where to look: the places of threads, with those that were last active."""
        infos: list[ThreadInfo] = []
        after = ""
        while True:
            page = await self._store.threads(after=after)
            infos += [info for info in page.threads if info.thread.platform == self._platform]
            after = page.after
            if not after:
                break
        recent = sorted(infos, key=lambda info: -info.last_at)[:THREADS]
        places: dict[str, list[str]] = {}
        for info in recent:
            places.setdefault(info.thread.place, []).append(info.thread.thread)
        for place in await self._past.places():
            places.setdefault(place, [])
        return places
