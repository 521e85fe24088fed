"""Wakes: scripts announce a thread that may be claimed, and waiting tasks look for work."""

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
"""Seconds of silence after which the listener tests its connection."""
_PAUSE = 1.0
"""Seconds between two tries to reconnect. Meanwhile only polling finds work."""


class Listener:
    """One connection that listens for wakes, and reconnects by itself."""

    def __init__(self, client: Client, channel: str) -> None:
        """Listen on a channel from the first wait on."""
        self._client = client
        self._channel = channel
        self.wakes = Wakes(self._listen, "redis-wakes")
        """The wakes to wait for."""
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
            await self._client.initialize()  # else it does not know where to subscribe
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
        # Subscribed again: wakes may have been missed meanwhile.
        if kind == "message" or again:
            self.wakes.wake()
