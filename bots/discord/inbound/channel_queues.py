"""Events in the order in which they came, channel by channel, until each is stored.

Discord waits for no acknowledgement and sends nothing again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from core.domain.errors import ChatbotError, StoreError, broke

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_MOST = 20_000
"""Events that wait for the store; past that, they are read from Discord again later."""
_BREAKS = 3
"""Tries of an event that breaks for a reason that nobody foresaw; it may pass."""
_SOONEST, _LATEST = 0.2, 3.0
"""Seconds between two tries to store something, doubled each time."""


class ChannelQueues:
    """One lane for each channel in which something happens."""

    def __init__(self, clock: Clock, missed: Callable[[], None]) -> None:
        """Call `missed` where an event could not be taken in."""
        self._clock = clock
        self._missed = missed
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._jobs: set[asyncio.Task[None]] = set()

    def put(
        self,
        channel: str,
        job: Callable[[], Awaitable[None]],
        skipped: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Do something after all that was put into the same lane, until it is stored.

        What breaks again and again is `skipped`.
        """
        if len(self._jobs) >= _MOST:
            log.error("too many events wait for the store: they are read again later")
            self._missed()
            return
        lock = self._turns.setdefault(channel, asyncio.Lock())
        self._start(self._in_turn(lock, job, skipped))

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Do something beside the lanes, on which nothing depends."""
        self._start(_tried(job))

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def close(self, seconds: float = 2.0) -> None:
        """Let what is on its way arrive, within so many seconds."""
        if self._jobs:
            _, late = await asyncio.wait(self._jobs, timeout=seconds)
            for task in late:
                task.cancel()

    async def _in_turn(
        self,
        lock: asyncio.Lock,
        job: Callable[[], Awaitable[None]],
        skipped: Callable[[], Awaitable[None]] | None,
    ) -> None:
        wait, breaks = _SOONEST, 0
        async with lock:
            while True:
                try:
                    await job()
                except StoreError as error:
                    log.warning("an event is not stored yet: %s", error)
                except ChatbotError as error:
                    log.warning("an event was not taken in: %s", error)
                    self._missed()
                    return
                except Exception as error:  # noqa: BLE001 - what comes after it is taken in
                    breaks += 1
                    log.error("an event was not taken in: %s", broke(error))  # noqa: TRY400 - no text
                    if breaks == _BREAKS:
                        break
                else:
                    return
                await self._clock.sleep(wait)
                wait = min(2 * wait, _LATEST)
        if skipped is not None:
            await _tried(skipped())


async def _tried(job: Awaitable[None]) -> None:
    try:
        await job
    except Exception as error:  # noqa: BLE001 - nobody waits for it
        log.error("a word was not said: %s", broke(error))  # noqa: TRY400 - no text
