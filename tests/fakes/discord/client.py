"""Pointing the real client here (discord.md 5)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.fakes.discord.fake import FakeDiscord


@contextlib.contextmanager
def pointed(api_url: str, gateway_url: str) -> Iterator[None]:
    """Let every client of this process that begins now talk to the fake."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@contextlib.asynccontextmanager
async def running(
    server: FakeDiscord, *clients: discord.Client, ready: bool = True
) -> AsyncIterator[None]:
    """Start clients, wait until they are ready, and close them in the end.

    `guild_ready_timeout` is how long discord.py waits for a further guild before it's ready;
    clients are best made with a small one.
    """
    with pointed(server.api_url, server.gateway_url):
        tasks = [asyncio.create_task(client.start(server.token)) for client in clients]
        try:
            for client, task in zip(clients, tasks, strict=True):
                await _ready(client, task, ready=ready)
            yield
        finally:
            for client in clients:
                await client.close()
            await asyncio.gather(*tasks, return_exceptions=True)


class Ears(discord.AutoShardedClient):
    """A client that writes down what it hears, and loses no time."""

    def __init__(self, *, intents: discord.Intents | None = None, **options: Any) -> None:
        options.setdefault("guild_ready_timeout", 0.05)
        options.setdefault("max_messages", None)
        super().__init__(intents=intents or everything(), **options)
        self.heard: list[discord.Message] = []
        self.names: list[str] = []
        """The events that came, by name."""
        self.raw: list[Any] = []
        """Raw edits, deletions, reactions, and interactions."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Don't wait: the fake sets no pace unless it's told to."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_socket_event_type(self, name: str) -> None:
        self.names.append(name)

    async def on_raw_message_edit(self, event: Any) -> None:
        self.raw.append(event)

    async def on_raw_message_delete(self, event: Any) -> None:
        self.raw.append(event)

    async def on_raw_reaction_add(self, event: Any) -> None:
        self.raw.append(event)

    @property
    def texts(self) -> list[str]:
        """Return what was said by others, as it was heard."""
        return [message.content for message in self.heard if message.author != self.user]

    async def until(self, predicate: Callable[[], object], within: float = 30.0) -> None:
        """Wait until this client heard something.

        Raises:
            TimeoutError: It never did.
        """
        async with asyncio.timeout(within):
            while not predicate():
                await asyncio.sleep(0.005)


def everything() -> discord.Intents:
    """Return the unprivileged intents and message content."""
    intents = discord.Intents.default()
    intents.message_content = True
    return intents


async def _ready(client: discord.Client, task: asyncio.Task[None], *, ready: bool) -> None:
    async with asyncio.timeout(20):
        while not client.is_ready() if ready else client.ws is None:
            if task.done():
                await task
            await asyncio.sleep(0.005)
