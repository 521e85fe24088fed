"""Receiving events: each is stored before Slack gets its acknowledgement.

Bolt acknowledges an event before its listeners run, so a process that dies then has lost it. All
of this therefore happens before Bolt sees the event (see `connection.dispatch`). If the store can't
be reached, there is no acknowledgement, and Slack sends the event again: at once, after a minute,
after five (docs: apis/events-api, "Retries").
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from cachetools import LRUCache

from bots.slack.inbound import events
from bots.slack.inbound.audience import DoubtError
from bots.slack.inbound.events import Deleted, Edited, FileChanged, Removed, Said, Stopped
from bots.slack.inbound.people import is_id, is_ts, seconds
from core.domain.admission import Admission, readmits
from core.domain.errors import PlatformError, StoreError, StoreUnavailableError, broke
from core.domain.limits import refusal
from core.domain.message import FOR_US
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bots.slack.inbound.audience import Audience
    from core.commands.in_thread import ThreadCommands
    from core.domain.message import Message, ThreadKey
    from core.intake.catch_up import CatchUp, Cursors
    from core.intake.intake import Intake, ThreadBackfill
    from core.worker.worker import Worker

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""Messages remembered as taken in; Slack sends a mention's two events close together."""
_FAILING = 1000
"""Events remembered as failed."""
_PATIENCE = 1.0
"""Seconds to ask Slack who a person is; Slack waits three for our acknowledgement."""


_MOVE_PATIENCE = 2.0
"""Seconds to wait for a channel that is being moved."""
_MOVED = "channel_id_changed"
_SAID = {"message", "app_mention"}


class Receipt(Enum):
    """What became of a payload."""

    STORED = auto()
    """It is dealt with."""
    FORWARDED = auto()
    """It is not about conversations, but for Bolt's listeners."""
    FAILED = auto()
    """It could not be stored; Slack should send it again."""


class SlackIntake:
    """Takes in people's messages, those of one thread one after the other."""

    def __init__(
        self,
        intake: Intake,
        commands: ThreadCommands,
        backfill: ThreadBackfill,
        cursors: Cursors,
        say: Callable[[Message, str], Awaitable[None]],
    ) -> None:
        """Pass messages on to `intake`.

        Args:
            intake: Stores messages, and has them answered.
            commands: Takes the messages that are commands.
            backfill: Reads a thread's earlier messages when the bot is first mentioned there.
            cursors: Record up to when each channel has been heard.
            say: Says something under a message, once.
        """
        self._intake = intake
        self._commands = commands
        self._backfill = backfill
        self._cursors = cursors
        self._say = say
        self._locks: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        self._taken: LRUCache[tuple[str, str], bool] = LRUCache(_REMEMBERED)
        """Messages that were taken in, by channel and `ts`: False for those only overheard."""
        self._notices = Tasks("a notice")

    async def offer(self, message: Message) -> None:
        """Take in a person's message, in the order in which messages are offered.

        A mention comes as two events (docs: events/app_mention). The store would recognise the
        second one, but the process that has just stored the first need not ask.
        """
        key = _key(message)
        async with self._lock(message.thread):
            if self.knows(message):
                return
            if await self._commands.take(message, self._intake):
                self._taken[key] = True
                self._cursors.moved(message)
                return
            message = await self._backfill.read(message)
            received = await self._intake.take(message)
            if message.sent_at and received.verdict is not Admission.IGNORED:
                self._taken[key] = received.verdict is not Admission.OVERHEARD
        self._commands.wake(message, received)
        self._cursors.moved(message)
        if received.notice and (received.verdict or message.address in FOR_US):
            self.say(message, received.notice)

    def knows(self, message: Message) -> bool:
        """Return whether this process has taken the message in, and it asks for nothing more."""
        taken = self._taken.get(_key(message))
        return taken is True or (taken is False and not readmits(message))

    def has_taken(self, channel: str, ts: str) -> bool:
        """Return whether this process has taken a message in, not only as overheard."""
        return self._taken.get((channel, ts)) is True

    async def edit(self, message: Message) -> bool:
        """Take in an edit; return False if the message is unknown. Does not wait for its thread."""
        return await self._intake.edit(message)

    async def edit_in_turn(self, message: Message) -> bool:
        """Take in an edit, as `edit`, after the messages of its thread that are being taken in."""
        async with self._lock(message.thread):
            return await self._intake.edit(message)

    async def delete(self, gone: Deleted) -> None:
        """Take in a deletion."""
        await self._intake.delete(gone.thread, gone.id, gone.identities, stamp=gone.stamp)

    def say(self, message: Message, text: str) -> None:
        """Say something under a message soon; the caller does not wait."""
        self._notices.start(self._said(message, text))

    async def close(self) -> None:
        """Give notices three seconds to be posted."""
        await self._notices.wait(3)

    def _lock(self, thread: ThreadKey) -> asyncio.Lock:
        return self._locks.setdefault(thread, asyncio.Lock())

    async def _said(self, message: Message, text: str) -> None:
        try:
            await self._say(message, text)
        except PlatformError as error:
            log.warning("a notice was not posted: %s", error)


class Reception:
    """Receives what people say, edit, delete and stop."""

    def __init__(
        self,
        intake: SlackIntake,
        catch_up: CatchUp,
        audience: Audience,
        worker: Worker,
        heard: Callable[[float], None],
        move: Callable[[str, str], Coroutine[Any, Any, None]],
    ) -> None:
        """Pass messages on to `intake`, and stops to `worker`.

        Args:
            intake: Takes messages in.
            catch_up: Reads what was missed, once events may have been lost.
            audience: Decides whom the bot listens to.
            worker: Ends the turns that people stop.
            heard: Gets the time of each event, by Slack's clock.
            move: Moves all that is kept of a channel to another id.
        """
        self.removed = asyncio.Event()
        """Set when the app was taken out of the workspace, or its token revoked."""
        self._intake = intake
        self._catch_up = catch_up
        self._audience = audience
        self._worker = worker
        self._heard = heard
        self._move = move
        self._moves: dict[str, asyncio.Task[None]] = {}
        """By new id: the channels that are being moved."""
        self._tasks = Tasks("moving a channel")
        self._locks: WeakValueDictionary[ThreadKey, asyncio.Lock] = WeakValueDictionary()
        """For new messages in threads with a gap."""
        self._taking: dict[tuple[str, str], asyncio.Event] = {}
        """Messages that are being taken in, by channel and `ts`."""
        self._failed: LRUCache[str, bool] = LRUCache(_FAILING)
        """Ids of events that could not be taken in once."""

    async def receive(self, body: dict[str, Any]) -> Receipt:
        """Take in a payload, and return what became of it; never raises."""
        try:
            taken = await self.take(body)
        except (StoreError, DoubtError) as error:
            log.warning("an event was not stored, so Slack sends it again: %s", error)
            # It may come late, or never, and what comes meanwhile has to be placed after it.
            self._catch_up.missed()
            return Receipt.FAILED
        except Exception as error:  # noqa: BLE001 - one event must not stop what comes after it
            return self._broken(body, error)
        return Receipt.STORED if taken else Receipt.FORWARDED

    async def take(self, body: dict[str, Any]) -> bool:
        """Take in a payload; return False if it is not about conversations.

        Raises `StoreError` if it could not be stored.
        """
        told = dict_of(body, "event")
        if is_ts(ts := str_of(told, "event_ts")):
            self._heard(seconds(ts))
        if await self._moves_channel(told) or await self._is_repeated(told):
            return True
        event = await self._audience.hear(body)
        match event:
            case None:
                return False
            case Said():
                await self._said(event.message)
            case Edited():
                await self._edited(event)
            case Deleted():
                await self._intake.delete(event)
            case Stopped():
                await self._stopped(event)
            case _:
                self._noted(event)
        return True

    async def _is_repeated(self, told: dict[str, Any]) -> bool:
        """Return whether a message was taken in already, as by the first event of a mention.

        Then it need not be parsed. An edit has the same `ts`, so it never counts.
        """
        if str_of(told, "type") not in _SAID or told.get("subtype") or told.get("edited"):
            return False
        key = (str_of(told, "channel"), str_of(told, "ts"))
        while key in self._taking:
            await self._taking[key].wait()
        return self._intake.has_taken(*key)

    async def _moves_channel(self, told: dict[str, Any]) -> bool:
        """Move what is kept of a channel if an event gives it a new id, and return True.

        What is said there waits for it (docs: reference/events/channel_id_changed).
        """
        if told.get("type") != _MOVED:
            if self._moves and (moving := self._moves.get(str_of(told, "channel"))):
                await _moved_in_time(moving)
            return False
        old, new = str_of(told, "old_channel_id"), str_of(told, "new_channel_id")
        if is_id(old) and is_id(new) and old != new:
            if new not in self._moves:
                self._moves[new] = self._tasks.start(self._move(old, new))
                self._moves[new].add_done_callback(lambda _: self._moves.pop(new, None))
            await _moved_in_time(self._moves[new])
        return True

    async def close(self) -> None:
        """Stop moving channels; Slack sends an event again that was not acknowledged."""
        await self._tasks.close()

    async def _said(self, message: Message) -> None:
        key = _key(message)
        while key in self._taking:
            await self._taking[key].wait()
        if self._intake.knows(message):
            return
        self._taking[key] = asyncio.Event()
        try:
            await self._offer(message)
        finally:
            self._taking.pop(key).set()

    async def _edited(self, edit: Edited) -> None:
        message = edit.message
        known = await self._intake.edit(message)
        if edit.asks:  # it counts as said now, wherever the message stands
            await self._offer(replace(message, sent_at=message.edited_at))
        elif not known and edit.reworded:
            await self._offer(message)  # the edit can arrive before the message,
        if not known:
            await self._intake.edit_in_turn(message)  # or while it is being taken in

    async def _offer(self, message: Message) -> None:
        """Take in a new message, after what was missed in its thread."""
        if message.thread not in self._locks and not self._catch_up.has_gap(message.thread):
            await self._intake.offer(message)
            return
        async with self._locks.setdefault(message.thread, asyncio.Lock()):
            await self._catch_up.ahead(message)
            await self._intake.offer(message)

    async def _stopped(self, stop: Stopped) -> None:
        heard = self._audience.accepts(stranger=stop.by_stranger)
        if heard and await self._may_stop(stop.person):
            await self._worker.stop_in(stop.thread, stop.root, at=stop.at)
        else:
            log.info("a person who may not talk to the bot pressed Stop")

    async def _may_stop(self, person: str) -> bool:
        """Return whether the bot listens to a person; True if Slack can't tell."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._audience.listens_to(person)
        except (PlatformError, TimeoutError):
            return True

    def _noted(self, event: events.Event) -> None:
        match event:
            case FileChanged(file):
                self._drop(file)
            case Removed(by):
                log.error("Slack says %s: the bot is no longer in this workspace", by)
                self.removed.set()
            case events.RateLimited():
                log.warning("Slack holds events back: there were more than 30,000 in an hour")

    def _drop(self, file: str) -> None:
        """Drop a file that was replaced or deleted from the cache; a turn fetches it again."""
        self._worker.files.drop_files(
            lambda thread, known: thread.platform == events.NAME and known == file
        )

    def _broken(self, body: dict[str, Any], error: Exception) -> Receipt:
        """Decide about an event that could not be taken in for an unforeseen reason.

        Slack sends it once more, since the cause may have passed. After that it is skipped, and its
        author gets a notice.
        """
        log.error("%s was not taken in: %s", events.kind_of(body), broke(error))
        event = str_of(body, "event_id")
        if event and event not in self._failed:
            self._failed[event] = True
            return Receipt.FAILED
        self._failed.pop(event, None)
        message = self._audience.unread(body)
        if message is not None:
            self._intake.say(message, refusal(message))
        return Receipt.STORED


async def _moved_in_time(move: asyncio.Task[None]) -> None:
    """Wait for a channel that is being moved; raise `StoreError` if Slack would wait too long."""
    done, _ = await asyncio.wait({move}, timeout=_MOVE_PATIENCE)
    if not done:
        raise StoreUnavailableError("what is kept of a channel is being moved")
    move.result()


def _key(message: Message) -> tuple[str, str]:
    return (events.channel_of(message.thread.channel), message.id)
