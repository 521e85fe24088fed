"""What Discord keeps of threads, and of the time when the bot was away (`core.intake.catch_up`).

Discord replays what a session missed if it resumes soon enough. Once a new session begins, only
what can be read from each channel's history is left (docs: events/gateway, "Resuming").
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from cachetools import TTLCache
from typing_extensions import override

from bots.discord.faults import UNKNOWN_MESSAGE, RefusedError
from bots.discord.ids import first_at, is_id, seconds
from bots.discord.inbound import history
from bots.discord.inbound.events import channel_of, guild_of, place_of
from bots.settings.discord import ids
from core.domain.errors import PlatformError, ReadBackRefusedError
from core.domain.message import FOR_US, Message
from core.domain.payload import str_of
from core.intake.intake import BACKFILL_MESSAGES, BACKFILL_SECONDS, Gap
from core.intake.missed import HistorySource, Listing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from bots.discord.api import Api
    from bots.discord.inbound.audience import Audience
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import ChannelInfo
    from bots.settings.settings import Settings
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Entry

    Offer: TypeAlias = Callable[[Sequence[Message]], Awaitable[None]]
    Say: TypeAlias = Callable[[Message, str], Awaitable[None]]

log = logging.getLogger(__name__)

_SECONDS = 30.0
"""Seconds for which a list of active threads is kept; a look at all channels mostly takes less."""
_FURTHER_PAGES = 4
_FURTHER_SECONDS = BACKFILL_SECONDS / 2
"""Seconds for further pages of a thread: what the first has said must not be lost over them."""
_GUILDS = 10_000
"""Servers whose lists are kept; a bot on more than 2,500 needs several shards."""


class ChannelReader:
    """Reads the history of channels and threads as messages of people whom the bot listens to."""

    def __init__(
        self, api: Api, channels: Channels, audience: Audience, *, overhears: bool
    ) -> None:
        """Read for `audience`; without `overhears`, only titles of threads are read."""
        self._api = api
        self._channels = channels
        self._audience = audience
        self._overhears = overhears

    async def find(self, channel: str, guild: str) -> ChannelInfo | None:
        """Return a channel; None if it can't be looked up."""
        try:
            return await self._channels.find(channel, guild)
        except PlatformError as error:
            log.info("a channel can't be looked up: %s", error)
            return None

    async def before(self, message: Message) -> AsyncGenerator[Message | Gap, None]:
        """Yield what people and apps said in a thread before a message, from its opening on.

        If the opening can't be read, the thread's title stands in for it.
        """
        channel = await self.find(message.thread.thread, guild_of(message.thread.channel))
        if channel is None or not channel.parent:
            return
        opening = await self._opening(channel) if self._overhears else None
        opening = opening or await self._audience.read_title(channel)
        if opening is not None:
            yield opening
        if not self._overhears:
            return
        earlier, may_be_more = await self._newest(channel, message.id)
        if may_be_more:
            yield Gap()
        for each in earlier:
            yield each

    async def _newest(self, channel: ChannelInfo, id_: str) -> tuple[list[Message], bool]:
        """Return what was said right before a message, and whether there may be more.

        A page may hold little that counts, such as notices and what denied people say. Then more
        pages are read, for as long as they come quickly.
        """
        found, may_be_more = await self._page_before(channel, id_)
        try:
            async with asyncio.timeout(_FURTHER_SECONDS):
                for _ in range(_FURTHER_PAGES):
                    if not may_be_more or len(found) >= BACKFILL_MESSAGES:
                        break
                    id_ = may_be_more
                    earlier, may_be_more = await self._page_before(channel, id_)
                    found = [*earlier, *found]
        except (PlatformError, TimeoutError) as error:
            log.info("a thread was not read any further: %s", type(error).__name__)
        return found, bool(may_be_more)

    async def _page_before(self, channel: ChannelInfo, id_: str) -> tuple[list[Message], str]:
        """Return the messages of a page, and the id before which there may be more; else empty."""
        page, may_be_more = await history.before(self._api, channel.id, id_)
        await self._audience.meet(page, channel)
        read = [await self._audience.recall(found, channel) for found in page]
        start = str_of(page[0], "id") if may_be_more and page else ""
        return [each for each in read if each is not None], start

    async def after(
        self, id_: str, guild: str, oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a channel or a thread after a moment, as far as is readable."""
        channel = await self.find(id_, guild)
        if channel is None or not self._channels.may_read(id_) or self._channels.is_forum(id_):
            return
        listed: set[str] = set()
        try:
            async for found in history.after(self._api, id_, first_at(oldest)):
                listed.add(str_of(found, "id"))
                if (message := await self._audience.read(found, channel)) is not None:
                    yield message
        except ReadBackRefusedError as error:
            log.info("what was missed in a channel can't be read: %s", error)
            return
        if channel.parent and not channel.is_post and seconds(channel.id) > oldest:
            found = await self._opener(channel)  # the channel has it, not the thread
            listed.add(str_of(found, "id"))
            if found and (message := await self._audience.read(found, channel)) is not None:
                yield message
        yield Listing(name=id_, since=oldest, ids=frozenset(listed))

    async def _opening(self, channel: ChannelInfo) -> Message | None:
        found = await self._opener(channel)
        return await self._audience.recall(found, channel) if found else None

    async def _opener(self, channel: ChannelInfo) -> dict[str, Any]:
        """Return the message that a thread opens with, as Discord has it; empty if there is none.

        A post contains it; any other thread was opened from a message in its channel.
        """
        place = channel.id if channel.is_post else channel.parent
        try:
            return await history.one(self._api, place, channel.id)
        except RefusedError:
            return {}  # it was deleted, or the thread was opened without a message


class DiscordHistory(HistorySource):
    """Reads channels, direct messages and threads."""

    def __init__(
        self,
        api: Api,
        channels: Channels,
        reader: ChannelReader,
        settings: Settings,
        clock: Clock,
        *,
        offer: Offer,
        say: Say,
    ) -> None:
        """Read messages of people whom the bot listens to.

        Args:
            api: Discord's REST API.
            channels: Looks up channels.
            reader: Reads their history.
            settings: Name further channels in which to look.
            clock: Times how long a list of threads is kept.
            offer: Takes in messages of one thread.
            say: Says something under a message, once.
        """
        self._api = api
        self._channels = channels
        self._reader = reader
        self._further = ids(settings.discord_catch_up_channels)
        self._active: TTLCache[str, list[dict[str, Any]]] = TTLCache(
            _GUILDS, _SECONDS, clock.monotonic
        )
        """Active threads by server."""
        self._offer = offer
        self._say = say

    @override
    async def channels(self) -> list[str]:
        """Return the channels of the settings that the bot can see."""
        known = {channel: self._channels.guild_of(channel) for channel in self._further}
        return [place_of(guild, channel) for channel, guild in known.items() if guild]

    @override
    async def said(
        self, place: str, threads: Mapping[str, float], oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        """Yield what people said in a channel, in threads and outside of them.

        Of threads that are not among these, those in which a person spoke to the bot are read.
        """
        guild, channel = guild_of(place), channel_of(place)
        known = {channel: oldest, **threads}
        for each, since in known.items():
            async for found in self._reader.after(each, guild, since):
                yield found
        for each in await self._other_threads(guild, channel, oldest) if guild else ():
            if each not in known:
                shown = [found async for found in self._reader.after(each, guild, oldest)]
                if any(isinstance(m, Message) and m.address in FOR_US for m in shown):
                    for found in shown:
                        yield found

    @override
    async def said_in(
        self, message: Message, oldest: float
    ) -> AsyncGenerator[Message | Listing, None]:
        thread = message.thread
        if message.id != thread.thread:  # else it opens the thread
            async for found in self._reader.after(thread.thread, guild_of(thread.channel), oldest):
                yield found

    @override
    def listing_of(self, thread: ThreadKey, entry: Entry) -> str:
        """Return the list that a stored message is in: its thread's, with what opens the thread."""
        return thread.thread if is_id(entry.platform_id) else ""

    @override
    async def is_gone(self, thread: ThreadKey, entry: Entry) -> bool:
        channel = await self._reader.find(thread.thread, guild_of(thread.channel))
        if channel is None:
            return False
        opens = entry.platform_id == channel.id and not channel.is_post
        try:
            await history.one(self._api, channel.parent if opens else channel.id, entry.platform_id)
        except RefusedError as refused:
            return refused.code == UNKNOWN_MESSAGE
        return False

    @override
    async def offer(self, messages: Sequence[Message]) -> None:
        await self._offer(messages)

    @override
    async def say(self, message: Message, text: str) -> None:
        await self._say(message, text)

    async def _other_threads(self, guild: str, channel: str, oldest: float) -> list[str]:
        """Return the threads of a channel with messages after a moment.

        Archived ones are listed only for a forum: there, people can speak nowhere else.
        """
        try:
            found = list(await self._active_threads(guild))
            if self._channels.is_forum(channel):
                found += await history.archived(self._api, channel, oldest)
        except RefusedError as refused:
            log.info("the threads of a channel can't be listed: %s", refused)
            return []
        start = int(first_at(oldest))
        return [
            str_of(each, "id")
            for each in found
            if str_of(each, "parent_id") == channel and _last_id(each) > start
        ]

    async def _active_threads(self, guild: str) -> list[dict[str, Any]]:
        """Return a server's active threads, listed once for all of its channels."""
        found = self._active.get(guild)
        if found is None:
            found = self._active[guild] = await history.active(self._api, guild)
        return found


def _last_id(thread: Mapping[str, Any]) -> int:
    """Return the id of a thread's last message; the thread's own if it has none."""
    found = (str_of(thread, "id"), str_of(thread, "last_message_id"))
    return max(int(id_) for id_ in (*found, "0") if is_id(id_))
