"""What the whole bot costs on Slack, beside a bare Bolt bot that posts once for each mention.

    python -m tests.benchmarks.slack

prints JSON; how it is measured is said in `whole_bot`. An event's latency begins before
slack-sdk's queue.
"""

from __future__ import annotations

import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient

from bots.app import App
from bots.settings.settings import Settings
from bots.slack.api import web_client
from bots.slack.app import connected
from tests.benchmarks.whole_bot import ANSWER, PATIENCE, Benchmark, Watch, answering

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SENT = re.compile(r'"ts": "([0-9.]+)"')


def listen(watch: Watch) -> None:
    """Note what arrives over any socket, before it is queued."""
    enqueue = AsyncBaseSocketModeClient.enqueue_message

    async def noted(client: AsyncBaseSocketModeClient, message: str) -> None:
        if found := _SENT.search(message):
            watch.came.setdefault(found[1], time.perf_counter())
        await enqueue(client, message)

    AsyncBaseSocketModeClient.enqueue_message = noted  # type: ignore[assignment,method-assign]


@asynccontextmanager
async def our_bot(info: dict[str, Any], store: str, watch: Watch) -> AsyncGenerator[None, None]:
    """Run the whole bot, put together as the program does it."""
    tokens = {"SLACK_BOT_TOKEN": info["bot_token"], "SLACK_APP_TOKEN": info["app_token"]}
    given: dict[str, Any] = {"store": store, "slack_base_url": info["api_url"], **tokens}
    settings = Settings(**given, slack_pace=0)
    listen(watch)
    async with (
        await App.open(settings) as app,
        connected(settings, app.clock, app.store, app.commands) as slack,
        answering(app, slack, watch),
    ):
        yield


@asynccontextmanager
async def echo_bot(info: dict[str, Any]) -> AsyncGenerator[None, None]:
    """Run a bot that only posts; its calls share their connections, as ours do."""
    async with aiohttp.ClientSession() as session:
        client = web_client(info["bot_token"], info["api_url"], session)
        app = AsyncApp(client=client, signing_secret=info["signing_secret"])

        @app.event("app_mention")
        async def mentioned(event: dict[str, Any]) -> None:
            root = event.get("thread_ts") or event["ts"]
            await client.chat_postMessage(channel=event["channel"], thread_ts=root, text=ANSWER)

        @app.event("message")
        async def said() -> None:
            """Acknowledge it: each mention comes as a message too."""

        handler = AsyncSocketModeHandler(app, info["app_token"])
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


SLACK = Benchmark(
    module="tests.benchmarks.slack",
    fake=("tests.fakes.slack", "--port", "0", "--lean", "--patience", str(PATIENCE)),
    bot=our_bot,
    echo=echo_bot,
)

if __name__ == "__main__":
    SLACK.run()
