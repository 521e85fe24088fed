"""What happens to threads of the bot's: they are renamed, leave the archive, or can't be read."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from cachetools import LRUCache

from bots.discord.faults import RefusedError
from bots.discord.inbound import history
from bots.discord.inbound.events import NAME, place_of, titled
from core.domain.errors import PlatformError
from core.domain.message import ThreadKey
from core.domain.payload import str_of
from core.domain.session import Entry, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bots.discord.api import Api
    from bots.discord.inbound.audience import Audience
    from bots.discord.inbound.channels import Channels
    from bots.discord.inbound.events import ChannelInfo
    from core.domain.message import Message
    from core.intake.intake import Intake
    from core.store.port import Store

log = logging.getLogger(__name__)

_KEPT = 10_000
"""Threads of which it is remembered that they were told."""
LIMITED = (
    "I can't read messages here unless they mention me or reply to me: Discord has not granted me "
    "access to the content of messages."
)


class SayIn(Protocol):
    """Says something in a thread."""

    async def __call__(self, thread: ThreadKey, text: str, *, behind: str) -> None:
        """Say it, once after the message with this id; raise `PlatformError` if that fails."""


class BotThreads:
    """Follows the threads that the bot takes part in."""

    def __init__(
        self,
        api: Api,
        channels: Channels,
        audience: Audience,
        store: Store,
        intake: Intake,
        *,
        say_in: SayIn,
        follows: bool,
    ) -> None:
        """Know the bot's threads by the store.

        Args:
            api: Discord's REST API.
            channels: Looks up threads.
            audience: Reads what threads open with.
            store: Has what was said in the bot's threads.
            intake: Takes in what has changed.
            say_in: Says something in a thread.
            follows: Whether the bot answers in its threads without a mention.
        """
        self._api = api
        self._channels = channels
        self._audience = audience
        self._store = store
        self._intake = intake
        self._say_in = say_in
        self._follows = follows
        self._told: LRUCache[ThreadKey, bool] = LRUCache(_KEPT)
        """Threads in which it was said that the bot can't read them."""

    async def join(self, thread: Mapping[str, Any]) -> bool:
        """Join a thread if it is the bot's, so that its events arrive; return whether it is.

        Raises `PlatformError` and `StoreError`.
        """
        id_, guild = str_of(thread, "id"), str_of(thread, "guild_id")
        place = place_of(guild, str_of(thread, "parent_id"))
        opened = str_of(thread, "owner_id") == self._audience.me.user
        if not opened and await self._store.peek(ThreadKey(NAME, place, id_)) is None:
            return False
        await self._api.call("join a thread", lambda: self._api.http.join_thread(int(id_)))
        return True

    async def tell_limited(self, channel: ChannelInfo) -> None:
        """Say once in a thread of the bot's that it can't follow what is said there."""
        thread = channel.whole
        if not channel.parent or not self._follows or thread in self._told:
            return
        if self._api.gateway.reads_all:
            return  # nothing is withheld: there is nothing in it that the bot knows
        work = await self._store.peek(thread)
        if work is None or work.settings.muted:
            return
        self._told[thread] = True
        try:
            await self._say_in(thread, LIMITED, behind=thread.thread)
        except PlatformError as error:
            log.info("a thread was not told that the bot can't read it: %s", error)

    async def are_answering(self, threads: Sequence[ThreadKey]) -> bool:
        """Return whether a turn is open in one of these threads. Raises `StoreError`."""
        works = [await self._store.peek(thread) for thread in threads]
        return any(work.lease.turn for work in works if work is not None)

    async def renamed(self, thread: str, guild: str) -> None:
        """Take in that a thread has another title, or other tags.

        What opens a thread shows the model its title; in a thread without an opening message, the
        title stands in for one. Raises `PlatformError` and `StoreError`.
        """
        channel = await self._channels.find(thread, guild)
        stored = await self._first_entries(channel.whole) if channel else {}
        if channel is None or not stored:
            return
        for message in (await self._opening(channel), titled(channel, self._audience.me)):
            entry = stored.get(message.id) if message else None
            if message is None or entry is None or entry.status is Status.DELETED:
                continue
            if (entry.text, entry.quotes) != (message.text, message.quotes):
                # Discord does not say when it changed: after all changes that are stored, and
                # before any that follows.
                stamp = math.nextafter(max(entry.edited_at, message.edited_at), math.inf)
                await self._intake.edit(replace(message, edited_at=stamp))

    async def _first_entries(self, thread: ThreadKey) -> dict[str, Entry]:
        """Return the stored messages of a thread's beginning, by id."""
        page = await self._store.history(thread)
        return {record.id: record for record in page if isinstance(record, Entry)}

    async def _opening(self, channel: ChannelInfo) -> Message | None:
        """Return the message that a post or a person's thread opens with, as it is now."""
        if channel.owner == self._audience.me.user:
            return None  # its title repeats its words
        place = channel.id if channel.is_post else channel.parent
        try:
            found = await history.one(self._api, place, channel.id)
        except RefusedError:
            return None
        return self._audience.opening(found, channel)
