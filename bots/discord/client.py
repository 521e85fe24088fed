"""discord.py's client, as the bot uses it: it keeps no messages and no members."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol

import discord
from discord.state import AutoShardedConnectionState

from bots.discord.hosts import api_hosts
from bots.outgoing import Connector

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.types.gateway import MessageCreateEvent

    from bots.discord.pace import Pace
    from core.settings import Settings

log = logging.getLogger(__name__)

_READY_SECONDS = 0.5
"""Seconds without another server after which a shard is ready; it hears people before that."""


class Ears(Protocol):
    """Who is told of what the gateway says."""

    def said(self, payload: dict[str, Any]) -> None:
        """Somebody has said something."""

    def edited(self, payload: dict[str, Any]) -> None:
        """A message has changed, or Discord has added something to it."""

    def deleted(self, messages: list[str], channel: str, guild: str) -> None:
        """Messages are gone."""

    def came_back(self, thread: dict[str, Any]) -> None:
        """A thread that nobody here knew of is there, perhaps out of the archive."""

    def retitled(self, thread: str, guild: str) -> None:
        """A thread has another title, or other tags."""

    def connected(self) -> None:
        """A session has begun: what was said before it was not heard."""

    def ready(self) -> None:
        """The session that has begun knows its servers."""


class _State(AutoShardedConnectionState[Any]):
    """discord.py's state, which hands on what people say as it came.

    Its own objects would be made for each message, and made into what the bot keeps again; its
    dispatching would make a task of what only has to be put in its place.
    """

    hear: Callable[[dict[str, Any]], None]
    """Takes what somebody has said; it may not raise."""

    def parse_message_create(self, data: MessageCreateEvent) -> None:
        """Hand on a message that was created; the bot is told of its own as well."""
        if data["author"]["id"] != str(self.self_id):
            self.hear({**data})


class Client(discord.AutoShardedClient):
    """discord.py's client; it keeps no messages and no members."""

    def __init__(
        self, ears: Callable[[], Ears], settings: Settings, pace: Pace, *, content: bool
    ) -> None:
        """Tell `ears` of what happens; ask for the intent for message content if so told."""
        intents = discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, message_content=content
        )
        super().__init__(
            connector=Connector(api_hosts(settings.discord_base_url), limit=0),
            intents=intents,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=_READY_SECONDS,
            http_trace=pace.trace(),
            shard_count=settings.discord_shard_count,
        )
        self.shard_ids = settings.discord_shards
        self._ears = ears

    def _get_state(self, **options: Any) -> AutoShardedConnectionState[Any]:
        state = _State(
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )
        state.hear = lambda payload: self._ears().said(payload)
        return state

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Hand on a change."""
        self._ears().edited(dict(event.data))

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Hand on a deletion."""
        self._gone([event.message_id], event.channel_id, event.guild_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Hand on a deletion of many."""
        self._gone(sorted(event.message_ids), event.channel_id, event.guild_id)

    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        """Hand on that a thread is there that was not known."""
        if event.thread is None:
            self._ears().came_back(dict(event.data))

    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        """Hand on that a thread has another title, or other tags."""
        if (before.name, before.applied_tags) != (after.name, after.applied_tags):
            self._ears().retitled(str(after.id), str(after.guild.id))

    async def on_shard_connect(self, _shard: int) -> None:
        """Hand on that a session has begun."""
        self._ears().connected()

    async def on_shard_ready(self, _shard: int) -> None:
        """Hand on that the session knows its servers."""
        self._ears().ready()

    async def on_shard_disconnect(self, shard: int) -> None:
        """Note that a connection was lost."""
        log.info("shard %s lost its connection; it comes back by itself", shard)

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Note that an event came to nothing; its text is nobody's business."""
        kind = sys.exc_info()[0]
        log.error("Discord's %s was not taken in: %s", event_method, kind and kind.__name__)

    def _gone(self, messages: list[int], channel: int, guild: int | None) -> None:
        self._ears().deleted([str(id_) for id_ in messages], str(channel), str(guild or ""))
