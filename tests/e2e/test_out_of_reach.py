"""A platform that is out of reach when the program starts: tried until it is there, and named."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web

from tests.e2e.discord_bot import TOKENS
from tests.fakes.claude import KEY, FakeClaude
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.e2e.program import Program, Running

TOKEN = "1.fake.token"
PROMPT = 5.0
"""Seconds in which the program ends when it is told to, or can't work."""


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


@asynccontextmanager
async def proxy(port: int, status: int) -> AsyncGenerator[list[str], None]:
    """Be a proxy that answers for a platform which is down; yield what was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if not status:
            await asyncio.sleep(60)
        return web.Response(status=status, text="<html>down</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


async def test_slack_comes_later_and_discord_is_answered_meanwhile(program: Program) -> None:
    port = free_port()
    async with fake_discord() as discord, FakeClaude() as claude:
        tokens(program, claude, slack=port, discord=discord.port)
        async with started(program) as running:
            assert "Slack is out of reach" in await running.explained("out of reach")
            await discord.connected(within=30)
            await on_discord(discord)
            async with FakeSlack(port=port) as slack:
                await slack.connected(2, within=30)
                await running.explained("Slack: connected by Socket Mode")
                await on_slack(slack)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert code == 0
    assert "out of reach" not in rest


async def test_discord_comes_later_and_slack_is_answered_meanwhile(program: Program) -> None:
    port = free_port()
    async with FakeSlack() as slack, FakeClaude() as claude:
        tokens(program, claude, slack=slack.port, discord=port)
        async with started(program) as running:
            assert "Discord is out of reach" in await running.explained("out of reach")
            await slack.connected(2, within=30)
            await on_slack(slack)
            async with fake_discord(port) as discord:
                await discord.connected(within=30)
                await running.explained("Discord: connected as")
                await on_discord(discord)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert code == 0
    assert "out of reach" not in rest


@pytest.mark.parametrize("status", [503, 429])
async def test_a_proxy_that_answers_for_both_is_waited_out(program: Program, status: int) -> None:
    one, two = free_port(), free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        async with started(program) as running:
            async with proxy(one, status) as asked, proxy(two, status):
                said = [await running.explained("out of reach") for _ in range(2)]
                async with asyncio.timeout(30):
                    while len(asked) < 3:  # it is tried again, and nothing more is said
                        await asyncio.sleep(0.05)
            async with FakeSlack(port=one) as slack, fake_discord(two) as discord:
                await slack.connected(2, within=30)
                await discord.connected(within=30)
                await on_slack(slack)
                await on_discord(discord)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert sorted(line.split(": ")[1].split(" is ")[0] for line in said) == ["Discord", "Slack"]
    assert (code, rest.count("out of reach")) == (0, 0)


@pytest.mark.parametrize("status", [None, 0])
async def test_it_ends_at_once_while_it_waits(program: Program, status: int | None) -> None:
    """Nothing listens; or what listens never answers."""
    one, two = free_port(), free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        async with started(program) as running:
            if status is None:
                for _ in range(2):
                    await running.explained("out of reach")
                code, rest, took = await ended(running, signal.SIGTERM)
            else:
                async with proxy(one, status) as first, proxy(two, status) as second:
                    async with asyncio.timeout(30):
                        while not (first and second):
                            await asyncio.sleep(0.05)
                    code, rest, took = await ended(running, signal.SIGTERM)
    assert code == 0
    assert "ERROR" not in rest
    assert "Traceback" not in rest
    assert took < PROMPT


@pytest.mark.parametrize("wrong", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DISCORD_BOT_TOKEN"])
async def test_a_refused_token_ends_it_at_once_while_the_other_is_waited_for(
    program: Program, wrong: str
) -> None:
    down = free_port()
    async with FakeSlack() as slack, fake_discord() as discord, FakeClaude() as claude:
        here = slack.port if "SLACK" in wrong else discord.port
        ports = {"slack": here, "discord": down} if "SLACK" in wrong else {}
        tokens(program, claude, **(ports or {"slack": down, "discord": here}))
        program.settings[wrong] += "x"
        end = await program.run("run")
    assert end.code == 2
    said = [line for line in end.err.splitlines() if line.startswith("chatbot: ")]
    assert len(said) == 1
    assert f"{wrong} is refused by" in said[0]
    assert "Traceback" not in end.err


async def health(port: int) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/healthz"
    async with ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_the_health_page_says_who_is_not_connected(program: Program) -> None:
    one, two, port = free_port(), free_port(), free_port()
    events = f"http://127.0.0.1:{port}/slack/events"
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        del program.settings["SLACK_APP_TOKEN"]
        program.settings["CHATBOT_SLACK_PORT"] = str(port)
        program.settings["SLACK_SIGNING_SECRET"] = FakeSlack().signing_secret
        async with started(program) as running:
            for _ in range(2):
                await running.explained("out of reach")
            assert await health(port) == (503, "not connected: slack, discord")
            async with ClientSession() as session, session.post(events, data=b"{}") as response:
                assert response.status == 503  # Slack sends it again
            async with FakeSlack(port=one) as slack:
                await running.explained("/slack/events")
                assert await health(port) == (200, "ok, but not connected: discord")
                push = await slack.use_http(events)
                assert await push.verify()
                await on_slack(slack)
                async with fake_discord(two) as discord:
                    await running.explained("Discord: connected as")
                    assert await health(port) == (200, "ok")
                    discord.forget_sessions()
                    await discord.connected(within=30)
                    await discord.until(lambda: len(discord.delivery.connected) == 1)
                async with asyncio.timeout(10):
                    while await health(port) == (200, "ok"):
                        await asyncio.sleep(0.05)
                assert await health(port) == (200, "ok, but not connected: discord")
                code, _, _ = await ended(running, signal.SIGTERM)
    assert code == 0


async def test_a_port_that_is_taken_is_a_wrong_setting(program: Program) -> None:
    async with FakeSlack() as slack, FakeClaude() as claude:
        taken = slack.port
        tokens(program, claude, slack=taken, discord=1)
        del program.settings["SLACK_APP_TOKEN"], program.settings[TOKENS]
        program.settings["CHATBOT_SLACK_PORT"] = str(taken)
        program.settings["SLACK_SIGNING_SECRET"] = slack.signing_secret
        end = await program.run("run")
    assert end.code == 2
    assert end.err.splitlines()[-1].startswith(f"chatbot: CHATBOT_SLACK_PORT: port {taken}")
