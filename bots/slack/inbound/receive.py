"""What Slack tells the bot of: taken in before Slack hears that it was received.

Bolt acknowledges an event before its listeners run, and a process that dies then has lost it. So
all of this happens before Bolt sees the event (see `inlet`). When the store can't be reached there
is no acknowledgement, and Slack sends the event again (at once, in a minute, in five; docs:
apis/events-api, "Retries").
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from slack_bolt.response import BoltResponse

from bots.slack.ids import is_ts
from bots.slack.inbound import events
from bots.slack.inbound.people import is_id
from core.domain.admission import Admission
from core.domain.errors import PlatformError, StoreError, broke
from core.domain.limits import refusal
from core.domain.message import FOR_US
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bots.slack.connection.dispatch import GoOn
    from bots.slack.inbound.audience import Audience
    from bots.slack.inbound.names import Names
    from bots.slack.outbound.platform import SlackPlatform
    from core.commands.in_thread import ThreadCommands
    from core.domain.message import Message, ThreadKey
    from core.intake.backfill import ThreadBackfill
    from core.intake.catch_up import CatchUp
    from core.intake.cursors import Cursors
    from core.intake.intake import Intake
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""Messages that are remembered as taken in; Slack's two events of one come close together."""
_PATIENCE = 1.0
"""Seconds to ask who a person is: Slack waits for three."""
_FAILING = 1000
_GONE = {"app_uninstalled", "tokens_revoked"}
_FILES = {"file_change", "file_deleted"}


class Reception:
    """Takes in what people say, edit, delete and stop."""

    def __init__(
        self,
        platform: SlackPlatform,
        intake: Intake,
        worker: Worker,
        names: Names,
        before: ThreadBackfill,
        cursors: Cursors,
        *,
        audience: Audience,
    ) -> None:
        """Hand messages to `intake`, and stops to `worker`."""
        self.limited = 0
        """How often Slack said that it holds events back."""
        self.gone = asyncio.Event()
        """Set when the app was taken out of the workspace, or its token withdrawn."""
        self.spoken: ThreadCommands | None = None
        """Hears the commands in what people say."""
        self.catch_up: CatchUp
        """Looks for what was missed when events may have been lost."""
        self._platform = platform
        self._intake = intake
        self._worker = worker
        self._names = names
        self._audience = audience
        self._before = before
        self._cursors = cursors
        self._heard: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        """What lets in one message of a thread after the other, as they are told,"""
        self._turns: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        """and what lets in those that were missed between them."""
        self._taken: dict[tuple[str, str], None] = {}
        """Messages that were taken in, by channel and `ts`,"""
        self._taking: dict[tuple[str, str], asyncio.Event] = {}
        """and those that are being taken in."""
        self._failing: dict[str, None] = {}
        """Events that could not be taken in once, by their ids."""
        self._later: set[asyncio.Task[None]] = set()

    async def first(self, body: dict[str, Any], go_on: GoOn) -> BoltResponse:
        """Take in an event, or let it go on to the listeners."""
        try:
            taken = await self.take(body)
        except StoreError as error:
            log.warning("an event was not taken in, Slack sends it again: %s", error)
            self.catch_up.missed()  # later, or never: what comes meanwhile has to come behind it
            return BoltResponse(status=503, body="")
        except Exception as error:  # noqa: BLE001 - one event must not stop what comes after it
            return self._broken(body, error)
        return BoltResponse(status=200, body="") if taken else await go_on()

    async def take(self, body: dict[str, Any]) -> bool:
        """Take in what concerns conversations; tell if it was that.

        Raises `StoreError` when it could not be stored.
        """
        if str_of(body, "type") == "app_rate_limited":
            self.limited += 1
            log.warning("Slack holds events back: there were more than 30,000 in an hour")
            return True
        event = dict_of(body, "event")
        kind = str_of(event, "type")
        if events.is_said(event):
            await self._said(body)
        elif kind == "agent_session_stopped":
            await self._stopped(body, event)
        elif kind in _FILES:
            self._file_changed(str_of(event, "file_id"))
        elif kind in _GONE:
            log.error("Slack says %s: the bot is no longer in this workspace", kind)
            self.gone.set()
        else:
            return False
        return True

    async def _stopped(self, body: dict[str, Any], event: dict[str, Any]) -> None:
        channel, root = str_of(event, "channel"), str_of(event, "thread_ts")
        if not (is_id(channel) and is_ts(root)):
            return
        if self._platform.hears(body) and await self._may_stop(str_of(event, "user")):
            thread = events.thread_at(channel, root, self._platform.me)
            await self._worker.stop_in(thread, root, at=events.stopped_at(event))
        else:
            log.info("a person who may not talk to the bot told it to stop")

    async def _may_stop(self, person: str) -> bool:
        """Tell whether the bot listens to a person; if Slack can't say it, a stop is a stop."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._audience.listens_to(person)
        except (PlatformError, TimeoutError):
            return True

    async def offer(self, message: Message) -> None:
        """Take in what a person said, in the order in which it is offered.

        A mention comes as two events (docs: events/app_mention). The store would know the second
        by its message, but need not be asked by the process that has just stored the first.
        """
        known = (self._platform.channel_of(message.thread), message.id)
        message = await self._names.named(message)
        async with self._turn_of(message.thread):
            if known in self._taken:
                return
            if self.spoken is not None and await self.spoken.take(message, self._intake):
                self._remember(known)
                self._cursors.moved(message)
                return
            await self._before.read(message)
            received = await self._intake.take(message)
            if message.at and received.verdict is not Admission.IGNORED:
                self._remember(known)
        if self.spoken is not None:
            self.spoken.wake(message, received)
        self._cursors.moved(message)
        if received.notice and (received.verdict or message.address in FOR_US):
            self._soon(self._platform.say(message, received.notice))

    async def close(self) -> None:
        """Let what is still to be said be said."""
        if self._later:
            await asyncio.wait(self._later, timeout=3)

    def _turn_of(self, thread: ThreadKey) -> asyncio.Lock:
        """Return what lets in one message of a thread after the other."""
        return self._turns.setdefault(thread, asyncio.Lock())

    def _remember(self, known: tuple[str, str]) -> None:
        self._taken[known] = None
        if len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]

    async def _said(self, body: dict[str, Any]) -> None:
        event = dict_of(body, "event")
        if str_of(event, "subtype") in events.CHANGES:
            await self._changed(body)
            return
        told = (str_of(event, "channel"), str_of(event, "ts") or str_of(body, "event_id"))
        while told in self._taking:
            await self._taking[told].wait()
        if told in self._taken:
            return
        self._taking[told] = asyncio.Event()
        try:
            if (message := self._platform.heard(body)) is not None:
                await self._hear(message)
        finally:
            self._taking.pop(told).set()

    async def _changed(self, body: dict[str, Any]) -> None:
        intake, change = self._intake, self._platform.changed(body)
        if isinstance(change, events.Deleted):
            await intake.delete(change.thread, change.id, change.identities, stamp=change.stamp)
        elif change is not None and self._platform.hears(body) and not await intake.edit(change):
            if events.is_reworded(body):
                await self._hear(change)  # it may be told before what it changes,
            async with self._turn_of(change.thread):
                await intake.edit(change)  # or while that was being taken in

    async def _hear(self, message: Message) -> None:
        """Take in what a person says now, behind what was missed in its thread."""
        if message.thread not in self._heard and not self.catch_up.has_gap(message.thread):
            await self.offer(message)
            return
        async with self._heard.setdefault(message.thread, asyncio.Lock()):
            await self.catch_up.ahead(message)
            await self.offer(message)

    def _file_changed(self, file: str) -> None:
        """Keep a file no longer that is gone, or other than it was; a turn asks for it again."""
        self._worker.files.drop_files(
            lambda thread, known: thread.platform == events.NAME and known == file
        )

    def _broken(self, body: dict[str, Any], error: Exception) -> BoltResponse:
        """Answer an event that could not be taken in for a reason that nobody foresaw.

        It comes once more, since what failed may have passed. Then it is skipped, and who has said
        it is told.
        """
        log.error("%s was not taken in: %s", events.kind_of(body), broke(error))
        known = str_of(body, "event_id")
        if known and known not in self._failing:
            self._failing[known] = None
            if len(self._failing) > _FAILING:
                del self._failing[next(iter(self._failing))]
            return BoltResponse(status=503, body="")
        self._failing.pop(known, None)
        message = events.unread(body, self._platform.me) if self._platform.hears(body) else None
        if message is not None:
            self._soon(self._platform.say(message, refusal(message)))
        return BoltResponse(status=200, body="")

    def _soon(self, job: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            try:
                await job
            except PlatformError as error:
                log.warning("a notice was not posted: %s", error)
            except Exception as error:  # noqa: BLE001 - nobody else would ask for it
                log.error("a notice was not posted: %s", broke(error))  # noqa: TRY400 - no text

        task = asyncio.create_task(run())
        self._later.add(task)
        task.add_done_callback(self._later.discard)
