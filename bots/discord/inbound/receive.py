"""Receiving events: each is stored in the order in which its channel had it.

Discord waits for no acknowledgement. What can't be stored now is retried (`channel_queues`), and
cursors move only with what was stored, so that what a process loses when it dies is read again by
the next one.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.discord.connection.channel_queues import ChannelQueues
from bots.discord.ids import is_id, seconds
from bots.discord.inbound.events import (
    CREATED,
    NAME,
    UPDATED,
    Deleted,
    Edited,
    Said,
    identity,
    is_withheld,
    states_files,
)
from bots.discord.inbound.people import files_of, is_proxied
from bots.discord.inbound.proxies import Proxies
from bots.discord.inbound.shown.forwards import Forwards
from bots.discord.inbound.shown.polls import VOTED
from core.domain.clock import PlatformClock
from core.domain.errors import PlatformError
from core.domain.limits import refusal
from core.domain.message import FOR_US, Address
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bots.discord.inbound.audience import Audience
    from bots.discord.inbound.events import ChannelInfo
    from bots.discord.inbound.shown.polls import Polls
    from bots.discord.inbound.threads import BotThreads
    from core.commands.in_thread import ThreadCommands
    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.catch_up import CatchUp, Cursors
    from core.intake.intake import Intake, Received, ThreadBackfill
    from core.turn.attachments import Attachments

log = logging.getLogger(__name__)

_NEW = 900.0
"""Seconds in which Discord may tell late of a message or an edit: it replays a few minutes."""


class DiscordIntake:
    """Takes in people's messages and their changes."""

    def __init__(
        self,
        intake: Intake,
        commands: ThreadCommands,
        backfill: ThreadBackfill,
        cursors: Cursors,
        files: Attachments,
        say: Callable[[Message, str], Awaitable[None]],
    ) -> None:
        """Pass messages on to `intake`.

        Args:
            intake: Stores messages, and has them answered.
            commands: Takes the messages that are commands.
            backfill: Reads a thread's earlier messages when the bot is first mentioned there.
            cursors: Record up to when each channel has been heard.
            files: Forgets the files that people remove.
            say: Says something under a message, once.
        """
        self._intake = intake
        self._commands = commands
        self._backfill = backfill
        self._cursors = cursors
        self._files = files
        self._say = say
        self._tasks = Tasks("a notice")

    async def offer(self, messages: Sequence[Message], *, by_app: bool = False) -> None:
        """Take in what people said in one thread, in order, to be answered together.

        If an app has posted them (`by_app`), they command nothing.

        Raises `StoreError` if they could not be stored.
        """
        kept = [m for m in messages if not await self._is_command(m, by_app=by_app)]
        if not kept:
            return
        kept = [await self._backfill.read(message) for message in kept]
        if len(kept) == 1:
            received = [await self._intake.take(kept[0])]
        else:
            received = await self._intake.collect(kept)
        for message, outcome in zip(kept, received, strict=True):
            self._took(message, outcome)

    async def edit(self, edit: Edited) -> list[ThreadKey]:
        """Take in an edit; return the threads that know the message. Raises `StoreError`."""
        return [
            key
            for key in edit.keys
            if await self._intake.edit(
                replace(edit.message, thread=key), files=edit.has_files, quotes=edit.has_quotes
            )
        ]

    async def delete(self, channel: ChannelInfo, message: str) -> None:
        """Take in a deletion. Raises `StoreError`."""
        for key in channel.keys(message):
            await self._intake.delete(key, message, (identity(message),), stamp=0)

    def drop_files(self, payload: Mapping[str, Any]) -> None:
        """Forget the files that a message no longer has, in whatever threads they were sent on."""
        if not self._files.held or not states_files(payload):
            return
        channel = str_of(payload, "channel_id")
        message = f"{channel}/{str_of(payload, 'id')}/"
        left = {file.id for file in files_of(payload, channel)}
        self._files.drop_files(
            lambda thread, key: (
                thread.platform == NAME and key.startswith(message) and key not in left
            )
        )

    def say(self, message: Message, text: str) -> None:
        """Say something under a message soon; the caller does not wait."""
        self._tasks.start(self._said(message, text))

    async def close(self, grace: float = 2.0) -> None:
        """Give notices so many seconds to be posted."""
        await self._tasks.close(grace=grace)

    async def _is_command(self, message: Message, *, by_app: bool) -> bool:
        if message.author.is_app:
            return False
        rights = not by_app and is_id(message.author.id)
        if not await self._commands.take(message, self._intake, rights=rights):
            return False
        self._cursors.moved(message)
        return True

    def _took(self, message: Message, received: Received) -> None:
        self._commands.wake(message, received)
        self._cursors.moved(message)
        if received.notice and (received.verdict or message.address in FOR_US):
            self.say(message, received.notice)

    async def _said(self, message: Message, text: str) -> None:
        try:
            await self._say(message, text)
        except PlatformError as error:
            log.warning("a notice was not posted: %s", error)


class Reception:
    """Receives what people say, edit and delete: the client's `EventListener`."""

    def __init__(
        self,
        audience: Audience,
        intake: DiscordIntake,
        threads: BotThreads,
        polls: Polls,
        catch_up: CatchUp,
        *,
        clock: Clock,
        began: asyncio.Event,
    ) -> None:
        """Pass messages on to `intake`.

        Args:
            audience: Decides whose messages count.
            intake: Takes in messages and their changes.
            threads: Follows what happens to threads.
            polls: Reads polls again in which people have voted.
            catch_up: Reads what was missed, once events may have been lost.
            clock: Times the retries.
            began: Set once the first session has begun.
        """
        self._began = began
        self._audience = audience
        self._intake = intake
        self._threads = threads
        self._polls = polls
        self._catch_up = catch_up
        self._queues = ChannelQueues(clock, catch_up.missed)
        self._forwards = Forwards(audience.me.user, clock, self._take)
        self._proxies = Proxies(audience.me, clock, self._forwards.pass_on)
        self._time = PlatformClock(clock)

    # --- from the gateway -----------------------------------------------------------------------

    def message_event(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Take in an event about messages, after those before it in its channel."""
        if kind in VOTED:
            self._polls.voted(payload)
            return
        if kind == CREATED and is_id(id_ := payload.get("id")):
            self._time.heard(seconds(str(id_)))
        self._proxies.pass_on(kind, payload)

    def _take(self, kind: str, payloads: Sequence[Mapping[str, Any]]) -> None:
        came, last = self._time.now(), payloads[-1]
        self._queues.put(
            str_of(last, "channel_id"),
            lambda: (
                self._receive(kind, last, came)
                if len(payloads) == 1
                else self._receive_together(payloads)
            ),
            (lambda: self._skipped(last)) if kind == CREATED else None,
        )

    def thread_opened(self, thread: Mapping[str, Any]) -> None:
        """Join a thread of the bot's that has left the archive."""
        known = is_id(thread.get("id")) and is_id(thread.get("parent_id"))
        if known and not dict_of(thread, "thread_metadata").get("archived"):
            self._queues.put(str_of(thread, "id"), lambda: self._join(thread))

    def thread_renamed(self, thread: str, guild: str) -> None:
        """Take in a thread's new title or new tags."""
        self._queues.put(thread, lambda: self._threads.renamed(thread, guild))

    def session_began(self) -> None:
        """Note that what was said before this session may have been missed."""
        self._catch_up.hold()
        self._began.set()

    def session_ready(self) -> None:
        """Read what was missed."""
        self._catch_up.look()

    async def close(self) -> None:
        """Give what is on its way into the store two seconds to arrive."""
        self._proxies.close()
        self._forwards.close()
        await self._queues.close()
        await self._intake.close()

    # --- messages -------------------------------------------------------------------------------

    async def _receive(self, kind: str, payload: Mapping[str, Any], came: float) -> None:
        if kind == UPDATED:
            self._intake.drop_files(payload)
        channel = await self._audience.channel_of(payload)
        match await self._audience.understand(kind, payload, channel):
            case Said() as event if channel:
                await self._said(event.message, payload, channel)
            case Edited() as event if channel:
                await self._edited(event, payload, channel, came)
            case Deleted() as event:
                await self._deleted(event, str_of(payload, "channel_id"), channel)
            case _:
                if kind == CREATED and channel and is_withheld(payload, self._audience.me):
                    await self._threads.tell_limited(channel)

    async def _receive_together(self, payloads: Sequence[Mapping[str, Any]]) -> None:
        """Take in new messages of one person in one channel, so that one answer is to all."""
        threads: dict[ThreadKey, list[Message]] = {}
        for payload in payloads:
            channel = await self._audience.channel_of(payload)
            event = await self._audience.understand(CREATED, payload, channel)
            if not (channel and isinstance(event, Said)):
                continue
            message = await self._audience.admit(event.message, payload, channel)
            if message is not None:
                await self._catch_up.ahead(message)
                threads.setdefault(message.thread, []).append(message)
        for messages in threads.values():
            by_app = is_proxied(payloads[-1], self._audience.me.proxies)
            await self._intake.offer(messages, by_app=by_app)

    async def _said(self, said: Message, payload: Mapping[str, Any], channel: ChannelInfo) -> None:
        message = await self._audience.admit(said, payload, channel)
        if message is not None:
            await self._catch_up.ahead(message)
            for poll in await self._polls.changed(channel):
                await self._receive(UPDATED, poll, self._time.now())
            by_app = is_proxied(payload, self._audience.me.proxies)
            await self._intake.offer([message], by_app=by_app)

    async def _edited(
        self, event: Edited, payload: Mapping[str, Any], channel: ChannelInfo, came: float
    ) -> None:
        message = await self._audience.admit(event.message, payload, channel)
        if message is None:
            return
        if message.author.is_app and await self._threads.are_answering(event.keys):
            return  # an app that edits again and again must not keep a turn from its end
        if payload.get("poll") and not event.is_heard:
            # Votes come without an edit, again and again: each state is newer than those before.
            message = replace(message, edited_at=max(message.edited_at, came))
        known = await self._intake.edit(replace(event, message=message))
        # One that was only overheard may address the bot now.
        called = message.address is Address.MENTIONED and message.thread in known
        if event.is_heard and (called or not known) and _is_new(message, came):
            await self._intake.offer([message])

    async def _deleted(self, event: Deleted, channel_id: str, channel: ChannelInfo | None) -> None:
        for message in event.ids:
            self._intake.drop_files({"channel_id": channel_id, "id": message, "attachments": []})
            if channel is not None:
                await self._intake.delete(channel, message)

    async def _skipped(self, payload: Mapping[str, Any]) -> None:
        """Tell a person that a message of theirs to the bot could not be taken in."""
        channel = await self._audience.channel_of(payload)
        message = await self._audience.unread(payload, channel) if channel else None
        if message is not None:
            self._intake.say(message, refusal(message))

    async def _join(self, thread: Mapping[str, Any]) -> None:
        if await self._threads.join(thread):
            self._catch_up.missed()


def _is_new(message: Message, now: float) -> bool:
    """Return whether an update may tell of something that its author has said just now.

    Discord also sends updates that nobody made: a message was pinned, published or got a preview,
    a thread was opened from it, its poll ended. They repeat the time of the last edit (a Discord
    developer's words in Rapptz/discord.py, issue 273). An edit may have added the mention, so for a
    message to the bot the edit's time counts. Any other was said when it was written.
    """
    return now - (message.edited_at if message.address in FOR_US else message.sent_at) < _NEW
