"""Runs the bot: on every platform whose tokens are set, or in the terminal.

This is the only module that knows all platforms. It imports slow modules where it uses them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from bots.app import App, say, start_lines
from bots.connect_retry import retry_until_reached
from bots.factories import model_for
from bots.health import Connected, Health
from bots.ops.loading import loading
from bots.settings import privacy
from bots.settings.environment import history_dir
from bots.signals import INTERRUPTED, Signals
from bots.terminal.app import Terminal
from bots.terminal.session import BotParts
from core.commands.export.temp_files import swept

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from bots.settings.settings import Settings
    from bots.slack.connection.http import HttpServer
    from core.intake.intake import Intake
    from core.store.port import Store
    from core.worker.worker import Worker

_HURRY_SECONDS = 1.0
_GC_THRESHOLD = 50_000
"""New objects between two garbage collections: those of many turns, about ten megabytes.

Measured with a thousand threads at once, collections take 1 % of the time, and 4 % at 10,000.
"""


class Bot(Connected, Protocol):
    """Port: the bot on one platform."""

    @property
    def described(self) -> str:
        """Return a line for the operator on how events arrive."""

    def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AbstractAsyncContextManager[None]:
        """Receive events within the block, and read what was missed before it."""

    async def wait(self) -> int:
        """Return an exit code once the platform has removed the bot; never before."""


async def run(settings: Settings) -> int:
    """Run the bot until a signal stops it; return the exit code.

    It runs on every platform whose tokens are set, or in the terminal if none are.
    """
    if not (settings.slack or settings.discord):
        return await chat(settings)
    signals = Signals()
    with signals.listening():
        async with await App.open(settings) as app, swept(app.clock):
            return await _run_platforms(app, signals)


async def chat(settings: Settings, thread: str = "") -> int:
    """Talk in the terminal until the input ends or a signal stops it; return the exit code."""
    signals = Signals()
    with signals.listening():
        async with await App.open(settings) as app, swept(app.clock):
            return await _run_terminal(app, signals, thread)


async def _run_platforms(app: App, signals: Signals) -> int:
    for line in await start_lines(app):
        say(line)
    model = model_for(app.settings)
    worker = app.worker(model, {})
    try:
        async with AsyncExitStack() as connections:
            async with worker:
                async with AsyncExitStack() as listening:
                    starter = PlatformStarter(app, worker, connections, listening)
                    code = await signals.run(_first_end(await starter.start()))
                if code == INTERRUPTED:
                    await _hand_back(worker)
            return code
    finally:
        await model.close()


@dataclass(frozen=True, slots=True)
class PlatformStarter:
    """Connects the bot to its platforms, each as soon as it can be reached."""

    app: App
    worker: Worker
    connections: AsyncExitStack
    """Closed after the last turn has ended."""
    listening: AsyncExitStack
    """Closed before that, so that no new turn starts."""

    async def start(self) -> list[Coroutine[Any, Any, int]]:
        """Return the coroutines to run: the worker's, and one for each platform with tokens."""
        settings = self.app.settings
        connects: dict[str, Callable[[], AbstractAsyncContextManager[Bot]]] = {}
        if settings.slack:
            connects["slack"] = partial(_slack, self.app)
        if settings.discord:
            connects["discord"] = partial(_discord, self.app)
        health = Health(self.app.store, connects, worker=self.worker, clock=self.app.clock)
        if settings.slack and not settings.slack_app_token.get_secret_value():
            server = await self.connections.enter_async_context(_http_server(settings, health))
            connects["slack"] = partial(_slack, self.app, server)
        return [self.worker.wait(), *(self._run(each, health) for each in connects.values())]

    async def _run(
        self, connect: Callable[[], AbstractAsyncContextManager[Bot]], health: Health
    ) -> int:
        """Run the bot on a platform; return an exit code once the platform has removed it."""
        app = self.app
        bot = await retry_until_reached(
            lambda: self.connections.enter_async_context(connect()), app.clock
        )
        self.worker.serve(bot.platform)
        health.watch(bot)
        tune_garbage_collector()
        listening = bot.listening(app.store, app.intake(self.worker), self.worker)
        await self.listening.enter_async_context(listening)
        say(bot.described)
        return await bot.wait()


@asynccontextmanager
async def _http_server(settings: Settings, health: Health) -> AsyncGenerator[HttpServer, None]:
    from bots.slack.connection.http import HttpServer  # noqa: PLC0415 - slow to import

    secret = settings.slack_signing_secret.get_secret_value()
    server = HttpServer(settings.slack_port, secret, health.missing)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


def _slack(app: App, server: HttpServer | None = None) -> AbstractAsyncContextManager[Bot]:
    with loading():
        from bots.slack.app import connected  # noqa: PLC0415 - slow to import

    return connected(app.settings, app.clock, app.store, app.commands, server)


def _discord(app: App) -> AbstractAsyncContextManager[Bot]:
    with loading():
        from bots.discord.app import connected  # noqa: PLC0415 - slow to import

    return connected(app.settings, app.clock, app.store, app.commands)


def tune_garbage_collector() -> None:
    """Exempt everything loaded so far from garbage collection, and collect less often.

    A turn creates objects for everything it loads, which triggers collections. Without this,
    they took a tenth of its time, spent on modules and other objects that stay anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


async def _first_end(running: Sequence[Coroutine[Any, Any, int]]) -> int:
    """Return the exit code of the first coroutine to end, or raise its error; cancel the rest."""
    tasks = [asyncio.create_task(each) for each in running]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return max(task.result() for task in done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run_terminal(app: App, signals: Signals, thread: str) -> int:
    for line in await start_lines(app):
        say(line)
    model = model_for(app.settings)
    worker = app.worker(model, {})
    parts = BotParts(
        store=app.store,
        intake=app.intake(worker),
        commands=app.commands,
        clock=app.clock,
        user=app.settings.user,
        privacy=tuple(privacy.lines(app.settings, "terminal")),
    )
    try:
        terminal = await Terminal.open(parts, history_dir(), thread)
        worker.serve(terminal.platform)
        async with worker:
            code = await signals.run(_first_end([terminal.serve(), worker.wait()]))
            if code == INTERRUPTED:
                await _hand_back(worker)
        return code
    finally:
        await model.close()


async def _hand_back(worker: Worker) -> None:
    """End all turns at once, and release them so that another process can continue them."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HURRY_SECONDS):
            await worker.drain(grace_seconds=0)
