"""Saying in a thread that the bot works there, and always taking it back.

In the agent container that is the session's status, one of four words; it doesn't end by itself
for an hour. Elsewhere it is a line of text that is gone after two minutes (docs:
reference/methods/agents.sessions.setStatus, reference/methods/assistant.threads.setStatus).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bots.slack.api import RefusedError
from bots.slack.pace import Rank
from core.domain.errors import PlatformBusyError, PlatformError, broke

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

AFTER = 0.3
"""Seconds of work before it is shown: an answer that is ready by then needs no status."""
_REFRESH = 90.0
"""Seconds after which the line of text is said again; Slack shows it for two minutes."""
_TRIES = 5
_TEXT = "is thinking…"
WORKING, IDLE = "processing", "active"
"""The words of a session that works, and of one that waits for people."""
_NOT_HERE = {"thread_not_found", "channel_not_found", "message_not_found", "not_in_channel"}
"""Errors that speak of the thread, and not of what the workspace can do."""


@dataclass(eq=False)
class _Line:
    """What one thread shows, and what it should."""

    wanted: bool
    shown: bool
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Status:
    """Shows in each thread what was last asked for, one call at a time, and never fails."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Show nothing yet."""
        self._api = api
        self._clock = clock
        self._lines: dict[tuple[str, str], _Line] = {}
        self._early: deque[tuple[float, tuple[str, str], _Line]] = deque()
        """Lines that are not to be shown yet, by the time from which they are."""
        self._starting: asyncio.Task[None] | None = None
        self._ways = ["agents.sessions.setStatus", "assistant.threads.setStatus"]
        """What is tried, the first that works; both are gone where the workspace has neither."""

    def show(self, channel: str, thread: str, *, working: bool) -> None:
        """Let a thread show that the bot works there, or no longer does."""
        line = self._lines.get((channel, thread))
        if line is None:
            # Where nothing is known and nothing is to be shown, another process may have died.
            line = self._lines[channel, thread] = _Line(wanted=working, shown=not working)
            if working:
                self._start_later((channel, thread), line)
            else:
                self._start((channel, thread), line)
        elif line.task is None and not working:
            del self._lines[channel, thread]  # nothing was shown
        line.wanted = working
        line.changed.set()

    async def close(self, seconds: float = 2.0) -> None:
        """Take everything back, within so many seconds."""
        if self._starting is not None:
            self._starting.cancel()
        tasks = [line.task for line in self._lines.values() if line.task]
        for line in self._lines.values():
            line.wanted = False
            line.changed.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()

    def _start(self, key: tuple[str, str], line: _Line) -> None:
        line.task = asyncio.create_task(self._follow(key, line))

    def _start_later(self, key: tuple[str, str], line: _Line) -> None:
        """Start it after a while. One task waits for all of them: most turns end before that."""
        self._early.append((self._clock.monotonic() + AFTER, key, line))
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start_early())

    async def _start_early(self) -> None:
        while self._early:
            due, key, line = self._early[0]
            await self._clock.sleep(due - self._clock.monotonic())
            self._early.popleft()
            if line.wanted:
                self._start(key, line)

    async def _follow(self, key: tuple[str, str], line: _Line) -> None:
        try:
            while line.wanted or line.shown:
                line.changed.clear()
                if line.wanted != line.shown or line.wanted:
                    shown = line.wanted
                    await self._say(key, working=shown)
                    line.shown = shown
                if line.wanted == line.shown and line.wanted:
                    await self._pause(line, _REFRESH)
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            log.error("a thread's status is no longer shown: %s", broke(error))  # noqa: TRY400
        finally:
            if self._lines.get(key) is line:
                del self._lines[key]

    async def _pause(self, line: _Line, seconds: float) -> None:
        """Wait so long, or until it is no longer to be shown."""
        pause = asyncio.create_task(self._clock.sleep(seconds))
        while line.wanted and not pause.done():
            line.changed.clear()
            changed = asyncio.create_task(line.changed.wait())
            await asyncio.wait({pause, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        pause.cancel()

    async def _say(self, key: tuple[str, str], *, working: bool) -> None:
        for attempt in range(_TRIES):
            try:
                await self._say_once(key, working=working)
            except PlatformError as error:
                log.info("the status could not be set: %s", error)
                announced = error.seconds if isinstance(error, PlatformBusyError) else None
                wait = 0.5 * 2**attempt if announced is None else announced
            else:
                return
            if working:
                return  # a courtesy; what has to go is insisted on
            await self._clock.sleep(wait)

    async def _say_once(self, key: tuple[str, str], *, working: bool) -> None:
        channel, thread = key
        for way in tuple(self._ways):
            words = (WORKING, IDLE) if way.startswith("agents.") else (_TEXT, "")
            try:
                await self._api.call(
                    way,
                    repeat=True,
                    rank=Rank.COURTESY,
                    channel_id=channel,
                    thread_ts=thread,
                    status=words[0] if working else words[1],
                )
            except RefusedError as refused:
                if refused.code in _NOT_HERE:
                    return
                self._give_up(way, refused)
            else:
                return

    def _give_up(self, way: str, refused: RefusedError) -> None:
        """Do without a way that is refused, and say so once; one code may mean this thread only."""
        if refused.code != "not_authorized" and way in self._ways:
            self._ways.remove(way)
            level = logging.INFO if self._ways else logging.WARNING
            log.log(level, "no status in this way: %s", refused)
