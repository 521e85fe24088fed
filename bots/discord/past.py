"""What Discord knows of the time in which nobody listened, for `core.catch_up`; and of a thread.

Discord replays what a session missed if it comes back soon; behind a new session it keeps only
what can be read from each channel (docs: events/gateway, "Resuming").
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bots.discord import events, reading
from bots.discord.api import RefusedError
from bots.discord.snowflakes import first_at
from core.errors import PlatformError, ReadBackRefusedError
from core.settings_discord import ids

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bots.discord.events import Spot
    from bots.discord.platform import DiscordPlatform
    from bots.discord.receive import Reception
    from core.message import Message
    from core.settings import Settings

log = logging.getLogger(__name__)


class DiscordPast:
    """Reads channels, direct messages and threads."""

    def __init__(self, platform: DiscordPlatform, reception: Reception, settings: Settings) -> None:
        """Hand what was missed to `reception`."""
        self._platform = platform
        self._reception = reception
        self._channels = ids(settings.discord_catch_up_channels)

    async def places(self) -> list[str]:
        """Return the channels of the settings, of those that are known."""
        known = {channel: self._platform.places.guild_of(channel) for channel in self._channels}
        return [events.place_of(guild, channel) for channel, guild in known.items() if guild]

    async def said(
        self, place: str, threads: Sequence[str], oldest: float
    ) -> AsyncGenerator[Message, None]:
        """Yield what people said at a place after a moment, in threads and outside of them."""
        guild, channel = events.guild_of(place), events.channel_of(place)
        for each in (channel, *(thread for thread in threads if thread != channel)):
            spot = await self._spot(each, guild)
            if spot is None or not self._platform.places.may_read(each):
                continue
            try:
                async for message in self._after(spot, oldest):
                    yield message
            except ReadBackRefusedError as error:
                log.info("what was missed in a channel can't be read: %s", error)

    async def offer(self, messages: Sequence[Message]) -> None:
        """Take in messages of one thread."""
        await self._reception.offer(messages)

    async def say(self, message: Message, text: str) -> None:
        """Say something under a message, once."""
        await self._platform.say(message, text)

    async def before(self, message: Message) -> AsyncGenerator[Message, None]:
        """Yield what people said in a thread before a message, and what it was made from."""
        guild = events.guild_of(message.thread.place)
        channel = events.channel_of(message.thread.place)
        spot = await self._spot(message.thread.thread, guild)
        if spot is None or not spot.parent:
            return
        try:
            starter = await reading.one(self._platform.api, channel, spot.channel)
        except RefusedError:
            starter = {}  # a forum's post, or a thread that was made from nothing
        page = await reading.before(self._platform.api, spot.channel, message.id)
        for found in (starter, *page):
            if (earlier := await self._reception.heard(found, spot)) is not None:
                yield earlier

    async def _after(self, spot: Spot, oldest: float) -> AsyncGenerator[Message, None]:
        api, start = self._platform.api, first_at(oldest)
        async for found in reading.after(api, spot.channel, start):
            message = await self._reception.heard(found, spot)
            if message is not None:
                yield message

    async def _spot(self, channel: str, guild: str) -> Spot | None:
        try:
            return await self._platform.places.spot(channel, guild)
        except PlatformError as error:
            log.info("a channel can't be looked at: %s", error)
            return None
