"""The real program on both platforms, which need not be there yet: for tests of that."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.e2e.discord_bot import TOKENS
from tests.fakes.claude import KEY, FakeClaude
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncGenerator

    from tests.e2e.program import Program, Running

TOKEN = "1.fake.token"


def tokens(program: Program, claude: FakeClaude, *, slack: int, discord: int) -> None:
    """Set the program up for fakes on these ports, whether or not they listen yet."""
    program.settings |= {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "CHATBOT_SLACK_BASE_URL": f"http://127.0.0.1:{slack}/api/",
        "SLACK_APP_TOKEN": FakeSlack().app_token,
        "SLACK_BOT_TOKEN": FakeSlack().bot_token,
        "CHATBOT_DISCORD_BASE_URL": f"http://127.0.0.1:{discord}/api/v10",
        TOKENS: TOKEN,
    }


def fake_discord(port: int = 0) -> FakeDiscord:
    fake = FakeDiscord(port=port)
    fake.token = TOKEN
    return fake


@asynccontextmanager
async def started(program: Program) -> AsyncGenerator[Running, None]:
    running = await program.start("run")
    try:
        yield running
    finally:
        await running.kill()


async def ended(running: Running, told: signal.Signals | None = None) -> tuple[int, str, float]:
    """Return the exit code, the rest of stderr, and how long the end took."""
    began = time.monotonic()
    if told:
        running.process.send_signal(told)
    end = await running.end()
    return end.code, end.err, time.monotonic() - began


async def on_slack(slack: FakeSlack) -> None:
    """Talk to the bot on Slack."""
    ann = slack.person("ann")
    asked = await slack.say(ann, slack.dm(ann), "hello?")
    await slack.replies(slack.dm(ann), asked.ts)


async def on_discord(discord: FakeDiscord) -> None:
    """Talk to the bot on Discord."""
    ben = discord.person("ben")
    await discord.say(ben, discord.dm(ben), "hello?")
    await discord.replies(discord.dm(ben))
