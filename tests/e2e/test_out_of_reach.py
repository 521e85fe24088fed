"""A platform that is out of reach when the program starts: tried until it is there, and named."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.e2e.discord_bot import TOKENS
from tests.e2e.on_both import ended, fake_discord, on_discord, on_slack, started, tokens
from tests.fakes.claude import FakeClaude
from tests.fakes.slack import FakeSlack
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.e2e.program import Program

PROMPT = 5.0
"""Seconds in which the program ends when it is told to, or can't work."""


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


async def test_an_outage_of_slacks_sockets_is_said_once_and_so_is_its_end(program: Program) -> None:
    port = free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=port, discord=1)
        del program.settings[TOKENS]
        async with FakeSlack(port=port) as slack:
            running = await program.start("run")
            await running.explained("Slack: connected by Socket Mode")
            await slack.connected(2, within=30)
        try:
            said = [await running.explained("")]
            await asyncio.sleep(6)  # slack-sdk tries again after five seconds
            async with FakeSlack(port=port) as slack:
                said.append(await running.explained(""))
                await slack.connected(2, within=30)
                await on_slack(slack)
                code, rest, _ = await ended(running, signal.SIGTERM)
        finally:
            await running.kill()
    assert [line.split(": ", 1)[1].strip() for line in said] == [
        "Slack's sockets are out of reach. They are tried until they are there.",
        "Slack's sockets are there again.",
    ]
    assert (code, rest) == (0, "")


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


async def test_too_many_sessions_on_discord_are_waited_out(program: Program) -> None:
    async with fake_discord() as discord, FakeClaude() as claude:
        discord.gateway.starts = 0
        tokens(program, claude, slack=1, discord=discord.port)
        del program.settings["SLACK_APP_TOKEN"], program.settings["SLACK_BOT_TOKEN"]
        async with started(program) as running:
            await running.explained("Discord lets the bot connect in 1440 minutes")
            discord.gateway.starts = 1000
            await running.explained("Discord: connected as")
            await on_discord(discord)
            assert (await ended(running, signal.SIGTERM))[0] == 0
        assert len(discord.gateway.identified) == 1
