"""One process on Slack and on Discord: both are answered, and it ends on both at once."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from tests.e2e.discord_bot import TOKENS
from tests.e2e.slack_bot import answers
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.e2e.program import Program


def on_both(program: Program, slack: FakeSlack, discord: FakeDiscord, claude: FakeClaude) -> None:
    program.settings |= {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "CHATBOT_SLACK_BASE_URL": slack.api_url,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "CHATBOT_DISCORD_BASE_URL": discord.api_url,
        TOKENS: discord.token,
    }


async def test_both_are_answered_and_what_runs_is_finished_when_it_is_told_to_stop(
    program: Program,
) -> None:
    async with FakeSlack() as slack, FakeDiscord() as discord, FakeClaude() as claude:
        on_both(program, slack, discord, claude)
        ann, ben = slack.person("ann"), discord.person("ben")
        here, there = slack.dm(ann), discord.dm(ben)
        running = await program.start("run")
        try:
            await slack.connected(2, within=30)
            await discord.connected(within=30)
            first = await slack.say(ann, here, "hello?")
            await slack.replies(here, first.ts)
            await discord.say(ben, there, "hello?")
            await discord.replies(there)
            gate = asyncio.Event()
            claude.next(Talk("Whole.", gate=gate), Talk("Whole.", gate=gate))
            asked = len(claude.requests)
            last = await slack.say(ann, here, "tell me")
            await discord.say(ben, there, "tell me")
            async with asyncio.timeout(30):
                while len(claude.requests) < asked + 2:
                    await asyncio.sleep(0.01)
            running.process.send_signal(signal.SIGTERM)
            gate.set()
            ended = await running.end()
        finally:
            await running.kill()
        assert (ended.code, ended.lines) == (0, [])
        assert [m.text for m in answers(slack, here, last.ts)] == ["Whole."]
        assert [m.content for m in discord.said_by_bot(there)][1:] == ["Whole."]
