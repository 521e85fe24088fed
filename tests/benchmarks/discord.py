"""What the whole bot costs on Discord, beside a bare discord.py bot that sends once a mention.

    python -m tests.benchmarks.discord

prints JSON; how it is measured is said in `whole_bot`. The threads are there before the time
begins, and each has had its first answer: Discord lets a bot make few threads at a time, so what
that costs is not the bot's. An event's latency begins before it is unpacked.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import discord
from discord.gateway import DiscordWebSocket

from bots.app import App
from bots.discord.app import connected
from bots.discord.inbound.events import CREATED
from bots.discord.inbound.receive import Reception
from bots.settings.settings import Settings
from tests.benchmarks.whole_bot import ANSWER, Benchmark, Watch, answering
from tests.fakes.discord.client import pointed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

_arrived: ContextVar[float] = ContextVar("arrived")


def listen(watch: Watch) -> None:
    """Note what arrives over any gateway; discord.py's tasks inherit when their event came."""
    received, heard = DiscordWebSocket.received_message, Reception.message_event

    async def noted(socket: DiscordWebSocket, message: Any, /) -> None:
        _arrived.set(time.perf_counter())
        await received(socket, message)

    def hear(reception: Reception, kind: str, payload: Mapping[str, Any]) -> None:
        if kind == CREATED:
            watch.came.setdefault(payload["id"], _arrived.get())
        heard(reception, kind, payload)

    DiscordWebSocket.received_message = noted  # type: ignore[method-assign]
    Reception.message_event = hear  # type: ignore[assignment,method-assign]


@asynccontextmanager
async def our_bot(info: dict[str, Any], store: str, watch: Watch) -> AsyncGenerator[None, None]:
    """Run the whole bot, put together as the program does it."""
    given: dict[str, Any] = {"store": store, "DISCORD_BOT_TOKEN": info["token"]}
    settings = Settings(**given, discord_base_url=info["api_url"])
    listen(watch)
    async with (
        await App.open(settings) as app,
        connected(settings, app.clock, app.store, app.commands) as bot,
        answering(app, bot, watch),
    ):
        yield


@asynccontextmanager
async def echo_bot(info: dict[str, Any]) -> AsyncGenerator[None, None]:
    """Run a bot that only sends; it is as discord.py makes it."""
    intents = discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=True
    )
    client = discord.Client(intents=intents)
    ready = asyncio.Event()

    @client.event
    async def on_ready() -> None:
        ready.set()

    @client.event
    async def on_message(message: discord.Message) -> None:
        if client.user in message.mentions:
            await message.channel.send(ANSWER)

    with pointed(info["api_url"], info["gateway_url"]):
        running = asyncio.create_task(client.start(info["token"]))
        await ready.wait()
        try:
            yield
        finally:
            await client.close()
            await running


DISCORD = Benchmark(
    module="tests.benchmarks.discord",
    fake=("tests.fakes.discord", "--port", "0", "--lean"),
    bot=our_bot,
    echo=echo_bot,
    load={"opened": True},
)

if __name__ == "__main__":
    DISCORD.run()
