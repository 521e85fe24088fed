"""Running the bot: in the terminal, or on every platform whose tokens are set.

The only place that sees all platforms. What is slow to import is imported where it is used.
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
from bots.connect_retry import until_there
from bots.factories import model_for
from bots.health import Connected, Health
from bots.settings.environment import data_dir
from bots.signals import Signals
from bots.terminal.app import INTERRUPTED, Terminal
from bots.terminal.session import Bot as TerminalBot
from core.commands.temp_files import swept

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
_YOUNG = 50_000
"""New objects after which garbage is collected: many turns' worth, and about ten megabytes.

With a thousand threads at once, collections took 4 % of the time at 10,000, and 1 % so.
"""


class Bot(Connected, Protocol):
    """The bot on one platform that it is connected to."""

    @property
    def described(self) -> str:
        """Return a line on how people's messages get there."""

    def listening(
        self, store: Store, intake: Intake, worker: Worker
    ) -> AbstractAsyncContextManager[None]:
        """Hear what people say, for as long as the block lasts."""

    async def wait(self) -> int:
        """Return an exit code when the platform has thrown the bot out; never before."""


async def run(settings: Settings) -> int:
    """Run the bot where its tokens say, else in the terminal, until it is told to stop.

    Returns the exit code.
    """
    if not (settings.slack or settings.discord):
        return await chat(settings)
    stop = Signals()
    with stop.listening():
        async with await App.open(settings) as app, swept(app.clock):
            return await _run_platforms(app, stop)


async def chat(settings: Settings, thread: str = "") -> int:
    """Talk in the terminal until the input ends or it is told to stop; return the exit code."""
    stop = Signals()
    with stop.listening():
        async with await App.open(settings) as app, swept(app.clock):
            return await _run_terminal(app, stop, thread)


async def _run_platforms(app: App, stop: Signals) -> int:
    for line in await start_lines(app):
        say(line)
    model = model_for(app.settings)
    worker = app.worker(model, {})
    try:
        async with AsyncExitStack() as connections:
            async with worker:
                async with AsyncExitStack() as listening:
                    joining = PlatformStarter(app, worker, connections, listening)
                    code = await stop.or_end_of(_first_end(await joining.all()))
                if code == INTERRUPTED:
                    await _hurry(worker)
            return code
    finally:
        await model.close()


@dataclass(frozen=True, slots=True)
class PlatformStarter:
    """Lets the bot be on its platforms, on each as soon as that is there."""

    app: App
    worker: Worker
    connections: AsyncExitStack
    """What has to last until the last turn has ended."""
    listening: AsyncExitStack
    """What ends before that, so that no further turn begins."""

    async def all(self) -> list[Coroutine[Any, Any, int]]:
        """Return what is to run for each platform whose tokens are set."""
        settings = self.app.settings
        connects: dict[str, Callable[[], AbstractAsyncContextManager[Bot]]] = {}
        if settings.slack:
            connects["slack"] = partial(_on_slack, self.app)
        if settings.discord:
            connects["discord"] = partial(_on_discord, self.app)
        health = Health(self.app.store, connects, worker=self.worker, clock=self.app.clock)
        if settings.slack and not settings.slack_app_token.get_secret_value():
            door = await self.connections.enter_async_context(_open_door(settings, health))
            connects["slack"] = partial(_on_slack, self.app, door)
        return [self.worker.wait(), *(self._join(each, health) for each in connects.values())]

    async def _join(
        self, connect: Callable[[], AbstractAsyncContextManager[Bot]], health: Health
    ) -> int:
        """Be on a platform; return an exit code when it has thrown the bot out, never before."""
        app = self.app
        bot = await until_there(lambda: self.connections.enter_async_context(connect()), app.clock)
        self.worker.serve(bot.platform)
        health.watch(bot)
        keep_loaded()
        listens = bot.listening(app.store, app.intake(self.worker), self.worker)
        await self.listening.enter_async_context(listens)
        say(bot.described)
        return await bot.wait()


@asynccontextmanager
async def _open_door(settings: Settings, health: Health) -> AsyncGenerator[HttpServer, None]:
    from bots.slack.connection.http import HttpServer  # noqa: PLC0415 - slow to import

    door = HttpServer(settings.slack_port, health.missing)
    await door.open()
    try:
        yield door
    finally:
        await door.close()


@asynccontextmanager
async def _on_slack(app: App, door: HttpServer | None = None) -> AsyncGenerator[Bot, None]:
    from bots.slack.app import connected  # noqa: PLC0415 - slow to import

    async with connected(app.settings, app.clock, app.store, app.commands, door) as slack:
        yield slack


@asynccontextmanager
async def _on_discord(app: App) -> AsyncGenerator[Bot, None]:
    from bots.discord.app import connected  # noqa: PLC0415 - slow to import

    async with connected(app.settings, app.clock, app.store, app.commands) as discord:
        yield discord


def keep_loaded() -> None:
    """Let the garbage collector pass over what is loaded by now: it stays as long as the program.

    A turn makes objects for all that is remembered, which brings on collections; a tenth of its
    time went into looking through modules and at what was still needed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


async def _first_end(running: Sequence[Coroutine[Any, Any, int]]) -> int:
    """Return the code of the first platform that the bot is thrown out of; raise what it did."""
    tasks = [asyncio.create_task(each) for each in running]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return max(task.result() for task in done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run_terminal(app: App, stop: Signals, thread: str) -> int:
    for line in await start_lines(app):
        say(line)
    model = model_for(app.settings)
    terminal = Terminal(data_dir())
    worker = app.worker(model, {terminal.platform.name: terminal.platform})
    bot = TerminalBot(
        store=app.store,
        intake=app.intake(worker),
        commands=app.commands,
        clock=app.clock,
        user=app.settings.user,
    )
    try:
        await terminal.open(bot, thread)
        async with worker:
            code = await stop.or_end_of(_first_end([terminal.serve(), worker.wait()]))
            if code == INTERRUPTED:
                await _hurry(worker)
        return code
    finally:
        await model.close()


async def _hurry(worker: Worker) -> None:
    """End all turns at once; they are handed back, so that they can go on later."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HURRY_SECONDS):
            await worker.drain(grace_seconds=0)
