"""What Discord keeps of a thread, and of the time when the bot was away (`core.intake.catch_up`).

Discord replays what a session missed if it comes back soon; behind a new session it keeps only
what can be read from each channel (docs: events/gateway, "Resuming").
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bots.discord.api import UNKNOWN_MESSAGE, RefusedError
from bots.discord.ids import first_at, is_id, seconds
from bots.discord.inbound import events, history
from bots.settings.discord import ids
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.message import FOR_US, Message
from core.domain.payload import str_of
from core.intake.changes import Listing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from bots.discord.inbound.events import Spot
    from bots.discord.inbound.receive import Reception
    from bots.discord.outbound.platform import DiscordPlatform
    from bots.settings.settings import Settings
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Entry

log = logging.getLogger(__name__)

_FRESH = 30.0
"""Seconds for which a list of threads holds: one look at all channels takes no longer, mostly."""


class DiscordHistory:
    """Reads channels, direct messages and threads."""

    def __init__(
        self, platform: DiscordPlatform, reception: Reception, settings: Settings, clock: Clock
    ) -> None:
        """Hand what was missed to `reception`."""
        self._platform = platform
        self._me = platform.me
        self._reception = reception
        self._overhears = settings.overhear
        self._channels = ids(settings.discord_catch_up_channels)
        self._clock = clock
        self._listed: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def places(self) -> list[str]:
        """Return the channels of the settings, of those that are known."""
        known = {channel: self._platform.places.guild_of(channel) for channel in self._channels}
        return [events.place_of(guild, channel) for channel, guild in known.items() if guild]

    async def said(
        self, place: str, threads: Mapping[str, float], oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said at a place, in threads and outside of them.

        Of threads that are not among these, those in which a person spoke to the bot.
        """
        guild, channel = events.guild_of(place), events.channel_of(place)
        known = {channel: oldest, **threads}
        for each, since in known.items():
            async for shown in self._after(each, guild, since):
                yield shown
        for each in await self._further(guild, channel, oldest) if guild else ():
            if each not in known:
                found = [shown async for shown in self._after(each, guild, oldest)]
                if any(isinstance(m, Message) and m.address in FOR_US for m in found):
                    for shown in found:
                        yield shown

    async def said_in(
        self, message: Message, oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a message's thread."""
        thread = message.thread
        if message.id != thread.thread:  # else nothing stands there before it
            async for shown in self._after(thread.thread, events.guild_of(thread.place), oldest):
                yield shown

    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the list that a stored message is in: its thread's, with what opens that."""
        return thread.thread if is_id(entry.platform_id) else ""

    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        """Ask for one message by itself."""
        spot = await self._spot(thread.thread, events.guild_of(thread.place))
        if spot is None:
            return False
        opens = entry.platform_id == spot.channel and not spot.is_post
        place = spot.parent if opens else spot.channel
        try:
            await history.one(self._platform.api, place, entry.platform_id)
        except RefusedError as refused:
            return refused.code == UNKNOWN_MESSAGE
        return False

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in messages of one thread."""
        await self._reception.offer(messages)

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once."""
        await self._platform.say(message, text)

    async def before(self, message: Message) -> AsyncGenerator[Message, None]:
        """Yield what people said in a thread before a message, and what it was made from.

        Where that was nothing, or nothing that is heard, the thread's title stands for it.
        """
        guild = events.guild_of(message.thread.place)
        spot = await self._spot(message.thread.thread, guild)
        if spot is None or not spot.parent:
            return
        opening = await self._opening(spot) if self._overhears else None
        opening = opening or await self._reception.named(events.titled(spot, self._me), spot)
        if opening is not None:
            yield opening
        for found in await self._page(spot, message.id) if self._overhears else ():
            if (earlier := await self._reception.heard(found, spot)) is not None:
                yield earlier

    async def _opening(self, spot: Spot) -> Message | None:
        """Return the message that a thread was made from, or that a post opens with."""
        found = await self._opener(spot)
        return await self._reception.heard(found, spot) if found else None

    async def _opener(self, spot: Spot) -> dict[str, Any]:
        """Return the same as Discord has it; empty where there is none that the bot may see."""
        place = spot.channel if spot.is_post else spot.parent
        try:
            return await history.one(self._platform.api, place, spot.channel)
        except RefusedError:
            return {}  # it was deleted, or the thread was made from nothing

    async def _page(self, spot: Spot, message: str) -> Sequence[dict[str, Any]]:
        return await history.before(self._platform.api, spot.channel, message)

    async def _after(
        self, channel: str, guild: str, oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a channel or a thread after a moment, as far as it is read."""
        places = self._platform.places
        spot = await self._spot(channel, guild)
        if spot is None or not places.may_read(channel) or places.holds_posts(channel):
            return
        ids: set[str] = set()
        try:
            async for found in history.after(self._platform.api, channel, first_at(oldest)):
                ids.add(str_of(found, "id"))
                message = await self._reception.heard(found, spot)
                if message is not None:
                    yield message
        except ReadBackRefusedError as error:
            log.info("what was missed in a channel can't be read: %s", error)
            return
        if spot.parent and not spot.is_post and seconds(spot.channel) > oldest:
            found = await self._opener(spot)  # it stands in the channel that the thread is in
            ids.add(str_of(found, "id"))
            if found and (message := await self._reception.heard(found, spot)) is not None:
                yield message
        yield Listing(name=channel, since=oldest, ids=frozenset(ids))

    async def _further(self, guild: str, channel: str, oldest: float) -> list[str]:
        """Return the threads in a channel in which a person has spoken after a moment.

        Of the archive only posts are looked for: there is no other place to ask in a forum.
        """
        api, forum = self._platform.api, self._platform.places.holds_posts(channel)
        try:
            found = list(await self._active(guild))
            if forum:
                found += await history.archived(api, channel, oldest)
        except RefusedError as refused:
            log.info("the threads of a channel can't be listed: %s", refused)
            return []
        start = int(first_at(oldest))
        return [
            str_of(each, "id")
            for each in found
            if str_of(each, "parent_id") == channel and _last(each) > start
        ]

    async def _active(self, guild: str) -> list[dict[str, Any]]:
        """Return the active threads of a server, asked for once for all of its channels."""
        until, found = self._listed.get(guild, (0.0, []))
        if self._clock.monotonic() >= until:
            found = await history.active(self._platform.api, guild)
            self._listed[guild] = (self._clock.monotonic() + _FRESH, found)
        return found

    async def _spot(self, channel: str, guild: str) -> Spot | None:
        try:
            return await self._platform.places.spot(channel, guild)
        except PlatformError as error:
            log.info("a channel can't be looked at: %s", error)
            return None


def _last(thread: Mapping[str, Any]) -> int:
    """Return the id of the last message of a thread; its own where nothing was said in it."""
    ids = (str_of(thread, "id"), str_of(thread, "last_message_id"))
    return max(int(id_) for id_ in (*ids, "0") if is_id(id_))
