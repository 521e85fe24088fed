"""The live trial as a process of its own, on a fake that is as we say, or is not."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.slack import Cut, FakeSlack, Limited, Slow
from tests.live.slack.rules import RULES
from tests.replay.against_fake import differences
from tests.replay.record_from_our_fake import record
from tests.replay.recording import SLACK, Recording, from_fake, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.program import Ended, Program
    from tests.fakes.slack import Channel


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
def general(slack: FakeSlack, program: Program) -> Channel:
    program.settings |= {
        "CHATBOT_SLACK_BASE_URL": slack.api_url,
        "CHATBOT_SLACK_PACE": "0",
        "SLACK_BOT_TOKEN": slack.bot_token,
    }
    return slack.channel("general", slack.person("ann"))


def differing(ended: Ended) -> list[str]:
    return [line for line in ended.lines if line.startswith("DIFFERS")]


def outline(recording: Recording) -> list[tuple[str, str]]:
    return [(exchange.method, exchange.error) for exchange in recording.exchanges]


async def test_a_fake_that_is_as_we_say_differs_in_nothing(
    slack: FakeSlack, program: Program
) -> None:
    path = await record(slack, program)
    assert not slack.said_by_app()
    assert all(file.gone for file in slack.files.values())
    recording = load(path)
    assert recording.header["source"].startswith("not Slack")
    assert not await differences(recording)
    # The one that is committed is what the command writes today.
    advice = "run: python -m tests.replay.record_from_our_fake"
    assert outline(recording) == outline(load(from_fake(SLACK))), advice


async def test_a_recording_does_not_tell_whose_it_is(slack: FakeSlack, program: Program) -> None:
    slack.team.name, slack.team.domain = "Umbrella", "umbrella-corp"
    text = (await record(slack, program)).read_text()
    hidden = [
        slack.bot_token,
        slack.app_token,
        slack.url,
        "Umbrella",
        "umbrella",
        "zebedee",
        "Zebedee",
    ]
    hidden += [*slack.teams, *slack.channels, *slack.files, slack.bot.id, slack.bot.bot_id]
    hidden += [user for user in slack.users if user != "USLACKBOT"]
    hidden += ["zoological"]
    assert [known for known in hidden if known in text] == []


@pytest.mark.parametrize(("rule", "limit", "found"), [("text-length", 3_000, "3,000")])
async def test_a_limit_that_is_lower_is_found(
    slack: FakeSlack, program: Program, general: Channel, rule: str, limit: int, found: str
) -> None:
    slack.rules[rule] = replace(RULES[rule], limit=limit)
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 1
    (line,) = differing(ended)
    assert f"{rule}: we say that a text longer than 4,000" in line
    assert f"chat.update takes {found}, and then chat.update answered msg_too_long" in line


async def test_a_limit_that_is_higher_is_found(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.rules["header-length"] = replace(RULES["header-length"], limit=400)
    slack.rules["text-length"] = replace(RULES["text-length"], limit=10**9)
    header, text = sorted(differing(await program.run(general.id, module="tests.live")))
    assert "chat.update takes 400, and then" in header
    assert "and more" in text


async def test_an_error_of_another_name_is_told(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.rules["stream-over"] = replace(RULES["stream-over"], error="stream_gone")
    (line,) = differing(await program.run(general.id, module="tests.live"))
    assert "chat.appendStream answered stream_gone" in line


async def test_a_workspace_without_streaming_is_told(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.faults.no_streaming()
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 1
    (line,) = differing(ended)
    assert "chat.startStream answered unknown_method" in line
    assert sum(line.startswith("not tried stream-") for line in ended.lines) == 11
    assert not slack.said_by_app()


async def test_a_stream_that_ends_early_is_told(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.rules["stream-life"] = replace(RULES["stream-life"], limit=1)
    ended = await program.run(general.id, "--stream-expiry", module="tests.live")
    (line,) = differing(ended)
    assert "stream-life" in line
    assert "it ended within" in line


async def test_an_event_that_is_missing_is_told(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.events.discard("agent_session_stopped")
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 0
    assert "not subscribed to agent_session_stopped" in ended.out.decode()


async def test_a_limit_of_rate_is_looked_at(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.faults.next("users.conversations", Limited(7))
    ended = await program.run(general.id, "--rate-limits", module="tests.live")
    assert not differing(ended)
    assert any(line.startswith("same") and "rate-limit" in line for line in ended.lines)


async def test_what_it_posts_is_gone_when_answers_are_lost(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.faults.next("chat.update", Cut())
    slack.faults.next("chat.appendStream", Cut())
    slack.faults.next("files.completeUploadExternal", Cut(after=False))
    ended = await program.run(general.id, module="tests.live")
    assert ended.code == 1
    assert ended.out.decode().count("A probe broke off: ") == 3
    assert not slack.said_by_app()


async def test_what_it_posts_is_gone_when_it_is_stopped(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    slack.faults.next("chat.update", Slow(20))
    running = await program.start(general.id, module="tests.live")
    async with asyncio.timeout(30):
        while not slack.web.made("chat.update"):
            await asyncio.sleep(0.01)
    assert slack.said_by_app()
    running.process.send_signal(signal.SIGTERM)
    await running.end()
    assert not slack.said_by_app()


async def test_where_it_can_t_post_it_says_so(
    slack: FakeSlack, program: Program, general: Channel
) -> None:
    ended = await program.run("C0NOWHERE0", module="tests.live")
    assert ended.code == 2
    assert "The channel C0NOWHERE0 can't be used: channel_not_found" in ended.err
    assert "Traceback" not in ended.err


async def test_in_a_direct_message_it_works_as_well(slack: FakeSlack, program: Program) -> None:
    program.settings |= {
        "CHATBOT_SLACK_BASE_URL": slack.api_url,
        "CHATBOT_SLACK_PACE": "0",
        "SLACK_BOT_TOKEN": slack.bot_token,
    }
    dm = slack.dm(slack.person("ann"))
    ended = await program.run(dm.id, "--record", "to", module="tests.live")
    assert ended.code == 0, ended
    (path,) = (program.home / "to").iterdir()
    assert json.loads(path.read_text().splitlines()[0])["roles"]["direct"] is True
    assert not await differences(load(path))
