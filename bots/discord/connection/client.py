"""discord.py's client, as the bot uses it: it keeps no messages and no members."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import discord

from bots.discord.connection.state import State
from bots.discord.hosts import api_hosts
from bots.outgoing import Connector
from core.domain.errors import broke

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.state import AutoShardedConnectionState

    from bots.discord.connection.state import EventListener
    from bots.discord.pace import Pace
    from bots.settings.settings import Settings

log = logging.getLogger(__name__)

_READY_SECONDS = 0.5
"""Seconds without another server after which a shard is ready; it hears people before that."""


class Client(discord.AutoShardedClient):
    """discord.py's client; it keeps no messages and no members."""

    def __init__(
        self, ears: Callable[[], EventListener], settings: Settings, pace: Pace, *, content: bool
    ) -> None:
        """Tell `ears` of what happens; ask for the intent for message content if so told."""
        self._ears = ears  # before discord.py's own, which makes the state
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
        self.unread: Callable[[dict[str, Any]], None] = lambda _: None
        """Tells a person that what they pressed or typed can't be read."""

    def _get_state(self, **options: Any) -> AutoShardedConnectionState[Any]:
        state = State(
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )
        state.ears = self._ears
        state.unread = self._unread
        return state

    def _unread(self, payload: dict[str, Any]) -> None:
        self.unread(payload)

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
        error = sys.exc_info()[1]
        log.error("Discord's %s was not taken in: %s", event_method, broke(error) if error else "")
