"""What the doctor says of Discord: before the fake, with the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bots.discord.setup.doctor import examined
from bots.discord.setup.manifest import invite_url
from bots.discord.ui.commands import commands
from bots.ops.finding import Level
from bots.settings.settings import Settings
from core.domain.clock import SystemClock
from tests.fakes.discord import FakeDiscord, Intent, Permission
from tests.fakes.discord.permissions import EVERYONE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bots.ops.finding import Finding

TOKEN = "DISCORD_BOT_TOKEN"


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as found:
        found.granted = Intent.MESSAGE_CONTENT
        found.channel("general")
        url = f"{found.api_url}/applications/{found.bot.id}/commands"
        headers = {"Authorization": f"Bot {found.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            assert (await session.put(url, json=commands())).ok
        found.rest.calls.clear()
        yield found


async def found(server: FakeDiscord | None, token: str = "", **more: Any) -> list[Finding]:
    given: dict[str, Any] = {"store": "memory://", **more}
    if server is not None:
        given |= {TOKEN: token or server.token, "discord_base_url": server.api_url}
    return [each async for each in examined(Settings(**given), SystemClock())]


def said(findings: list[Finding], level: Level) -> str:
    return "\n".join(str(finding) for finding in findings if finding.level is level)


async def test_a_good_setup_has_no_fault_and_changes_nothing(server: FakeDiscord) -> None:
    findings = await found(server)
    assert {finding.level for finding in findings} == {Level.FINE}, findings
    assert invite_url(server.bot.id) in said(findings, Level.FINE)
    assert server.token not in "\n".join(map(str, findings))
    assert {call.name.split()[0] for call in server.rest.calls} == {"GET"}
    assert not server.gateway.identified


async def test_apps_that_post_for_people_are_looked_up(server: FakeDiscord) -> None:
    kit, ann = server.other_bot("kit", server.home), server.person("ann")
    hook = "1300000000000000000"
    listed = f"{kit.id},{ann.id},{hook},{server.bot.id}"
    findings = await found(server, discord_proxies=listed)
    faults = said(findings, Level.WRONG)
    assert f"CHATBOT_DISCORD_PROXIES: {ann.id} is a person" in faults
    assert f"CHATBOT_DISCORD_PROXIES: {server.bot.id} is this bot itself" in faults
    assert "kit, which may post for people" in said(findings, Level.FINE)
    assert f"{hook} is the id of no bot" in said(findings, Level.NOTE)


async def test_nothing_set_is_no_fault() -> None:
    assert [finding.level for finding in await found(None)] == [Level.NOTE]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("123456789012345678", "holds an id"),
        ("0123456789abcdef" * 4, "holds the application's public key"),
        ("AbCdEfGhIjKlMnOpQrStUvWxYz012345", "holds a client secret"),
        ("hello", "holds something that is not a Discord token"),
        ("MTIz.abc.wrong", "is refused: Discord does not know it"),
    ],
)
async def test_a_wrong_token_is_named_and_never_printed(
    server: FakeDiscord, token: str, words: str
) -> None:
    findings = await found(server, token)
    assert words in said(findings, Level.WRONG)
    assert token not in "\n".join(map(str, findings))


async def test_discord_out_of_reach() -> None:
    given: dict[str, Any] = {TOKEN: "a.b.c", "discord_base_url": "http://127.0.0.1:9"}
    findings = [each async for each in examined(Settings(**given), SystemClock())]
    assert "can't be reached" in said(findings, Level.WRONG)


async def test_intents_that_are_missing_and_that_are_of_no_use(server: FakeDiscord) -> None:
    server.granted = Intent.GUILD_MEMBERS
    notes = said(await found(server), Level.NOTE)
    assert "runs in limited mode" in notes
    assert f"{server.bot.id}/bot, Privileged Gateway Intents" in notes
    assert "does not need these privileged intents: server members" in notes
    server.granted = Intent.MESSAGE_CONTENT
    notes = said(await found(server, discord_message_content=False), Level.NOTE)
    assert "as CHATBOT_DISCORD_MESSAGE_CONTENT says" in notes
    assert "does not need these privileged intents: message content" in notes


async def test_permissions_that_are_missing_on_a_server_and_in_a_channel(
    server: FakeDiscord,
) -> None:
    quiet = server.channel("quiet")
    hidden = server.channel("hidden")
    await server.deny(quiet, Permission.SEND_MESSAGES_IN_THREADS)
    await server.deny(hidden, Permission.VIEW_CHANNEL)
    findings = await found(server)
    assert said(findings, Level.WRONG) == ""
    (line,) = said(findings, Level.NOTE).splitlines()
    assert "in #quiet on home it lacks SEND_MESSAGES_IN_THREADS" in line
    role = server.home.roles[server.home.id]
    role.permissions = EVERYONE & ~Permission.ATTACH_FILES
    line = said(await found(server), Level.WRONG)
    assert "on home it lacks ATTACH_FILES (sends answers that are too long for messages" in line
    assert invite_url(server.bot.id) in line


async def test_no_server_and_too_many_starts() -> None:
    async with FakeDiscord() as server:
        del server.home.members[server.bot.id]
        server.gateway.starts = 0
        findings = await found(server)
        assert "it is on no server" in said(findings, Level.NOTE)
        assert "may connect 0 more times today, of 0, and needs 1" in said(findings, Level.WRONG)
        server.gateway.starts = 10
        server.gateway.shards = 4
        findings = await found(server, discord_shard_count=2)
        assert said(findings, Level.WRONG) == ""
        assert "may connect 10 more times today" in said(findings, Level.NOTE)
        assert "recommends 4 shards" in said(findings, Level.NOTE)


async def test_commands_that_are_of_another_version(server: FakeDiscord) -> None:
    server.commands.pop()
    assert "does not have its current commands" in said(await found(server), Level.NOTE)
    server.commands.clear()
    assert "has none of its commands" in said(await found(server), Level.NOTE)
