"""The real bot, with the real clients of Slack, before a fake Slack: for tests of the whole."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bots.app import App
from bots.factories import memory_for
from bots.health import Health
from bots.settings.settings import Settings
from bots.slack.app import Slack, connected
from bots.slack.connection.http import HttpServer
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.prompt.tags import QUOTE
from core.store.local.store import LocalStore
from tests.prompts import newest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from core.intake.intake import Intake
    from core.models.port import Model, ModelRequest
    from core.store.port import Store
    from core.worker.worker import Worker
    from tests.fakes.slack import Channel, FakeSlack, Message

TRANSPORTS = ("socket", "http")


@dataclass
class Bot:
    """One process's worth of the bot."""

    slack: Slack
    store: Store
    worker: Worker
    intake: Intake


_QUOTE = re.compile(rf"^<{QUOTE} .*?^</{QUOTE}>$", re.MULTILINE | re.DOTALL)


def echo(request: ModelRequest) -> str:
    """Answer with what was said last, or if there were no words, with what was shown last."""
    shown = newest(request)
    lines = [*shown.splitlines(), *_QUOTE.sub("", shown).splitlines()]
    return f"re: {next(line for line in reversed(lines) if line and not line.startswith('<'))}"


def settings_for(fake: FakeSlack, transport: str, **more: Any) -> Settings:
    """Return the settings of a bot before this fake."""
    tokens: dict[str, Any] = {"SLACK_BOT_TOKEN": fake.bot_token}
    if transport == "socket":
        tokens["SLACK_APP_TOKEN"] = fake.app_token
    else:
        tokens["SLACK_SIGNING_SECRET"] = fake.signing_secret
    given = {"store": "memory://", "slack_pace": 0, "slack_port": 0, "grace_seconds": 1, **more}
    return Settings(slack_base_url=fake.api_url, **tokens, **given)


def connecting(settings: Settings) -> AbstractAsyncContextManager[Slack]:
    """Return the connection of a bot with these settings, which does not listen yet."""
    clock = SystemClock()
    store = LocalStore(clock, lease_seconds=settings.lease_seconds)
    app = App(settings=settings, clock=clock, store=store, memory=memory_for(settings))
    return connected(settings, clock, store, app.commands)


@asynccontextmanager
async def bot_on(
    fake: FakeSlack,
    model: Model | None = None,
    *,
    transport: str = "socket",
    store: Store | None = None,
    edit_interval: float = 0.05,
    stream_life: float = 240,
    **more: Any,
) -> AsyncGenerator[Bot, None]:
    """Run a bot for as long as the block lasts."""
    clock = SystemClock()
    settings = settings_for(fake, transport, **more)
    store = store or LocalStore(clock, lease_seconds=settings.lease_seconds)
    app = App(settings=settings, clock=clock, store=store, memory=memory_for(settings))
    async with AsyncExitStack() as stack:
        server = None
        if transport == "http":
            secret = settings.slack_signing_secret.get_secret_value()
            server = HttpServer(settings.slack_port, secret, Health(store).missing)
            await server.open()
            stack.push_async_callback(server.close)
        slack = await stack.enter_async_context(
            connected(settings, clock, store, app.commands, server)
        )
        platform = slack.platform
        platform._capabilities = replace(platform.capabilities, edit_interval=edit_interval)
        platform._streams._life = stream_life
        worker = app.worker(model or ScriptedModel(reply=echo), {platform.name: platform})
        await stack.enter_async_context(worker)
        intake = app.intake(worker)
        await stack.enter_async_context(slack.listening(store, intake, worker))
        if slack.server is not None:
            await fake.use_http(f"http://127.0.0.1:{slack.server.port}/slack/events")
        else:
            await fake.connected(2)
        yield Bot(slack, store, worker, intake)


def answers(fake: FakeSlack, channel: Channel, ts: str) -> list[Message]:
    """Return what the bot has said in a thread."""
    return [m for m in fake.thread(channel, ts)[1:] if m.by_app]
