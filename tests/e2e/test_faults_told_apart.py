"""An outage, a wrong address, a rate limit and a refused token, each as what it is.

Said by the doctor, and when the bot begins: what passes is waited for, what does not ends it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from bots.discord.setup import doctor as discord_doctor
from bots.ops.doctor import examined as examined_all
from bots.ops.finding import Level
from bots.settings.settings import Settings
from bots.slack.setup import doctor as slack_doctor
from core.domain.clock import SystemClock
from core.domain.errors import OutOfReachError, SettingsError
from tests.e2e.discord_bot import TOKENS
from tests.e2e.discord_bot import connecting as connecting_discord
from tests.e2e.discord_bot import settings_for as discord_settings
from tests.e2e.slack_bot import connecting
from tests.e2e.slack_bot import settings_for as slack_settings
from tests.fakes.claude import KEY, FakeClaude, Refusal
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import Limited as DiscordLimited
from tests.fakes.discord.faults import Refused as DiscordRefused
from tests.fakes.discord.faults import Status as DiscordStatus
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Limited, Odd, Refused, Status

if TYPE_CHECKING:
    from bots.ops.finding import Finding

NOT_THE_TOKEN = ("is refused:", "reinstall", "Reinstall", "Create an app-level token")


def said(findings: list[Finding], about: str) -> str:
    return "\n".join(str(f) for f in findings if f.level is not Level.FINE and f.about == about)


# --- Slack ----------------------------------------------------------------------------------------

SLACK: dict[str, tuple[Any, str, type[Exception], str]] = {
    "an outage": (Status(503), "has an outage", OutOfReachError, "status 503"),
    "another outage": (Status(502), "has an outage", OutOfReachError, "status 502"),
    "an outage in a word": (
        Refused("internal_error"),
        "has an outage (internal_error)",
        OutOfReachError,
        "internal_error",
    ),
    "an outage in another word": (
        Refused("service_unavailable"),
        "slack-status.com",
        OutOfReachError,
        "service_unavailable",
    ),
    "a wrong path": (Status(404), "CHATBOT_SLACK_BASE_URL", OutOfReachError, "no Web API at this"),
    "a proxy": (
        Status(407),
        "something between here and Slack",
        OutOfReachError,
        "something between",
    ),
    "a page": (
        Odd("<html>", "text/html"),
        "not an answer from Slack",
        OutOfReachError,
        "not an answer from",
    ),
    "a rate limit": (
        Limited(33),
        "Run the doctor again in 33 seconds",
        OutOfReachError,
        "called too often",
    ),
    "a rate limit in a word": (
        Refused("ratelimited"),
        "is called too often (ratelimited)",
        OutOfReachError,
        "called too often",
    ),
    "a move": (
        Refused("team_added_to_org"),
        "is being moved",
        OutOfReachError,
        "team_added_to_org",
    ),
    "a word that nobody knows": (
        Refused("brand_new_error"),
        "does not say that the token is the cause (brand_new_error)",
        OutOfReachError,
        "brand_new_error",
    ),
}
TOKENS_REFUSED = ("account_inactive", "invalid_auth", "not_allowed_token_type", "token_revoked")


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
@pytest.mark.parametrize("what", SLACK)
async def test_on_slack_the_doctor_tells_it_from_a_refused_token(what: str, method: str) -> None:
    fault, words, _, _ = SLACK[what]
    async with FakeSlack() as fake:
        fake.faults.next(method, fault)
        settings = slack_settings(fake, "socket")
        findings = [each async for each in slack_doctor.examined(settings, SystemClock())]
    told = said(findings, "Slack")
    assert words in told
    (finding,) = [each for each in findings if words in str(each)]
    assert finding.level is (Level.NOTE if "rate limit" in what else Level.WRONG)
    assert not any(each in str(finding) for each in NOT_THE_TOKEN)


@pytest.mark.parametrize("what", SLACK)
async def test_on_slack_the_bot_waits_for_what_passes(what: str) -> None:
    fault, _, kind, words = SLACK[what]
    async with FakeSlack() as fake:
        fake.faults.every(1, fault, {"auth.test"})
        async with AsyncExitStack() as stack:
            with pytest.raises(kind, match="can't be reached") as raised:
                await stack.enter_async_context(connecting(slack_settings(fake, "socket")))
    assert words in str(raised.value)
    assert isinstance(raised.value, OutOfReachError)
    if what == "a rate limit":
        assert raised.value.retry_after == pytest.approx(33, abs=1)


@pytest.mark.parametrize("code", TOKENS_REFUSED)
@pytest.mark.parametrize(
    ("method", "name"),
    [("auth.test", "SLACK_BOT_TOKEN"), ("apps.connections.open", "SLACK_APP_TOKEN")],
)
async def test_on_slack_a_refused_token_is_named(code: str, method: str, name: str) -> None:
    async with FakeSlack() as fake:
        fake.faults.every(1, Refused(code), {method})
        settings = slack_settings(fake, "socket")
        findings = [each async for each in slack_doctor.examined(settings, SystemClock())]
        assert f"{name} is refused:" in said(findings, "Slack")
        assert f"({code})" in said(findings, "Slack")
        if method == "auth.test":
            async with AsyncExitStack() as stack:
                with pytest.raises(SettingsError, match=f"{name} is refused by Slack"):
                    await stack.enter_async_context(connecting(settings))


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("ekm_access_denied", "Ask the workspace's administrators"),
        ("enterprise_is_restricted", "Ask the organisation's administrators"),
        ("team_access_not_granted", "Ask the organisation's administrators"),
        ("two_factor_setup_required", "Set up two-factor authentication"),
    ],
)
@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_on_slack_the_doctor_says_who_can_mend_it(code: str, cure: str, method: str) -> None:
    async with FakeSlack() as fake:
        fake.faults.every(1, Refused(code), {method})
        settings = slack_settings(fake, "socket")
        findings = [each async for each in slack_doctor.examined(settings, SystemClock())]
    (finding,) = [str(each) for each in findings if f"({code})" in str(each)]
    assert cure in finding
    assert "Reinstall" not in finding
    assert "nstall the app" not in finding


# --- Discord --------------------------------------------------------------------------------------

ME = "GET /users/@me"
DISCORD: dict[str, tuple[Any, str, str]] = {
    "an outage": (
        DiscordStatus(503),
        "Change nothing here",
        "fault of its own just now (status 503)",
    ),
    "a wrong path": (DiscordStatus(404), "CHATBOT_DISCORD_BASE_URL", "no API at this address"),
    "a proxy": (DiscordStatus(407), "something on the way", "something on the way"),
    "a wall": (DiscordStatus(403), "something on the way", "something on the way"),
    "a rate limit": (
        DiscordLimited(77, everywhere=True),
        "Run the doctor again in 77 seconds",
        "asked too often",
    ),
    "a ban for a while": (DiscordStatus(429), "is asked too often", "asked too often"),
    "a refusal": (DiscordRefused(50001), "does not say that it is the token", "status 403"),
}


@pytest.mark.parametrize("what", DISCORD)
async def test_on_discord_the_doctor_tells_it_from_a_refused_token(what: str) -> None:
    fault, words, _ = DISCORD[what]
    async with FakeDiscord() as fake:
        fake.faults.every(1, fault, {ME})
        findings = [
            each async for each in discord_doctor.examined(discord_settings(fake), SystemClock())
        ]
    told = said(findings, "Discord")
    assert words in told
    assert "is refused" not in told
    assert "Reset Token" not in told


@pytest.mark.parametrize("what", DISCORD)
async def test_on_discord_the_bot_waits_for_what_passes(what: str) -> None:
    fault, _, words = DISCORD[what]
    async with FakeDiscord() as fake:
        fake.faults.every(1, fault, {ME})
        async with AsyncExitStack() as stack:
            with pytest.raises(OutOfReachError, match="Discord can't be reached") as raised:
                await stack.enter_async_context(
                    connecting_discord(discord_settings(fake), SystemClock())
                )
    assert words in str(raised.value)
    if what == "a rate limit":
        assert raised.value.retry_after == pytest.approx(77, abs=1)


async def test_on_discord_a_refused_token_is_named() -> None:
    async with FakeDiscord() as fake:
        fake.faults.every(1, DiscordStatus(401), {ME})
        settings = discord_settings(fake)
        findings = [each async for each in discord_doctor.examined(settings, SystemClock())]
        assert "DISCORD_BOT_TOKEN is refused: Discord does not know it" in said(findings, "Discord")
        async with AsyncExitStack() as stack:
            with pytest.raises(SettingsError, match="DISCORD_BOT_TOKEN is refused by Discord"):
                await stack.enter_async_context(
                    connecting_discord(discord_settings(fake), SystemClock())
                )


# --- the model and the store ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "words", "repairs"),
    [
        (Refusal(529, "overloaded_error"), "overloaded", "status.claude.com"),
        (Refusal(500, "api_error"), "an internal error", "status.claude.com"),
        (Refusal(503), "an internal error", "status.claude.com"),
        (
            Refusal(429, "rate_limit_error", headers={"retry-after": "7"}),
            "rate limit",
            "status.claude.com",
        ),
        (Refusal(401, "authentication_error"), "refused the API key", "ANTHROPIC_API_KEY"),
        (Refusal(404), "no Claude at this address", "ANTHROPIC_BASE_URL"),
        (
            Refusal(404, "not_found_error", "model: claude-sonnet-5-5"),
            "no model called",
            "CHATBOT_MODEL",
        ),
    ],
)
async def test_of_the_model_the_doctor_says_what_passes_and_what_does_not(
    refusal: Refusal, words: str, repairs: str
) -> None:
    async with FakeClaude() as claude:
        claude.next(*[refusal] * 9)
        given: dict[str, Any] = {
            "store": "memory://",
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude.url,
        }
        findings = [each async for each in examined_all(Settings(**given), SystemClock())]
    told = said(findings, "Model")
    assert words in told
    assert repairs in told
    passes = "This may be temporary" in told
    assert passes == (repairs == "status.claude.com")


async def test_of_a_store_that_is_down_the_doctor_says_that_it_may_be_waited_for() -> None:
    given: dict[str, Any] = {"store": "redis://127.0.0.1:9/0", "model": "offline", TOKENS: ""}
    findings = [each async for each in examined_all(Settings(**given), SystemClock())]
    assert "If the server is down or starting, wait for it" in said(findings, "Store")
