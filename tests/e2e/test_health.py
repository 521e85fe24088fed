"""The page that says what of the bot is there, also before Slack is."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from bots.health import Health
from bots.run import run
from core.domain.errors import StoreRefusedError
from core.models.scripted import ScriptedModel
from core.worker.worker import Worker
from tests.e2e.discord_bot import TOKENS
from tests.e2e.on_both import ended, fake_discord, on_slack, started, tokens
from tests.e2e.slack_bot import settings_for
from tests.fakes.claude import FakeClaude
from tests.fakes.slack import FakeSlack
from tests.servers import free_port
from tests.world import World, message, until

if TYPE_CHECKING:
    import pytest

    from tests.e2e.program import Program


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
                await running.explained("can't be reached")
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


async def test_a_loop_that_breaks_ends_the_program_with_a_code_for_its_supervisor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words = "what somebody said"

    async def broken(_: Worker) -> None:
        raise KeyError(words)

    monkeypatch.setattr(Worker, "_claim_next", broken)
    async with FakeSlack() as fake:
        assert await run(settings_for(fake, "socket")) == 1
    assert "the loop that searches for work failed" in caplog.text
    assert words not in caplog.text


async def test_health_says_that_nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ScriptedModel("fine"))
    async with world.worker() as worker:
        health = Health(world.store, worker=worker)
        assert await health.missing() == ()
        await world.intake(worker).take(message(0))
        await world.settled()
        monkeypatch.setattr(world.store, "claim_any", lambda *_: 1 / 0)
        world.local.wake()
        async with asyncio.timeout(10):
            assert await worker.wait() == 1
        assert await health.missing() == ("worker",)


async def test_a_store_that_refuses_is_said_once_and_health_says_no(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(ScriptedModel("fine"))
    refusals = 0

    async def refuse(*_: object) -> None:
        nonlocal refusals
        refusals += 1
        raise StoreRefusedError("the Redis at redis is a read-only replica")

    async with world.worker() as worker:
        health = Health(world.store, worker=worker)
        with monkeypatch.context() as patch:
            for verb in ("claim_any", "advance", "accept"):
                patch.setattr(world.store, verb, refuse)
            world.local.wake()
            await until(lambda: refusals > 2)
            assert await health.missing() == ("store", "worker")
        await until(lambda: worker.works)
        assert await health.missing() == ()
        await world.intake(worker).take(message(0))
        await world.settled()
    assert caplog.text.count("read-only replica") == 1
    assert [r.levelname for r in caplog.records if r.name == "core.worker.worker"] == [
        "ERROR",
        "WARNING",
    ]
