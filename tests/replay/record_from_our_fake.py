"""Makes the recordings that stand in until there are real ones: of our own fakes, NOT real.

    python -m tests.replay.record_from_our_fake

They are what `python -m tests.live` writes, run as a process of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bots.discord.ui.commands import commands
from tests.e2e.program import Program
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord import Limited as LimitedByDiscord
from tests.fakes.discord.faults import EDIT
from tests.fakes.slack import FakeSlack, Limited
from tests.replay.recording import DISCORD, SLACK, from_fake

if TYPE_CHECKING:
    from tests.fakes.discord import Channel


async def record(slack: FakeSlack, program: Program) -> Path:
    """Run the live trial on a fake Slack; return where its recording is."""
    channel = slack.channel("zoological", slack.person("zebedee"))
    slack.faults.next("users.conversations", Limited(7))
    program.settings |= {
        "CHATBOT_SLACK_BASE_URL": slack.api_url,
        "CHATBOT_SLACK_PACE": "0",
        "SLACK_BOT_TOKEN": slack.bot_token,
    }
    return await _recorded(program, channel.id, "--rate-limits")


async def record_discord(discord: FakeDiscord, channel: Channel, program: Program) -> Path:
    """Run it on a fake Discord; return where its recording is."""
    discord.faults.next(EDIT, LimitedByDiscord())
    program.settings |= {
        "CHATBOT_DISCORD_BASE_URL": discord.api_url,
        "DISCORD_BOT_TOKEN": discord.token,
    }
    url = f"{discord.api_url}/applications/{discord.bot.id}/commands"
    headers = {"Authorization": f"Bot {discord.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        assert (await session.put(url, json=commands())).ok
    return await _recorded(program, channel.id)


async def _recorded(program: Program, *arguments: str) -> Path:
    ended = await program.run(*arguments, "--record", "to", module="tests.live")
    assert ended.code == 0, ended
    return next((program.home / "to").iterdir())


async def main() -> None:
    """Replace the recordings of the fakes."""
    with tempfile.TemporaryDirectory() as home:
        async with FakeSlack() as slack:
            shutil.copyfile(await record(slack, Program(Path(home))), from_fake(SLACK))
    with tempfile.TemporaryDirectory() as home:
        async with FakeDiscord() as discord:
            channel = discord.channel("zoological")
            path = await record_discord(discord, channel, Program(Path(home)))
            shutil.copyfile(path, from_fake(DISCORD))


if __name__ == "__main__":
    asyncio.run(main())
