"""Wakes: the scripts announce a thread that may be claimed, and whoever waits looks for work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.store.redis.connecting.cluster import Cluster
from core.store.redis.connecting.connection import heeding
from core.store.redis.connecting.errors import FAILURES
from core.store.wakes import Wakes

if TYPE_CHECKING:
    from core.store.redis.connecting.client import Client

_log = logging.getLogger(__name__)
_PATIENCE = 15.0
"""Seconds of silence after which it is tried whether the connection still stands."""
_PAUSE = 1.0
"""Seconds between two tries to get it back. Work is found meanwhile, only later."""


class Listener:
    """One connection that listens for wakes, and comes back by itself."""

    def __init__(self, client: Client, channel: str) -> None:
        """Listen on a channel, once somebody waits."""
        self._client = client
        self._channel = channel
        self.wakes = Wakes(self._listen, "redis-wakes")
        """Where to wait."""
        self._subscriptions = 0

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribe()
            except FAILURES as error:
                _log.debug("no wakes from Redis for now: %s", type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _subscribe(self) -> None:
        if isinstance(self._client, Cluster):
            await self._client.initialize()  # else it can't tell where to subscribe
        async with self._client.pubsub() as channel:
            await heeding(channel.subscribe(self._channel))
            answered = True
            while True:
                message = await heeding(channel.get_message(timeout=_PATIENCE))
                if message is not None:
                    answered = True
                    self._hear(message["type"])
                elif answered:
                    answered = False
                    await heeding(channel.ping())
                else:
                    return

    def _hear(self, kind: str) -> None:
        again = kind == "subscribe" and self._subscriptions > 0
        self._subscriptions += kind == "subscribe"
        # Subscribed again: nobody has listened for a while, so there may be something to find.
        if kind == "message" or again:
            self.wakes.wake()
