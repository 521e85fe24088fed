"""The real bot, with the real client of Discord, before a fake Discord: for tests of the whole."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bots.app import App
from bots.discord.app import Discord, connected
from bots.factories import memory_for
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import echo

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from core.domain.clock import Clock
    from core.intake.intake import Intake
    from core.models.port import Model
    from core.store.port import Store
    from core.worker.worker import Worker
    from tests.fakes.discord import FakeDiscord

TOKENS = "DISCORD_BOT_TOKEN"


@dataclass
class Bot:
    """One process's worth of the bot."""

    discord: Discord
    store: Store
    worker: Worker
    intake: Intake


def settings_for(fake: FakeDiscord, **more: Any) -> Settings:
    """Return the settings of a bot before this fake."""
    given: dict[str, Any] = {"store": "memory://", "grace_seconds": 1, TOKENS: fake.token, **more}
    return Settings(discord_base_url=fake.api_url, **given)


async def until_true(holds: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Wait until something holds that has to be asked for."""
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connecting(settings: Settings, clock: Clock) -> AsyncGenerator[Discord, None]:
    """Be on Discord for as long as the block lasts, without receiving events."""
    store = LocalStore(clock, lease_seconds=settings.lease_seconds)
    app = App(settings=settings, clock=clock, store=store, memory=memory_for(settings))
    async with connected(settings, clock, store, app.commands) as discord:
        yield discord


@asynccontextmanager
async def bot_on(
    fake: FakeDiscord,
    model: Model | None = None,
    *,
    store: Store | None = None,
    edit_interval: float = 0.05,
    **more: Any,
) -> AsyncGenerator[Bot, None]:
    """Run a bot for as long as the block lasts."""
    clock = SystemClock()
    settings = settings_for(fake, **more)
    store = store or LocalStore(clock, lease_seconds=settings.lease_seconds)
    app = App(settings=settings, clock=clock, store=store, memory=memory_for(settings))
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(connected(settings, clock, store, app.commands))
        platform = discord.platform
        platform._capabilities = replace(platform.capabilities, edit_interval=edit_interval)
        worker = app.worker(model or ScriptedModel(reply=echo), {platform.name: platform})
        await stack.enter_async_context(worker)
        intake = app.intake(worker)
        await stack.enter_async_context(discord.listening(store, intake, worker))
        await fake.connected()
        yield Bot(discord, store, worker, intake)
