"""The live trial on Discord, on a fake that is as we say, or is not."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bots.discord.ui.commands import commands
from tests.fakes.discord import Cut, FakeDiscord, Permission, Refused, Slow, compose
from tests.fakes.discord.faults import EDIT, POST, THREAD
from tests.fakes.discord.permissions import EVERYONE
from tests.live.discord.rules import RULES
from tests.replay.against_fake import differences
from tests.replay.record_from_our_fake import record_discord
from tests.replay.recording import DISCORD, from_fake, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.program import Ended, Program
    from tests.fakes.discord import Channel


@pytest.fixture
async def server(program: Program) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as found:
        program.settings |= {
            "CHATBOT_DISCORD_BASE_URL": found.api_url,
            "DISCORD_BOT_TOKEN": found.token,
        }
        yield found


@pytest.fixture
def general(server: FakeDiscord) -> Channel:
    return server.channel("general")


def differing(ended: Ended) -> list[str]:
    return [line for line in ended.lines if line.startswith("DIFFERS")]


async def test_a_fake_that_is_as_we_say_differs_in_nothing(
    server: FakeDiscord, general: Channel, program: Program
) -> None:
    url = f"{server.api_url}/applications/{server.bot.id}/commands"
    headers = {"Authorization": f"Bot {server.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        assert (await session.put(url, json=commands())).ok
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 0, ended
    assert differing(ended) == []
    assert "differ: 0; not tried: 0" in ended.lines[-1]
    named = {line.split()[1].rstrip(":") for line in ended.lines if line.startswith("same")}
    assert named == RULES.keys() - {"nonce-window"}
    assert server.said_by_bot() == []
    assert server.token not in ended.out.decode() + ended.err


async def test_its_recording_is_what_a_fake_answers_and_tells_not_whose_it_is(
    server: FakeDiscord, program: Program
) -> None:
    channel = server.channel("zoological")
    path = await record_discord(server, channel, program)
    recording, text = load(path), path.read_text()
    assert not await differences(recording)
    hidden = [server.token, server.url, "zoological", "home-owner", *server.users]
    hidden += [channel.id, server.home.id, *server.channels, *server.files]
    hidden += [str(command["id"]) for command in server.commands]
    assert [known for known in hidden if known in text] == []
    # The one that is committed is what the command writes today.
    advice = "run: python -m tests.replay.record_from_our_fake"
    committed = load(from_fake(DISCORD))
    assert recording.header["source"] == committed.header["source"]
    outlines = [
        [(exchange.route, exchange.error) for exchange in each.exchanges]
        for each in (recording, committed)
    ]
    assert outlines[0] == outlines[1], advice


async def test_without_the_right_to_a_thread_it_is_left_archived_and_said(
    server: FakeDiscord, general: Channel, program: Program
) -> None:
    server.home.roles[server.home.id].permissions = EVERYONE
    ended = await program.run(general.id, module="tests.live")
    assert server.said_by_bot() == []
    (thread,) = [c for c in server.channels.values() if c.parent == general.id]
    assert thread.thread is not None
    assert thread.thread.archived
    assert "1 of the probes' messages, or their thread, could not be removed" in ended.out.decode()
    await server.allow(general, Permission.MANAGE_THREADS)
    await program.run(general.id, module="tests.live")
    assert [c for c in server.channels.values() if c.parent == general.id] == [thread]


async def test_what_is_otherwise_is_found(
    server: FakeDiscord,
    general: Channel,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compose, "LONGEST", 1500)
    server.nonce_window, server.nonce_in_history = -1, True
    server.faults.next(THREAD, Cut(after=False))
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 1
    assert "A probe broke off: threads" in ended.out.decode()
    server.faults.next(THREAD, *[Refused(50024)] * 2)
    ended = await program.run(general.id, module="tests.live")
    assert any("thread-again" in line for line in differing(ended))
    ended = await program.run(general.id, module="tests.live")
    found = {line.split()[1].rstrip(":"): line for line in differing(ended)}
    assert found.keys() == {"content-length", "nonce-again", "nonce-hidden", "nonce-deleted"}
    assert "PATCH messages takes 1,500" in found["content-length"]
    assert server.said_by_bot() == []


async def test_a_nonce_that_is_good_for_too_short_is_found(
    server: FakeDiscord, general: Channel, program: Program
) -> None:
    server.nonce_window = 1
    ended = await program.run(general.id, "--nonce-expiry", module="tests.live")
    (line,) = differing(ended)
    assert "nonce-window" in line
    assert "it was good no more after 2 s" in line


async def test_what_it_posts_is_gone_when_it_is_stopped(
    server: FakeDiscord, general: Channel, program: Program
) -> None:
    server.faults.next(EDIT, Slow(20))
    running = await program.start(general.id, module="tests.live")
    async with asyncio.timeout(30):
        while not server.rest.made(EDIT):
            await asyncio.sleep(0.01)
    assert server.said_by_bot()
    running.process.send_signal(signal.SIGTERM)
    await running.end()
    assert server.said_by_bot() == []


async def test_where_it_can_not_post_it_says_so(
    server: FakeDiscord, general: Channel, program: Program
) -> None:
    server.faults.next(POST, Refused(50013))
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 2
    assert f"The channel {general.id} can't be used: 50013" in ended.err
    assert "Traceback" not in ended.err
