"""What the doctor says of Slack: each fault planted in the fake is named, with how to repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bots.ops.finding import Finding, Level
from bots.settings.settings import Settings
from bots.slack.setup.doctor import examined
from bots.slack.setup.manifest import SCOPES, manifest
from core.domain.clock import SystemClock
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        server.configure(manifest("socket"))
        server.channel("general", server.person("ann"))
        yield server


async def found(slack: FakeSlack | None, **tokens: str) -> list[Finding]:
    """Examine a workspace with these tokens; those of the fake where none are given."""
    if slack is not None and not tokens:
        tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    given: dict[str, Any] = {"store": "memory://", **tokens}
    if slack is not None:
        given["slack_base_url"] = slack.api_url
    settings = Settings(**given)
    return [finding async for finding in examined(settings, SystemClock())]


def faults(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.level is Level.WRONG]


def notes(findings: list[Finding]) -> str:
    return "\n".join(str(finding) for finding in findings if finding.level is Level.NOTE)


async def test_a_good_setup_has_no_fault(slack: FakeSlack) -> None:
    findings = await found(slack)
    assert not faults(findings)
    assert "manifests/slack.socket.yaml" in notes(findings)
    assert any(f"all {len(SCOPES)} scopes" in str(finding) for finding in findings)


async def test_nothing_set_is_no_fault() -> None:
    assert [finding.level for finding in await found(None)] == [Level.NOTE]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ({"SLACK_APP_TOKEN": "xapp-1-A1-2-x"}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_SIGNING_SECRET": SECRET}, "SLACK_BOT_TOKEN is not set"),
    ],
)
async def test_a_token_that_is_missing_is_named(tokens: dict[str, str], words: str) -> None:
    async with FakeSlack() as server:
        assert words in "\n".join(faults(await found(server, **tokens)))


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-1-2", "SLACK_BOT_TOKEN contains a user's token"),
        ("SLACK_BOT_TOKEN", "xapp-1-A1-x", "SLACK_BOT_TOKEN contains an app-level token"),
        (
            "SLACK_BOT_TOKEN",
            "hello",
            "SLACK_BOT_TOKEN contains something that is not a Slack token",
        ),
        ("SLACK_BOT_TOKEN", "xoxe.xoxb-1", "expires after 12 hours"),
        ("SLACK_APP_TOKEN", "xoxb-1-2", "SLACK_APP_TOKEN contains a bot's token"),
        ("SLACK_SIGNING_SECRET", "xoxb-1-2", "SLACK_SIGNING_SECRET is a bot's token"),
        (
            "SLACK_SIGNING_SECRET",
            "0123",
            "SLACK_SIGNING_SECRET does not look like a signing secret",
        ),
    ],
)
async def test_a_token_in_the_wrong_place_is_named_and_never_printed(
    slack: FakeSlack, name: str, token: str, words: str
) -> None:
    given = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    findings = await found(slack, **given | {name: token})
    said = "\n".join(map(str, findings))
    assert words in "\n".join(faults(findings))
    if len(token) > 8:
        assert token not in said
    assert slack.bot_token not in said


async def test_neither_transport_and_both(slack: FakeSlack) -> None:
    findings = await found(slack, SLACK_BOT_TOKEN=slack.bot_token)
    assert "the settings don't say how events arrive" in faults(findings)[0]
    both = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    findings = await found(slack, **both, SLACK_SIGNING_SECRET=SECRET)
    assert "Socket Mode is used" in notes(findings)


async def test_scopes_that_are_missing_or_too_many(slack: FakeSlack) -> None:
    slack.install.scopes -= {"files:read"}
    slack.install.scopes |= {"admin"}
    findings = await found(slack)
    fault, *others = faults(findings)
    assert not others
    assert "files:read is missing (reads images" in fault
    assert "reinstall" in fault
    assert "the bot does not need: admin" in notes(findings)


async def test_a_token_that_is_refused(slack: FakeSlack) -> None:
    slack.install.active = False
    findings = await found(slack)
    assert "SLACK_BOT_TOKEN is refused: the app was removed" in "\n".join(faults(findings))


async def test_an_app_token_without_its_scope_or_of_another_app(slack: FakeSlack) -> None:
    slack.app_scopes.clear()
    assert "it lacks the scope connections:write" in faults(await found(slack))[0]
    slack.app_scopes.add("connections:write")
    slack.app_token = "xapp-1-A0OTHER001-fake"
    assert "belongs to another app (A0OTHER001)" in faults(await found(slack))[0]


async def test_slack_out_of_reach() -> None:
    given: dict[str, Any] = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    given |= {"store": "memory://", "slack_base_url": "http://127.0.0.1:9/api/"}
    settings = Settings(**given)
    findings = [finding async for finding in examined(settings, SystemClock())]
    assert "can't be reached" in faults(findings)[0]


@pytest.mark.parametrize("seconds", [600, -600])
async def test_a_clock_that_is_wrong(slack: FakeSlack, seconds: float) -> None:
    slack.advance(seconds)
    http = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": SECRET}
    assert "look too old, and are rejected" in faults(await found(slack, **http))[0]
    findings = await found(slack)
    assert not faults(findings)
    assert "the clock is " in notes(findings)


async def test_what_a_workspace_lacks_and_no_channel(slack: FakeSlack) -> None:
    slack.faults.no_streaming()
    slack.channels.clear()
    findings = await found(slack)
    assert not faults(findings)
    assert "no streaming" in notes(findings)
    assert "it is in no channel" in notes(findings)
    assert not slack.sessions


async def test_with_a_configuration_token_the_events_are_compared(slack: FakeSlack) -> None:
    both = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    both["SLACK_CONFIG_TOKEN"] = slack.config_token
    findings = await found(slack, **both)
    assert not faults(findings)
    assert any("set up as in manifests/slack.socket.yaml" in str(f) for f in findings)

    body = manifest("socket")
    body["settings"]["event_subscriptions"]["bot_events"].remove("message.im")
    body["settings"]["socket_mode_enabled"] = False
    body["settings"]["interactivity"]["is_enabled"] = False
    body["features"]["app_home"]["messages_tab_enabled"] = False
    body["features"]["shortcuts"].pop()
    body["features"]["slash_commands"].clear()
    slack.configure(body)
    said = "\n".join(faults(await found(slack, **both)))
    for words in ("message.im", "Socket Mode is off", "interactivity", "messages tab", "/chatbot"):
        assert words in said, words
    assert "Forget this thread" in said

    refused = await found(slack, **both | {"SLACK_CONFIG_TOKEN": "xoxe.xoxp-old"})
    assert "SLACK_CONFIG_TOKEN is refused: invalid_auth" in faults(refused)[0]
