"""Events in the order in which they arrive, channel by channel, each until it is stored.

Discord waits for no acknowledgement, and sends nothing again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from core.domain.clock import Backoff
from core.domain.errors import ChatbotError, StoreError, broke
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_MOST = 20_000
"""Events that may wait for the store; any more are read from history later."""
_ATTEMPTS = 3
"""Attempts at an event that fails for an unforeseen reason, which may pass."""
_BACKOFF = Backoff(first=0.2, cap=3.0)
"""Waits, in seconds, between attempts to store something."""


class ChannelQueues:
    """A queue of events for each channel with something to store."""

    def __init__(self, clock: Clock, missed: Callable[[], None]) -> None:
        """Start empty; `missed` is called when an event could not be taken in."""
        self._clock = clock
        self._missed = missed
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks = Tasks("taking in an event")

    def put(
        self,
        channel: str,
        job: Callable[[], Awaitable[None]],
        on_skip: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Run a job after those put before it for the channel; retry until its store serves.

        A job that keeps failing for an unforeseen reason is skipped, and `on_skip` runs instead.
        """
        if len(self._tasks) >= _MOST:
            log.error("too many events wait for the store: they are read again later")
            self._missed()
            return
        lock = self._locks.setdefault(channel, asyncio.Lock())
        self._tasks.start(self._run(lock, job, on_skip))

    async def close(self, grace: float = 2.0) -> None:
        """Give the jobs so many seconds to end, then cancel them."""
        await self._tasks.close(grace=grace)

    async def _run(
        self,
        lock: asyncio.Lock,
        job: Callable[[], Awaitable[None]],
        on_skip: Callable[[], Awaitable[None]] | None,
    ) -> None:
        async with lock:
            failures = breaks = 0
            while True:
                try:
                    await job()
                except StoreError as error:
                    log.warning("an event is not stored yet: %s", error)
                except ChatbotError as error:
                    log.warning("an event was not taken in: %s", error)
                    self._missed()
                    return
                except Exception as error:  # noqa: BLE001 - the events after it have to be taken in
                    breaks += 1
                    log.error("an event was not taken in: %s", broke(error))  # noqa: TRY400 - no text
                    if breaks == _ATTEMPTS:
                        break
                else:
                    return
                failures += 1
                await self._clock.sleep(_BACKOFF.wait(failures))
        if on_skip is not None:
            await on_skip()
