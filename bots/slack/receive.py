"""What Slack tells the bot of: taken in before Slack hears that it was received.

Bolt acknowledges an event before its listeners run, and a process that dies then has lost it. So
all of this happens in a middleware, which comes before the acknowledgement; when the store is out
of reach there is none, and Slack sends the event again (at once, in a minute, in five; docs:
apis/events-api, "Retries").
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from slack_bolt.response import BoltResponse

from bots.slack import events
from core.admission import Verdict
from core.errors import PlatformError, StoreError
from core.message import Address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bots.slack.names import Names
    from bots.slack.platform import SlackPlatform
    from core.before import Before
    from core.cursors import Cursors
    from core.intake import Intake
    from core.message import Message, ThreadKey
    from core.spoken import Spoken
    from core.worker import Worker

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""Messages that are remembered as taken in; Slack's two events of one come close together."""
_FOR_US = {Address.DIRECT, Address.MENTIONED, Address.REPLIED}
_GONE = {"app_uninstalled", "tokens_revoked"}


class Reception:
    """Takes in what people say, edit, delete and stop."""

    def __init__(
        self,
        platform: SlackPlatform,
        intake: Intake,
        worker: Worker,
        names: Names,
        before: Before,
        cursors: Cursors,
    ) -> None:
        """Hand messages to `intake`, and stops to `worker`."""
        self.limited = 0
        """How often Slack said that it holds events back."""
        self.gone = asyncio.Event()
        """Set when the app was taken out of the workspace, or its token withdrawn."""
        self.spoken: Spoken | None = None
        """Hears the commands in what people say."""
        self.missed: Callable[[], None] = lambda: None
        """Called when events may have been lost."""
        self._failed = False
        self._platform = platform
        self._intake = intake
        self._worker = worker
        self._names = names
        self._before = before
        self._cursors = cursors
        self._turns: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        self._taken: dict[tuple[ThreadKey, str], None] = {}
        self._later: set[asyncio.Task[None]] = set()

    async def middleware(
        self,
        body: dict[str, Any],
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        """Take in an event, or let it go on to the listeners. Bolt's name for it is `next`."""
        try:
            taken = await self.take(body)
        except StoreError as error:
            log.warning("an event was not taken in, Slack sends it again: %s", error)
            self._failed = True
            return BoltResponse(status=503, body="")
        if self._failed:  # Slack may have given up on some of what came meanwhile
            self._failed = False
            self.missed()
        return BoltResponse(status=200, body="") if taken else await next()

    async def take(self, body: dict[str, Any]) -> bool:
        """Take in what concerns conversations; tell if it was that.

        Raises `StoreError` when it could not be stored.
        """
        if body.get("type") == "app_rate_limited":
            self.limited += 1
            log.warning("Slack holds events back: there were more than 30,000 in an hour")
            return True
        event = body.get("event") or {}
        kind = event.get("type")
        if kind in {"message", "app_mention"}:
            await self._said(body)
        elif kind == "agent_session_stopped":
            channel, root = str(event.get("channel")), str(event.get("thread_ts"))
            thread = events.thread_at(channel, root, self._platform.me)
            await self._worker.stop_in(thread, root, at=events.stopped_at(event))
        elif kind in _GONE:
            log.error("Slack says %s: the bot is no longer in this workspace", kind)
            self.gone.set()
        else:
            return False
        return True

    async def offer(self, message: Message) -> None:
        """Take in what somebody said, in the order in which it is offered.

        A mention comes as two events (docs: events/app_mention). The store would know the second
        by its message, but need not be asked by the process that has just stored the first.
        """
        known = (message.thread, message.id)
        message = await self._names.named(message)
        async with self._turns.setdefault(message.thread, asyncio.Lock()):
            if known in self._taken:
                return
            if self.spoken is not None and await self.spoken.take(message, self._intake):
                self._remember(known)
                self._cursors.moved(message)
                return
            await self._before.read(message)
            received = await self._intake.take(message)
            if received.verdict is not Verdict.IGNORED:
                self._remember(known)
        if self.spoken is not None:
            self.spoken.wake(message, received)
        self._cursors.moved(message)
        if received.notice and (received.verdict or message.address in _FOR_US):
            self._soon(self._platform.say(message, received.notice))

    async def close(self) -> None:
        """Let what is still to be said be said."""
        if self._later:
            await asyncio.wait(self._later, timeout=3)

    def _remember(self, known: tuple[ThreadKey, str]) -> None:
        self._taken[known] = None
        if len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]

    async def _said(self, body: dict[str, Any]) -> None:
        me, intake = self._platform.me, self._intake
        if (gone := events.deleted(body, me)) is not None:
            await intake.delete(gone.thread, gone.id, gone.identities, stamp=gone.stamp)
        elif (edit := events.edited(body, me)) is not None:
            if self._platform.hears(body) and not await intake.edit(edit):
                await self.offer(edit)  # it may be told before what it changes,
                await intake.edit(edit)  # or while that was being taken in
        elif (message := self._platform.heard(body)) is not None:
            await self.offer(message)

    def _soon(self, job: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            try:
                await job
            except PlatformError as error:
                log.warning("a notice was not posted: %s", error)

        task = asyncio.create_task(run())
        self._later.add(task)
        task.add_done_callback(self._later.discard)
