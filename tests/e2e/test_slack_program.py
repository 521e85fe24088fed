"""The real program on Slack: started by its tokens, killed in the middle of a reply, stopped."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tests.e2e.slack_bot import answers
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.slack import FakeSlack
from tests.servers import free_port

if TYPE_CHECKING:
    from tests.e2e.program import Program
    from tests.fakes.slack import Channel


def on_slack(program: Program, fake: FakeSlack, claude: FakeClaude) -> None:
    program.settings |= {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "CHATBOT_LEASE_SECONDS": "1",
        "CHATBOT_SLACK_BASE_URL": fake.api_url,
        "SLACK_APP_TOKEN": fake.app_token,
        "SLACK_BOT_TOKEN": fake.bot_token,
    }


def texts(fake: FakeSlack, channel: Channel, ts: str) -> list[str]:
    return [message.text for message in answers(fake, channel, ts)]


@pytest.mark.parametrize("streams", [True, False])
async def test_killed_in_the_middle_of_a_reply_the_next_leaves_exactly_one(
    program: Program, *, streams: bool
) -> None:
    async with FakeSlack() as fake, FakeClaude() as claude:
        if not streams:
            fake.faults.no_streaming()
        on_slack(program, fake, claude)
        ann = fake.person("ann")
        dm = fake.dm(ann)
        claude.next(Talk("Half of an answer, and then no more. " * 3, then="hang"), Talk("Whole."))
        first = await program.start("run")
        try:
            await fake.connected(2, within=30)
            asked = await fake.say(ann, dm, "tell me")
            await fake.until(lambda: answers(fake, dm, asked.ts), 30)
            await first.kill()
            second = await program.start("run")
            await fake.until(lambda: texts(fake, dm, asked.ts) == ["Whole."], 30)
            await fake.until(lambda: fake.session(dm, asked.ts) in {"", "active"})
        finally:
            await first.kill()
        second.process.send_signal(signal.SIGTERM)
        ended = await second.end()
        assert (ended.code, ended.lines) == (0, [])
        assert "Socket Mode" in ended.err
        assert texts(fake, dm, asked.ts) == ["Whole."]


async def test_over_http_it_answers_and_says_that_it_lives(program: Program) -> None:
    port = free_port()
    async with FakeSlack() as fake, FakeClaude() as claude:
        on_slack(program, fake, claude)
        del program.settings["SLACK_APP_TOKEN"]
        program.settings |= {
            "CHATBOT_SLACK_PORT": str(port),
            "SLACK_SIGNING_SECRET": fake.signing_secret,
        }
        ann = fake.person("ann")
        running = await program.start("run")
        try:
            await running.explained("/slack/events")
            push = await fake.use_http(f"http://127.0.0.1:{port}/slack/events")
            assert await push.verify()
            asked = await fake.say(ann, fake.dm(ann), "hello?")
            await fake.replies(fake.dm(ann), asked.ts)
            async with ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
                    assert (response.status, await response.text()) == (200, "ok")
                async with session.post(push.urls["events_api"], data=b"{}") as response:
                    assert response.status == 401
        finally:
            await running.kill()


async def test_half_of_the_tokens_are_not_enough(program: Program) -> None:
    program.settings["SLACK_BOT_TOKEN"] = "xoxb-1"
    ended = await program.run("run")
    assert ended.code == 2
    assert "SLACK_APP_TOKEN" in ended.err


async def test_a_token_that_slack_refuses_is_named(program: Program) -> None:
    async with FakeSlack() as fake, FakeClaude() as claude:
        on_slack(program, fake, claude)
        program.settings["SLACK_BOT_TOKEN"] = "xoxb-wrong"
        ended = await program.run("run")
    assert ended.code == 2
    assert "SLACK_BOT_TOKEN is refused by Slack: Slack does not know it (invalid_auth)" in ended.err
