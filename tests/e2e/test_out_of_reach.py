"""A platform that can't be reached when the program starts: tried until it is there, and named."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bots.discord.setup import doctor as discord_doctor
from bots.ops.finding import Level
from bots.settings.settings import Settings
from bots.slack.setup import doctor as slack_doctor
from core.domain.clock import SystemClock
from core.domain.errors import OutOfReachError
from tests.e2e.discord_bot import TOKENS
from tests.e2e.discord_bot import connecting as connecting_discord
from tests.e2e.on_both import TOKEN, ended, fake_discord, on_discord, on_slack, started, tokens
from tests.e2e.slack_bot import connecting
from tests.fakes.claude import FakeClaude
from tests.fakes.discord import Odd as OddDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.slack import Odd as OddSlack
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from tests.e2e.program import Program

PROMPT = 5.0
"""Seconds in which the program ends when it is told to, or can't work."""


@asynccontextmanager
async def proxy(
    port: int, status: int, page: str = "<html>down</html>", kind: str = "text/html"
) -> AsyncGenerator[list[str], None]:
    """Be a proxy that answers for a platform which is down; yield what was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if not status:
            await asyncio.sleep(60)
        return web.Response(status=status, body=page.encode(), headers={"Content-Type": kind})

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
            assert "Slack can't be reached" in await running.explained("can't be reached")
            await discord.connected(within=30)
            await on_discord(discord)
            async with FakeSlack(port=port) as slack:
                await slack.connected(2, within=30)
                await running.explained("Slack: connected by Socket Mode")
                await on_slack(slack)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert code == 0
    assert "can't be reached" not in rest


async def test_discord_comes_later_and_slack_is_answered_meanwhile(program: Program) -> None:
    port = free_port()
    async with FakeSlack() as slack, FakeClaude() as claude:
        tokens(program, claude, slack=slack.port, discord=port)
        async with started(program) as running:
            assert "Discord can't be reached" in await running.explained("can't be reached")
            await slack.connected(2, within=30)
            await on_slack(slack)
            async with fake_discord(port) as discord:
                await discord.connected(within=30)
                await running.explained("Discord: connected as")
                await on_discord(discord)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert code == 0
    assert "can't be reached" not in rest


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
        "Slack's sockets can't be reached; retrying.",
        "Slack's sockets can be reached again.",
    ]
    assert (code, rest) == (0, "")


@pytest.mark.parametrize("status", [503, 429])
async def test_a_proxy_that_answers_for_both_is_waited_out(program: Program, status: int) -> None:
    one, two = free_port(), free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        async with started(program) as running:
            async with proxy(one, status) as asked, proxy(two, status):
                said = [await running.explained("can't be reached") for _ in range(2)]
                async with asyncio.timeout(30):
                    while len(asked) < 3:  # it is tried again, and nothing more is said
                        await asyncio.sleep(0.05)
            async with FakeSlack(port=one) as slack, fake_discord(two) as discord:
                await slack.connected(2, within=30)
                await discord.connected(within=30)
                await on_slack(slack)
                await on_discord(discord)
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert sorted(line.split(": ")[1].split(" can't ")[0] for line in said) == ["Discord", "Slack"]
    assert (code, rest.count("can't be reached")) == (0, 0)


JSON = "application/json"
SHAPES = {
    "a page": ("<html>Sign in</html>", "text/html"),
    "text": ("hello", "text/plain"),
    "nothing": ("", JSON),
    "an empty object": ("{}", JSON),
    "a list": ("[]", JSON),
    "null": ("null", JSON),
    "a word": ('"hello"', JSON),
    "ok and no more": ('{"ok": true}', JSON),
    "the wrong types": ('{"ok": true, "user_id": 7, "team_id": [], "id": {}, "url": 5}', JSON),
    "half of it": ('{"ok": tr', JSON),
    "depth": ("[" * 5000, JSON),
}
TRIED = ("a page", "an empty object", "the wrong types")
"""Shapes that the whole program is shown; the rest are for its parts."""


@pytest.mark.parametrize(("page", "kind"), [SHAPES[name] for name in TRIED], ids=TRIED)
async def test_what_is_no_answer_of_the_platforms_is_a_sentence_and_waited_out(
    program: Program, page: str, kind: str
) -> None:
    one, two = free_port(), free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        async with proxy(one, 200, page, kind), proxy(two, 200, page, kind):
            checked = await program.run("doctor")
            live = [await program.run(place, module="tests.live") for place in ("C0123", "1" * 18)]
            async with started(program) as running:
                said = [await running.explained("can't be reached") for _ in range(2)]
                code, rest, _ = await ended(running, signal.SIGTERM)
    assert checked.code == 1
    assert "Traceback" not in checked.err + checked.out.decode() + rest
    assert [each.err.count("can't be reached") for each in live] == [1, 1]
    assert [each.code for each in live] == [1, 1]
    for name in ("Slack", "Discord"):
        assert [line for line in checked.lines if f"WRONG  {name}: " in line]
        assert [line for line in said if f"{name} can't be reached" in line]
    assert code == 0


async def test_an_address_that_is_none_is_a_sentence_and_asked_for_again(program: Program) -> None:
    async with FakeSlack() as slack, fake_discord() as discord, FakeClaude() as claude:
        odd = [
            OddSlack('{"ok": true}'),
            OddSlack("<html>", "text/html"),
            OddSlack('{"ok": true, "url": 7}'),
        ]
        slack.faults.next("apps.connections.open", *odd)
        for shape in ("{}", "[]", '{"url": 5, "shards": "x", "session_start_limit": null}'):
            discord.faults.next("GET /gateway/bot", OddDiscord(shape))
        tokens(program, claude, slack=slack.port, discord=discord.port)
        async with started(program) as running:
            said = [await running.explained("can't be reached") for _ in range(2)]
            await slack.connected(2, within=30)
            await discord.connected(within=30)
            await on_slack(slack)
            await on_discord(discord)
            code, rest, _ = await ended(running, signal.SIGTERM)
    assert sorted(line.split(": ")[1].split(" can't ")[0] for line in said) == ["Discord", "Slack"]
    assert (code, "Traceback" in rest) == (0, False)


@pytest.mark.parametrize("status", [None, 0])
async def test_it_ends_at_once_while_it_waits(program: Program, status: int | None) -> None:
    """Nothing listens; or what listens never answers."""
    one, two = free_port(), free_port()
    async with FakeClaude() as claude:
        tokens(program, claude, slack=one, discord=two)
        async with started(program) as running:
            if status is None:
                for _ in range(2):
                    await running.explained("can't be reached")
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
            await running.explained("lets it connect again in 1440 minutes")
            discord.gateway.starts = 1000
            await running.explained("Discord: connected as")
            await on_discord(discord)
            assert (await ended(running, signal.SIGTERM))[0] == 0
        assert len(discord.gateway.identified) == 1


@pytest.mark.parametrize(("page", "kind"), SHAPES.values(), ids=SHAPES)
async def test_nobody_logs_in_by_what_is_no_answer_of_the_platforms(page: str, kind: str) -> None:
    one, two = free_port(), free_port()
    given: dict[str, Any] = {
        "store": "memory://",
        "SLACK_BOT_TOKEN": FakeSlack().bot_token,
        "SLACK_APP_TOKEN": FakeSlack().app_token,
        TOKENS: TOKEN,
        "slack_base_url": f"http://127.0.0.1:{one}/api/",
        "discord_base_url": f"http://127.0.0.1:{two}/api/v10",
    }
    settings = Settings(**given)
    async with proxy(one, 200, page, kind), proxy(two, 200, page, kind):
        for name, connect, examine in (
            ("Slack", lambda given, _: connecting(given), slack_doctor.examined),
            ("Discord", connecting_discord, discord_doctor.examined),
        ):
            with pytest.raises(OutOfReachError, match=f"{name} can't be reached"):
                await enter(connect(settings, SystemClock()))
            found = [each async for each in examine(settings, SystemClock())]
            assert any(each.level is Level.WRONG for each in found)
            assert "Traceback" not in "".join(map(str, found))


async def enter(block: AbstractAsyncContextManager[object]) -> None:
    async with block:
        pass
