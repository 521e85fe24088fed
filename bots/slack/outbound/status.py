"""Showing in a thread that the bot works there, and always clearing it again.

In the agent container this is the session's status, one of four words, which lasts an hour.
Elsewhere it is a line of text that disappears after two minutes (docs:
reference/methods/agents.sessions.setStatus, reference/methods/assistant.threads.setStatus).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bots.slack.faults import RefusedError
from bots.slack.pace import Rank
from core.domain.clock import Backoff
from core.domain.errors import PlatformBusyError, PlatformError
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

AFTER = 0.3
"""Seconds of work before the status appears: an answer ready by then needs none."""
_REFRESH = 90.0
"""Seconds after which the line of text is repeated; Slack shows it for two minutes."""
_TRIES = 5
_BACKOFF = Backoff(first=0.5, cap=8.0)
"""Waits between attempts to clear a status."""
_TEXT = "is thinking…"
_AGAIN = "was interrupted, and is writing this again…"
WORKING, IDLE = "processing", "active"
"""The status of a session that works, and of one that waits for people."""
_NOT_HERE = {"thread_not_found", "channel_not_found", "message_not_found", "not_in_channel"}
"""Errors about the thread, not about what the workspace can do."""


@dataclass(eq=False)
class _State:
    """What one thread shows, and what it should show."""

    wanted: bool
    shown: bool
    text: str = _TEXT
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Status:
    """Shows each thread's latest status, one call at a time, and never fails."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Start with no status shown."""
        self._api = api
        self._clock = clock
        self._threads: dict[tuple[str, str], _State] = {}
        self._early: deque[tuple[float, tuple[str, str], _State]] = deque()
        """Threads whose status is not shown yet, by the time at which it is due."""
        self._starting: asyncio.Task[None] | None = None
        self._tasks = Tasks("a thread's status")
        self._ways = ["agents.sessions.setStatus", "assistant.threads.setStatus"]
        """Methods, of which the first that works is used; those the workspace lacks are removed."""

    def show(self, channel: str, thread: str, *, working: bool, again: bool = False) -> None:
        """Show in a thread that the bot works there, or no longer does.

        `again`: at once, since another process has left this work.
        """
        state = self._threads.get((channel, thread))
        if state is None:
            # A status that this process never showed may be left over from one that died.
            state = self._threads[channel, thread] = _State(wanted=working, shown=not working)
            if again:
                state.text = _AGAIN
                self._start((channel, thread), state)
            elif working:
                self._start_later((channel, thread), state)
            else:
                self._start((channel, thread), state)
        elif state.task is None and not working:
            del self._threads[channel, thread]  # nothing was shown
        state.wanted = working
        state.changed.set()

    async def close(self, seconds: float = 2.0) -> None:
        """Clear all statuses, within this many seconds."""
        if self._starting is not None:
            self._starting.cancel()
        for state in self._threads.values():
            state.wanted = False
            state.changed.set()
        await self._tasks.close(grace=seconds)

    def _start(self, key: tuple[str, str], state: _State) -> None:
        state.task = self._tasks.start(self._follow(key, state))

    def _start_later(self, key: tuple[str, str], state: _State) -> None:
        """Show it after a while. One task waits for all threads: most turns end before that."""
        self._early.append((self._clock.monotonic() + AFTER, key, state))
        if self._starting is None or self._starting.done():
            self._starting = self._tasks.start(self._start_early())

    async def _start_early(self) -> None:
        while self._early:
            due, key, state = self._early[0]
            await self._clock.sleep(due - self._clock.monotonic())
            self._early.popleft()
            if state.wanted:
                self._start(key, state)

    async def _follow(self, key: tuple[str, str], state: _State) -> None:
        try:
            while state.wanted or state.shown:
                state.changed.clear()
                if state.wanted != state.shown or state.wanted:
                    shown = state.wanted
                    await self._say(key, state.text if shown else "")
                    state.shown = shown
                if state.wanted == state.shown and state.wanted:
                    await self._pause(state, _REFRESH)
        finally:
            if self._threads.get(key) is state:
                del self._threads[key]

    async def _pause(self, state: _State, seconds: float) -> None:
        """Wait this long, or until the status has to be cleared."""
        pause = asyncio.create_task(self._clock.sleep(seconds))
        while state.wanted and not pause.done():
            state.changed.clear()
            changed = asyncio.create_task(state.changed.wait())
            await asyncio.wait({pause, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        pause.cancel()

    async def _say(self, key: tuple[str, str], text: str) -> None:
        """Show a text, or nothing any more if it is empty."""
        for failures in range(1, _TRIES + 1):
            try:
                await self._say_once(key, text)
            except PlatformError as error:
                log.info("the status could not be set: %s", error)
                announced = error.seconds if isinstance(error, PlatformBusyError) else None
                wait = _BACKOFF.wait(failures) if announced is None else announced
            else:
                return
            if text:
                return  # showing it is a courtesy; only clearing it is retried
            await self._clock.sleep(wait)

    async def _say_once(self, key: tuple[str, str], text: str) -> None:
        channel, thread = key
        for way in tuple(self._ways):
            status = text
            if way.startswith("agents."):
                status = WORKING if text else IDLE
            try:
                await self._api.call(
                    way,
                    repeat=True,
                    rank=Rank.COURTESY if text else Rank.ANSWER,
                    channel_id=channel,
                    thread_ts=thread,
                    status=status,
                )
            except RefusedError as refused:
                if refused.code in _NOT_HERE:
                    return
                self._give_up(way, refused)
            else:
                return

    def _give_up(self, way: str, refused: RefusedError) -> None:
        """Stop using a method that Slack refuses; one code may be about this thread only."""
        if refused.code != "not_authorized" and way in self._ways:
            self._ways.remove(way)
            level = logging.INFO if self._ways else logging.WARNING
            log.log(level, "no status can be shown in this way: %s", refused)
