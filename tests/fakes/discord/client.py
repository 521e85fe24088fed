"""Pointing the real client here (discord.md 5)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import discord

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


async def _ready(client: discord.Client, task: asyncio.Task[None], *, ready: bool) -> None:
    async with asyncio.timeout(20):
        while not client.is_ready() if ready else client.ws is None:
            if task.done():
                await task
            await asyncio.sleep(0.005)
