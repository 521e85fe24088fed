"""Catches up on what people said while the bot was not connected, and takes it in like the rest.

No platform keeps events for long: Slack keeps none for an app without a connection, and Discord
none of a session that was lost. So the messages themselves are read; those that are stored already
are recognized. A message that is too old to answer gets one reply in its thread that says so. The
same reads find what was edited or deleted meanwhile (`core.intake.missed`).

From the moment at which something may have been missed until a thread has been read, the thread has
a gap. A message that arrives there meanwhile is taken in after those that were missed before it.

A cursor says up to when a channel was heard, so that catch-up knows where to start. It moves with
the messages that are taken in, but not with each: those since its last move are read again, and
recognized. While there is a gap, no cursor moves past it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

from core.domain.clock import Backoff
from core.domain.errors import (
    ChatbotError,
    PlatformError,
    PostUnclearError,
    ReadBackRefusedError,
    StoreError,
    WaitError,
    broke,
)
from core.domain.tasks import Tasks
from core.intake.missed import MissedMessages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake
    from core.intake.missed import HistorySource
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
_BACKOFF = Backoff(first=1.0, cap=30.0)
"""Waits between attempts to catch up."""
_STORE_LATEST = 3.0
"""The longest wait if the store is down: only an attempt shows that it works again."""
_ATTEMPTS = 10
"""How often one channel is tried before the others, if it can't be read for now."""
_CURSOR_SECONDS = 20.0
"""Seconds between two moves of one cursor; far less than `MARGIN`."""
_MICRO = 1_000_000
"""The store counts a cursor in microseconds."""


class CatchUp:
    """Has what was missed read, at the right time and once."""

    def __init__(
        self,
        platform: str,
        history: HistorySource,
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
            history: Reads what was said, and takes in what the store does not know.
            store: Knows the threads.
            intake: Knows which messages are new.
            cursors: Up to when each channel was heard.
            clock: Measures and waits.
            hours: The age at which a message is too old to answer.
        """
        self._platform = platform
        self._history = history
        self._store = store
        self._cursors = cursors
        self._clock = clock
        self._missed = MissedMessages(history, store, intake, clock, hours=hours)
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
        looked = max(self._read.get(thread, 0), self._read.get(thread.channel, 0))
        return looked < self._gap

    async def _look_ahead(self, message: Message) -> None:
        gap, thread = self._gap, message.thread
        try:
            since = await self._since_for_all(thread.channel)
            if since is not None:
                await self._missed.read_before(message, since)
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
        channels = await self._known_channels()
        known = await self._add_further(channels)
        for channel, threads in channels.items():
            if self._read.get(channel, 0) >= gap or await self._look_patiently(channel, threads):
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
        await self._missed.read_channel(channel, threads, since)
        await self._cursors.advance(channel, started)

    async def _since(self, channel: str) -> float | None:
        """Return from when on to read a channel; None if it was never heard."""
        cursor = await self._cursors.of(channel)
        return max(cursor - MARGIN, self._clock.now() - _LONGEST) if cursor else None

    async def _known_channels(self) -> dict[str, list[ThreadKey]]:
        """Return the channels of known threads, with the most recently used of these."""
        infos = [
            info
            async for info in self._store.all_threads()
            if info.thread.platform == self._platform
        ]
        recent = sorted(infos, key=lambda info: -info.last_at)[:THREADS]
        channels: dict[str, list[ThreadKey]] = {}
        for info in recent:
            channels.setdefault(info.thread.channel, []).append(info.thread)
        return channels

    async def _add_further(self, channels: dict[str, list[ThreadKey]]) -> bool:
        """Add the channels that are read whether they are known or not; return whether it works."""
        try:
            for channel in await self._history.channels():
                channels.setdefault(channel, [])
        except PlatformError as error:
            log.info("catching up on further channels is retried later: %s", error)
            return False
        return True

    def _fails(self, why: str) -> None:
        """Log the first failure as a warning; it is retried until it works."""
        level = logging.INFO if self._failing else logging.WARNING
        self._failing = True
        log.log(level, "catching up is retried later: %s", why)


def _all(_channel: str) -> str:
    return ""


class Cursors:
    """The cursors of one bot: one for each channel, and one for each group of channels."""

    def __init__(
        self, store: Store, clock: Clock, bot: str, *, group: Callable[[str], str] = _all
    ) -> None:
        """Store them under the bot's name, and hold them until `release`.

        `group` returns the name of a channel's group: if one channel of it is heard, all are.
        """
        self._store = store
        self._clock = clock
        self._bot = bot
        self._group = group
        self._moved: dict[str, float] = {}
        self._tasks = Tasks("moving a cursor")
        self._held: dict[str, float] | None = {}
        """Where the cursors would be by now, while they are held."""
        self._holds = 0

    async def of(self, channel: str) -> float:
        """Return up to when a channel was heard, by the platform's clock; 0 if unknown."""
        position = await self._store.cursor(self._name(channel))
        return (position or await self._store.cursor(self._name(self._group(channel)))) / _MICRO

    async def advance(self, channel: str, at: float) -> None:
        """Move a channel's cursor."""
        await self._store.advance(self._name(channel), int(at * _MICRO))

    def hold(self) -> int:
        """Hold all cursors until it is known what was missed; return the argument for `release`."""
        self._holds += 1
        self._held = {} if self._held is None else self._held
        return self._holds

    @property
    def holds(self) -> int:
        """Return the current argument for `release`."""
        return self._holds

    def release(self, holds: int) -> None:
        """Let the cursors move again, unless they were held again meanwhile."""
        if self._held is None or holds != self._holds:
            return
        held, self._held = self._held, None
        for name, at in held.items():
            self._move(name, at)

    def moved(self, message: Message) -> None:
        """Note that a message was taken in."""
        channel = message.thread.channel
        for name in (channel, self._group(channel)):
            if self._held is not None:
                self._held[name] = max(message.sent_at, self._held.get(name, 0.0))
            elif self._clock.monotonic() >= self._moved.get(name, -math.inf) + _CURSOR_SECONDS:
                self._move(name, message.sent_at)

    async def close(self) -> None:
        """Wait for the moves that are under way."""
        await self._tasks.wait()

    def _move(self, channel: str, at: float) -> None:
        self._moved[channel] = self._clock.monotonic()
        self._tasks.start(self._advance(channel, at))

    async def _advance(self, channel: str, at: float) -> None:
        try:
            await self.advance(channel, at)
        except StoreError as error:
            log.info("a cursor stays where it is: %s", error)

    def _name(self, channel: str) -> str:
        return f"{self._bot}:{channel}"
