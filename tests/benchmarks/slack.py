"""What the whole bot costs on Slack, beside a bare Bolt bot that posts once for each mention.

    python -m tests.benchmarks.slack

prints JSON. Each figure has a fake Slack of its own, in a process of its own, without rate limits;
the bots run in one each, one after the other. Each thread says the next thing when it has its
answer. Ours has a real redis-server, and a model that answers at once. The latency is from an
event's arrival on the socket, before slack-sdk's queue, to the model being asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient

from bots.app import App
from bots.slack.api import web_client
from bots.slack.app import connected
from bots.slack.commands import register
from core.models.scripted import ScriptedModel
from core.settings import Settings
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from core.models.port import Completion, ModelRequest
    from core.platform import Platform, Where

Which: TypeAlias = Literal["bot", "echo"]
TURNS = {1: 300, 100: 15, 1000: 3}
"""How often each thread says something, by how many there are."""
PATIENCE = 60
ANSWER = "Understood."

# --- measuring, in a process for each bot -------------------------------------------------------

_SENT = re.compile(r'"ts": "([0-9.]+)"')
_answering: ContextVar[str] = ContextVar("answering", default="")


class Watch:
    """Notes when each message came in, and when the model was first asked about it."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.waits: dict[str, float] = {}

    def listen(self) -> None:
        """Note what arrives over any socket, before it is queued."""
        enqueue = AsyncBaseSocketModeClient.enqueue_message

        async def noted(client: AsyncBaseSocketModeClient, message: str) -> None:
            if found := _SENT.search(message):
                self.came.setdefault(found[1], time.perf_counter())
            await enqueue(client, message)

        AsyncBaseSocketModeClient.enqueue_message = noted  # type: ignore[assignment,method-assign]

    def follow(self, platform: Platform) -> None:
        """Note in each turn which message it answers."""
        told = platform.working

        async def noted(where: Where, *, working: bool) -> None:
            _answering.set(where.trigger)
            await told(where, working=working)

        platform.working = noted  # type: ignore[method-assign]

    def asked(self) -> None:
        """Note that the model is being asked."""
        ts = _answering.get()
        if ts:  # a summary is no answer to anybody
            self.waits.setdefault(ts, time.perf_counter() - self.came[ts])

    def report(self) -> dict[str, float]:
        """Return what there was since the last report."""
        waits = sorted(self.waits.values()) or [0.0]
        self.waits.clear()
        at = {"p50_ms": len(waits) // 2, "p99_ms": int(0.99 * len(waits))}
        return {name: round(waits[place] * 1000, 2) for name, place in at.items()}


class Prompt(ScriptedModel):
    """Answers at once, and lets it be noted that it was asked."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(reply=lambda _: ANSWER)
        self._watch = watch

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | Completion, None]:
        self._watch.asked()
        self.calls.clear()  # a model keeps nothing of what it is asked
        return super().stream(request)


@asynccontextmanager
async def our_bot(info: dict[str, Any], store: str, watch: Watch) -> AsyncGenerator[None, None]:
    """Run the whole bot, put together as the program does it."""
    tokens = {"SLACK_BOT_TOKEN": info["bot_token"], "SLACK_APP_TOKEN": info["app_token"]}
    given: dict[str, Any] = {"store": store, "slack_base_url": info["api_url"], **tokens}
    settings = Settings(**given, slack_pace=0)
    watch.listen()
    async with (
        await App.open(settings) as app,
        connected(settings, app.clock) as slack,
        app.worker(Prompt(watch), {slack.platform.name: slack.platform}) as worker,
    ):
        watch.follow(slack.platform)
        register(slack, app.store, app.commands)
        async with slack.listening(app.store, app.intake(worker), worker):
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


async def serve(which: Which, url: str, store: str) -> None:
    """Be one of the bots; tell what was measured each time that a line is read."""
    logging.basicConfig(level=logging.WARNING)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/control/info") as answer:
        info = await answer.json()
    watch = Watch()
    async with our_bot(info, store, watch) if which == "bot" else echo_bot(info):
        print("ready", flush=True)  # noqa: T201
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(watch.report()), flush=True)  # noqa: T201


# --- asking for it ------------------------------------------------------------------------------


@contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of ours for as long as the block lasts."""
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def line_of(running: subprocess.Popen[str]) -> str:
    """Return the next line that a process writes."""
    assert running.stdout is not None
    line = running.stdout.readline()
    if not line:
        message = f"{running.args!r} has ended"
        raise RuntimeError(message)
    return line.strip()


def report_of(running: subprocess.Popen[str]) -> dict[str, float]:
    """Return what a bot has measured since it was last asked."""
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()
    report: dict[str, float] = json.loads(line_of(running))
    return report


async def loaded(url: str, threads: int, turns: int) -> float:
    """Return the turns per second that so many threads had."""
    load = {"threads": threads, "turns": turns, "mention": True, "patience": PATIENCE}
    unbounded = aiohttp.ClientTimeout()
    async with (
        aiohttp.ClientSession(timeout=unbounded) as session,
        session.post(f"{url}/control/load", json=load) as answer,
    ):
        went = await answer.json()
    if went["unanswered"]:
        sys.stderr.write(f"{threads} threads: {went['unanswered']} had no answer\n")
    return float(went["turns_per_s"])


async def measured(which: Which, threads: int, store: str = "") -> dict[str, float]:
    """Measure one of the bots with so many threads at once."""
    with process("tests.fakes.slack", "--port", "0", "--lean", "--patience", str(PATIENCE)) as fake:
        url = f"http://127.0.0.1:{line_of(fake)}"
        with process("tests.benchmarks.slack", "--serve", which, url, store) as bot:
            assert line_of(bot) == "ready"
            await loaded(url, 10, 5)  # warms up what is loaded or prepared once
            report_of(bot)
            rate = await loaded(url, threads, TURNS[threads])
            report = report_of(bot)
    return {"turns_per_s": round(rate, 1), **(report if which == "bot" else {})}


async def main(sizes: Sequence[int]) -> None:
    """Measure both bots at every size, and print the figures."""
    results: dict[str, dict[str, float]] = {}
    for threads in sizes:
        results[str(threads)] = {}
        for which in ("bot", "echo"):
            with (
                tempfile.TemporaryDirectory() as folder,
                redis_server(directory=Path(folder)) as redis,
            ):
                figures = await measured(which, threads, redis.url)
            results[str(threads)] |= {f"{which}_{name}": each for name, each in figures.items()}
    json.dump(results, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the bot on Slack.")
    parser.add_argument("--serve", nargs=3, metavar=("WHICH", "URL", "STORE"))
    parser.add_argument("--threads", nargs="*", type=int, choices=TURNS, default=list(TURNS))
    options = parser.parse_args()
    asyncio.run(serve(*options.serve) if options.serve else main(options.threads))
