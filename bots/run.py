"""Running the bot: in the terminal, or on every platform whose tokens are set.

The only place that sees all platforms. What is slow to import is imported where it is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from bots.app import App, say, start_lines
from bots.parts import model_for
from bots.stop import Stop
from bots.terminal.app import INTERRUPTED, Terminal
from bots.terminal.seat import Bot as TerminalBot
from core.machine import data_dir

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from core.intake import Intake
    from core.platform import Platform
    from core.settings import Settings
    from core.store.port import Store
    from core.worker import Worker

_HURRY_SECONDS = 1.0
_YOUNG = 10_000
"""New objects after which garbage is collected: some turns' worth, and a megabyte or two."""


class Bot(Protocol):
    """The bot on one platform that it is connected to."""

    @property
    def platform(self) -> Platform:
        """Return where it posts."""

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
    stop = Stop()
    with stop.listening():
        async with await App.open(settings) as app:
            return await _run_platforms(app, stop)


async def chat(settings: Settings, thread: str = "") -> int:
    """Talk in the terminal until the input ends or it is told to stop; return the exit code."""
    stop = Stop()
    with stop.listening():
        async with await App.open(settings) as app:
            return await _run_terminal(app, stop, thread)


async def _run_platforms(app: App, stop: Stop) -> int:
    for line in await start_lines(app):
        say(line)
    model = model_for(app.settings)
    try:
        async with AsyncExitStack() as connections:
            bots = [await connections.enter_async_context(bot) for bot in _connections(app)]
            worker = app.worker(model, {bot.platform.name: bot.platform for bot in bots})
            async with worker:
                async with AsyncExitStack() as listening:
                    keep_loaded()
                    for bot in bots:
                        intake = app.intake(worker)
                        listens = bot.listening(app.store, intake, worker)
                        await listening.enter_async_context(listens)
                        say(bot.described)
                    code = await stop.or_end_of(_first_end(bots))
                if code == INTERRUPTED:
                    await _hurry(worker)
            return code
    finally:
        await model.close()


def _connections(app: App) -> Iterator[AbstractAsyncContextManager[Bot]]:
    """Yield a connection to each platform whose tokens are set, its commands registered."""
    if app.settings.slack:
        yield _on_slack(app)
    if app.settings.discord:
        yield _on_discord(app)


@asynccontextmanager
async def _on_slack(app: App) -> AsyncGenerator[Bot, None]:
    from bots.slack.app import connected  # noqa: PLC0415 - slow to import
    from bots.slack.commands import register  # noqa: PLC0415

    async with connected(app.settings, app.clock) as slack:
        register(slack, app.store, app.commands)
        yield slack


@asynccontextmanager
async def _on_discord(app: App) -> AsyncGenerator[Bot, None]:
    from bots.discord.app import connected  # noqa: PLC0415 - slow to import
    from bots.discord.commands import register  # noqa: PLC0415

    async with connected(app.settings, app.clock) as discord:
        register(discord, app.store, app.commands)
        yield discord


def keep_loaded() -> None:
    """Let the garbage collector pass over what is loaded by now: it stays as long as the program.

    A turn makes objects for all that is remembered, which brings on collections; a tenth of its
    time went into looking through modules and at what was still needed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


async def _first_end(bots: Sequence[Bot]) -> int:
    """Return the code of the first platform that the bot is thrown out of."""
    waiting = [asyncio.create_task(bot.wait()) for bot in bots]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return max(task.result() for task in done)
    finally:
        for task in waiting:
            task.cancel()


async def _run_terminal(app: App, stop: Stop, thread: str) -> int:
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
            code = await stop.or_end_of(terminal.serve())
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
