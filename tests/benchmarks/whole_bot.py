"""What the whole bot costs on a platform, beside a bare bot that only posts.

Each figure has a fake platform of its own, in a process of its own, without rate limits; the bots
run in one each, one after the other. Each thread says the next thing when it has its answer. Ours
has a real redis-server, and a model that answers at once. The latency is from an event's arrival
on the socket to the model being asked.

The figures are JSON on stdout; on stderr is the processor time of each bot's process for a turn,
which other work on the machine changes less than the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bots.run import tune_garbage_collector
from core.models.scripted import ScriptedModel
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from bots.app import App
    from bots.run import Bot
    from core.delivery.port import DeliveryTarget, Platform
    from core.models.port import Completion, ModelRequest

TURNS = {1: 300, 100: 15, 1000: 3}
"""How often each thread says something, by how many there are."""
LONG = 120
"""Turns in which a thread outgrows its window."""
PATIENCE = 60
ANSWER = "Understood."

# --- measuring, in a process for each bot -------------------------------------------------------

_answering: ContextVar[str] = ContextVar("answering", default="")


class Watch:
    """Notes when each message came in, and when the model was first asked about it."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        """By a message's id, when it arrived; the reader of the socket notes it."""
        self.waits: dict[str, float] = {}
        self._spent = time.process_time()

    def follow(self, platform: Platform) -> None:
        """Note in each turn which message it answers."""
        told = platform.working

        async def noted(target: DeliveryTarget, *, working: bool, again: bool = False) -> None:
            _answering.set(target.trigger)
            await told(target, working=working, again=again)

        platform.working = noted  # type: ignore[method-assign]

    def asked(self) -> None:
        """Note that the model is being asked."""
        message = _answering.get()
        if message:  # a summary is no answer to anybody
            self.waits.setdefault(message, time.perf_counter() - self.came[message])

    def report(self) -> dict[str, float]:
        """Return what there was since the last report."""
        waits = sorted(self.waits.values()) or [0.0]
        self.waits.clear()
        at = {"p50_ms": len(waits) // 2, "p99_ms": int(0.99 * len(waits))}
        since, self._spent = self._spent, time.process_time()
        figures = {name: round(waits[place] * 1000, 2) for name, place in at.items()}
        return figures | {"seconds": self._spent - since}


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
async def answering(app: App, bot: Bot, watch: Watch) -> AsyncGenerator[None, None]:
    """Run a bot that is connected, as the program does it."""
    async with app.worker(Prompt(watch), {bot.platform.name: bot.platform}) as worker:
        watch.follow(bot.platform)
        tune_garbage_collector()
        async with bot.listening(app.store, app.intake(worker), worker):
            yield


# --- asking for it ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The two bots on one platform; each is given what the fake tells of how to connect."""

    module: str
    fake: Sequence[str]
    """The fake's module, and its arguments."""
    bot: Callable[[dict[str, Any], str, Watch], AbstractAsyncContextManager[None]]
    """Ours, which is also given the address of its store."""
    echo: Callable[[dict[str, Any]], AbstractAsyncContextManager[None]]
    load: Mapping[str, object] = field(default_factory=dict)
    """What the fake's load is asked for beside the usual."""

    async def serve(self, which: str, url: str, store: str) -> None:
        """Be one of the bots; tell what was measured each time that a line is read."""
        logging.basicConfig(level=logging.WARNING)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/control/info") as got:
            info = await got.json()
        watch = Watch()
        async with self.bot(info, store, watch) if which == "bot" else self.echo(info):
            print("ready", flush=True)  # noqa: T201
            while await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps(watch.report()), flush=True)  # noqa: T201

    async def main(self, sizes: Sequence[int]) -> None:
        """Measure both bots at every size, and print the figures."""
        results: dict[str, dict[str, float]] = {}
        for threads in sizes:
            results[str(threads)] = {}
            for which in ("bot", "echo"):
                with (
                    tempfile.TemporaryDirectory() as folder,
                    redis_server(directory=Path(folder)) as redis,
                ):
                    figures = await self.measured(which, threads, redis.url)
                seconds = figures.pop("seconds") / (threads * TURNS[threads])
                sys.stderr.write(f"{threads} threads, {which}: {seconds * 1000:.2f} ms a turn\n")
                results[str(threads)] |= {f"{which}_{name}": each for name, each in figures.items()}
        json.dump(results, sys.stdout, indent=2)
        sys.stdout.write("\n")

    async def measured(self, which: str, threads: int, store: str) -> dict[str, float]:
        """Measure one of the bots with so many threads at once."""
        with process(*self.fake) as fake:
            url = f"http://127.0.0.1:{_line_of(fake)}"
            with process(self.module, "--serve", which, url, store) as bot:
                assert _line_of(bot) == "ready"
                await self.loaded(url, 10, 5)  # warms up what is loaded or prepared once,
                await self.loaded(url, 1, LONG)  # and what only a long thread needs: recall
                _report_of(bot)
                rate = await self.loaded(url, threads, TURNS[threads])
                report = _report_of(bot)
        if which != "bot":
            report = {"seconds": report["seconds"]}
        return {"turns_per_s": round(rate, 1), **report}

    async def loaded(self, url: str, threads: int, turns: int) -> float:
        """Return the turns per second that so many threads had."""
        usual = {"threads": threads, "turns": turns, "mention": True, "patience": PATIENCE}
        unbounded = aiohttp.ClientTimeout()
        async with (
            aiohttp.ClientSession(timeout=unbounded) as session,
            session.post(f"{url}/control/load", json={**usual, **self.load}) as answer,
        ):
            went = await answer.json()
        if went["unanswered"]:
            sys.stderr.write(f"{threads} threads: {went['unanswered']} had no answer\n")
        return float(went["turns_per_s"])

    def run(self) -> None:
        """Do what the command line asks for."""
        parser = argparse.ArgumentParser(description="Measure the bot beside a bare one.")
        parser.add_argument("--serve", nargs=3, metavar=("WHICH", "URL", "STORE"))
        parser.add_argument("--threads", nargs="*", type=int, choices=TURNS, default=list(TURNS))
        options = parser.parse_args()
        serves = options.serve is not None
        asyncio.run(self.serve(*options.serve) if serves else self.main(options.threads))


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


def _line_of(running: subprocess.Popen[str]) -> str:
    """Return the next line that a process writes."""
    assert running.stdout is not None
    line = running.stdout.readline()
    if not line:
        message = f"{running.args!r} has ended"
        raise RuntimeError(message)
    return line.strip()


def _report_of(running: subprocess.Popen[str]) -> dict[str, float]:
    """Return what a bot has measured since it was last asked."""
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()
    report: dict[str, float] = json.loads(_line_of(running))
    return report
