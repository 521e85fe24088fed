"""What Discord tells the bot of, taken in. Discord waits for no acknowledgement.

What can't be stored now is tried again, in order (`lanes`); cursors move with what was stored, so
that what a process loses when it dies is looked for by the next.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.discord.ids import is_id
from bots.discord.inbound import events
from bots.discord.inbound.channel_queues import ChannelQueues
from bots.discord.inbound.people import files_of
from bots.discord.inbound.text import ids_in
from bots.discord.inbound.titles import Titles
from core.domain.admission import FollowUp
from core.domain.errors import PlatformError, broke
from core.domain.limits import refusal
from core.domain.message import FOR_US, ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bots.discord.inbound.audience import Audience
    from bots.discord.inbound.events import Spot
    from bots.discord.inbound.names import Names
    from bots.discord.outbound.platform import DiscordPlatform
    from bots.settings.settings import Settings
    from core.commands.in_thread import ThreadCommands
    from core.domain.clock import Clock
    from core.domain.message import Message
    from core.intake.backfill import ThreadBackfill
    from core.intake.catch_up import CatchUp
    from core.intake.cursors import Cursors
    from core.intake.intake import Intake, Received
    from core.store.port import Store
    from core.turn.attachments import Attachments

log = logging.getLogger(__name__)

LIMITED = (
    "I can't read what is said here unless it mentions me or replies to me: Discord has not let me "
    "see the content of messages."
)


class Reception:
    """Takes in what people say, edit and delete: the `EventListener` of the client."""

    def __init__(
        self,
        platform: DiscordPlatform,
        members: Names,
        rules: Audience,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Hear as the platform's bot; nothing is taken in before `open`."""
        self.spoken: ThreadCommands | None = None
        """Hears the commands in what people say."""
        self.hears = asyncio.Event()
        """Set once the first session has begun."""
        self.catch_up: CatchUp
        """Looks for what was missed when something may not have been heard."""
        self._platform = platform
        self._members = members
        self._rules = rules
        self._settings = settings
        self._clock = clock
        self._store: Store
        self._intake: Intake
        self._files: Attachments
        self._titles: Titles
        self._before: ThreadBackfill
        self._cursors: Cursors
        self._lanes = ChannelQueues(clock, self.missed)
        self._told: set[ThreadKey] = set()

    def open(
        self,
        store: Store,
        intake: Intake,
        before: ThreadBackfill,
        cursors: Cursors,
        files: Attachments,
    ) -> None:
        """Hand messages to `intake` from now on; of `files`, keep what is still there."""
        self._store, self._intake, self._files = store, intake, files
        self._titles = Titles(self._platform, store, intake)
        self._before, self._cursors = before, cursors

    # --- the client's ears ----------------------------------------------------------------------

    def said(self, payload: dict[str, Any]) -> None:
        """Take in that somebody has said something."""
        channel = str_of(payload, "channel_id")
        self._lanes.put(channel, lambda: self._said(payload), lambda: self._skipped(payload))

    def edited(self, payload: dict[str, Any]) -> None:
        """Take in that a message has changed."""
        self._lanes.put(str_of(payload, "channel_id"), lambda: self._edited(payload))

    def deleted(self, messages: list[str], channel: str, guild: str) -> None:
        """Take in that messages are gone."""
        self._lanes.put(channel, lambda: self._deleted(messages, channel, guild))

    def came_back(self, thread: dict[str, Any]) -> None:
        """Join a thread of the bot's that was archived and is not any more."""
        known = is_id(thread.get("id")) and is_id(thread.get("parent_id"))
        if known and not dict_of(thread, "thread_metadata").get("archived"):
            self._lanes.put(str_of(thread, "id"), lambda: self._came_back(thread))

    def retitled(self, thread: str, guild: str) -> None:
        """Take in that a thread has another title."""
        self._lanes.put(thread, lambda: self._titles.changed(thread, guild))

    def connected(self) -> None:
        """Note that what was said before this session was not heard."""
        self.catch_up.hold()
        self.hears.set()

    def ready(self) -> None:
        """Look for what was missed."""
        self.catch_up.look()

    def missed(self) -> None:
        """Note that something was not heard, and look for it."""
        self.catch_up.missed()

    # --- what was said --------------------------------------------------------------------------

    async def heard(self, payload: Mapping[str, Any], spot: Spot) -> Message | None:
        """Return what somebody said to whom the bot listens, with their name."""
        return await self._allowed(self._read(payload, spot), payload, spot)

    async def named(self, message: Message | None, spot: Spot) -> Message | None:
        """Return a message with its author's name, of whom the id is known; None as for `heard`."""
        payload = {"author": {"id": message.author.id}} if message else {}
        return await self._allowed(message, payload, spot)

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in what people said in one thread, in order, to be answered together.

        Raises `StoreError` when it could not be stored.
        """
        kept = [m for m in messages if not await self._is_command(m)]
        if not kept:
            return
        await self._before.read(kept[0])
        if len(kept) == 1:
            received = [await self._intake.take(kept[0])]
        else:
            received = await self._intake.collect(kept)
        for message, verdict in zip(kept, received, strict=True):
            self._took(message, verdict)

    async def close(self) -> None:
        """Let what is on its way into the store arrive, for a moment."""
        await self._lanes.close()

    async def _said(self, payload: dict[str, Any]) -> None:
        spot = await self._spot(payload)
        if spot is None:
            return
        message = await self.heard(payload, spot)
        if message is not None:
            await self.catch_up.ahead(message)
            await self.offer([message])
        elif spot.parent and events.is_withheld(payload, self._platform.me):
            await self._tell_limited(spot.whole)

    def _read(self, payload: Mapping[str, Any], spot: Spot) -> Message | None:
        me = self._platform.me
        try:
            names = self._platform.places.names(spot.guild, ids_in(str_of(payload, "content")))
            return events.said(payload, spot, me, names)
        except Exception as error:  # noqa: BLE001 - one message must not stop what comes after it
            log.error("a message could not be read: %s", broke(error))  # noqa: TRY400 - no text
            return events.unread(payload, spot, me)

    async def _skipped(self, payload: dict[str, Any]) -> None:
        """Tell a person that what they said to the bot could not be taken in."""
        spot = await self._spot(payload)
        found = events.unread(payload, spot, self._platform.me) if spot is not None else None
        message = await self._allowed(found, payload, spot) if spot is not None else None
        if message is not None:
            await self._say(message, refusal(message))

    async def _is_command(self, message: Message) -> bool:
        if self.spoken is None or not await self.spoken.take(message, self._intake):
            return False
        self._cursors.moved(message)
        return True

    def _took(self, message: Message, received: Received) -> None:
        if self.spoken is not None:
            self.spoken.wake(message, received)
        self._cursors.moved(message)
        if received.notice and (received.verdict or message.address in FOR_US):
            self._lanes.start(self._say(message, received.notice))

    async def _say(self, message: Message, notice: str) -> None:
        try:
            await self._platform.say(message, notice)
        except PlatformError as error:
            log.warning("a notice was not posted: %s", error)

    async def _tell_limited(self, thread: ThreadKey) -> None:
        """Say once in a thread of the bot's that it can't follow what is said there."""
        if thread in self._told or self._settings.follow_up is FollowUp.MENTIONED:
            return
        work = await self._store.peek(thread)
        if work is None or work.settings.muted:
            return
        self._told.add(thread)
        try:
            await self._platform.say_in(thread, LIMITED, behind=thread.thread)
        except PlatformError as error:
            log.info("nobody was told that the bot can't read a thread: %s", error)

    # --- what changed ---------------------------------------------------------------------------

    async def _edited(self, payload: dict[str, Any]) -> None:
        self._keep_files_of(payload)
        spot, me = await self._spot(payload), self._platform.me
        if spot is None:
            return
        names = self._platform.places.names(spot.guild, ids_in(str_of(payload, "content")))
        edit = events.edited(payload, spot, me, names)
        message = await self._allowed(edit, payload, spot)
        if message is None:
            return
        keys = spot.keys(message.id)
        files = events.are_files_told(payload)
        known = [await self._intake.edit(replace(message, thread=key), files=files) for key in keys]
        said = bool(message.text or message.attachments)
        if said and not any(known) and events.said(payload, spot, me) is not None:
            await self.offer([message])

    async def _deleted(self, messages: list[str], channel: str, guild: str) -> None:
        spot = await self._platform.places.spot(channel, guild)
        for message in messages:
            self._keep_files_of({"channel_id": channel, "id": message, "attachments": []})
            for key in spot.keys(message) if spot is not None else ():
                await self._intake.delete(key, message, (events.identity(message),), stamp=0)

    def _keep_files_of(self, payload: Mapping[str, Any]) -> None:
        """Keep no other files of a message than it has, in whatever thread they were sent on."""
        if events.are_files_told(payload):
            channel = str_of(payload, "channel_id")
            message, left = f"{channel}/{str_of(payload, 'id')}/", files_of(payload, channel)
            known = {file.id for file in left}
            self._files.drop_files(
                lambda thread, key: (
                    thread.platform == events.NAME and key.startswith(message) and key not in known
                )
            )

    async def _came_back(self, thread: dict[str, Any]) -> None:
        id_, guild = str_of(thread, "id"), str_of(thread, "guild_id")
        place = events.place_of(guild, str_of(thread, "parent_id"))
        ours = str_of(thread, "owner_id") == self._platform.me.user
        if ours or await self._store.peek(ThreadKey(events.NAME, place, id_)) is not None:
            api = self._platform.api
            await api.call("join a thread", lambda: api.http.join_thread(int(id_)))
            self.catch_up.missed()

    # --- the steps ------------------------------------------------------------------------------

    async def _spot(self, payload: Mapping[str, Any]) -> Spot | None:
        channel, guild = str_of(payload, "channel_id"), str_of(payload, "guild_id")
        if not guild and dict_of(payload, "member"):
            return await self._platform.places.asked(channel)  # said on a server, for all that
        return await self._platform.places.spot(channel, guild)

    async def _allowed(
        self, message: Message | None, payload: Mapping[str, Any], spot: Spot
    ) -> Message | None:
        """Return a message with its author's name, if the bot listens to them."""
        if message is None:
            return None
        member = await self._members.of(payload, spot.guild)
        if not self._rules.allow(spot, message.author.id, member.roles):
            return None
        if member.name == message.author.name:
            return message
        return replace(message, author=replace(message.author, name=member.name))
