"""Diagnosing the bot's setup in Slack: tokens, scopes, events, channels, the clock.

It changes nothing in the workspace; probes that post are in `tests.live.slack`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bots.ops.finding import fine, note, wrong
from bots.slack.api import guarded_session, web_client
from bots.slack.faults import ODD, STATUS_PAGE, TOKEN_CODES, Fault, fault_of, retry_after
from bots.slack.setup.doctor_checks import ABOUT, about_app, app_of, shapes
from bots.slack.setup.manifest import SCOPES
from core.domain.errors import broke
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bots.ops.finding import Finding
    from bots.settings.settings import Settings
    from core.domain.clock import Clock

SIGNED_SECONDS = 300
"""How old a signed request may be (docs: authentication/verifying-requests-from-slack)."""
_SKEW_NOTED = 30
"""Seconds by which the clock may differ from Slack's without a note."""
_TIMEOUT = 15.0
"""Seconds for one call."""
_NOWHERE = "C0000000000"
"""A channel that does not exist: a call on it shows whether the method exists, and does nothing."""
_NETWORK = "Check the network, any proxy, and CHATBOT_SLACK_BASE_URL if it is set."
_ADDRESS = (
    "Check CHATBOT_SLACK_BASE_URL: it has to end with /api/, like the default, "
    "https://slack.com/api/."
)
_NEW_BOT = (
    "Reinstall the app (api.slack.com/apps, your app, Install App), and set it to the new Bot User "
    "OAuth Token."
)
_NEW_APP = (
    "Create an app-level token with connections:write (api.slack.com/apps, your app, Basic "
    "Information, App-Level Tokens), and set it to that."
)
_PASSES = f"Change nothing; look at {STATUS_PAGE}, and run the doctor again later."


@dataclass(frozen=True, slots=True)
class Reply:
    """Slack's answer to one call."""

    data: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    unreachable: str = ""
    """Why there was no answer; empty if there was one."""

    @property
    def error(self) -> str:
        """Return Slack's error code; empty if the call succeeded."""
        return "" if self.data.get("ok") else str_of(self.data, "error") or "no answer"

    def fault(self, token: str, repair: str, *needs: str) -> Finding | None:
        """Return what is wrong with this answer, if anything.

        Args:
            token: The name of the token that the call was made with.
            repair: How to replace that token.
            needs: Fields that the answer must have.
        """
        if self.unreachable:
            return wrong(ABOUT, f"Slack can't be reached for {token}: {self.unreachable}", _NETWORK)
        if self.data.get("ok"):
            if all(str_of(self.data, name) for name in needs):
                return None
            return wrong(ABOUT, f"Slack can't be reached for {token}: {ODD}", _NETWORK)
        return self._refusal(token, repair)

    def _refusal(self, token: str, repair: str) -> Finding:
        code = str_of(self.data, "error")
        what, fault = code or f"status {self.status}", fault_of(self.status, code)
        if fault is Fault.TOKEN:
            cure = _BY_OTHERS.get(code, repair)
            return wrong(ABOUT, f"{token} is refused: {TOKEN_CODES[code]} ({code})", cure)
        if fault is Fault.LIMITED:
            again = f"Run the doctor again in {retry_after(self.headers):.0f} seconds."
            text = f"Slack is called too often ({what}): {token} could not be checked"
            return note(ABOUT, text, again)
        text, repair = _FAULTS[fault]
        return wrong(ABOUT, f"{text.format(token=token)} ({what})", repair)


_BY_OTHERS = {
    "ekm_access_denied": "Ask the workspace's administrators to lift it; no new token helps.",
    "enterprise_is_restricted": "Ask the organisation's administrators to allow the app.",
    "team_access_not_granted": "Ask the organisation's administrators to add the app to this "
    "workspace.",
    "two_factor_setup_required": "Set up two-factor authentication for the account that installed "
    "the app; no new token helps.",
}
"""What to do about a refused token that installing the app again does not change."""
_FAULTS = {
    Fault.OUTAGE: ("Slack has an outage", _PASSES),
    Fault.MOVING: ("the workspace is being moved to an organisation", _PASSES),
    Fault.ADDRESS: ("there is no Web API at this address", _ADDRESS),
    Fault.PROXY: ("something between here and Slack refuses the call", _NETWORK),
    Fault.ODD: (f"Slack can't be reached for {{token}}: {ODD}", _NETWORK),
    Fault.REFUSED: (
        "Slack refuses the call with {token}, and does not say that the token is the cause",
        "Look up the code at docs.slack.dev/reference/methods/auth.test.",
    ),
}


async def ask(client: AsyncWebClient, method: str, token: str = "", **given: Any) -> Reply:
    """Make one call, without retries, and return its result; never raises."""
    if token:
        given["token"] = token  # the SDK moves it into the header
    try:
        answer = await client.api_call(method, params=given or None)
    except SlackApiError as error:
        data, status = getattr(error.response, "data", None), _status_of(error.response)
        return Reply(data if isinstance(data, dict) else {}, error.response.headers, status)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Reply({}, unreachable=str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - the SDK trusts that an answer is one of Slack's
        return Reply({}, unreachable=f"{ODD} ({broke(error)})")
    return Reply(answer.data if isinstance(answer.data, dict) else {}, answer.headers)


async def examined(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Yield the findings on Slack."""
    found = list(shapes(settings))
    for finding in found:
        yield finding
    if not found:
        yield note(ABOUT, "not set up: none of its tokens is set")
        return
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    async with guarded_session(settings.slack_base_url, timeout=timeout) as session:
        bot = settings.slack_bot_token.get_secret_value()
        client = web_client(bot, settings.slack_base_url, session)
        if bot:
            async for finding in _as_bot(client, settings, clock):
                yield finding
        if settings.slack_app_token.get_secret_value():
            yield await _app_token(client, settings.slack_app_token.get_secret_value())


async def _as_bot(
    client: AsyncWebClient, settings: Settings, clock: Clock
) -> AsyncIterator[Finding]:
    who = await ask(client, "auth.test")
    if not who.unreachable:
        yield skew(who, clock, signed=not settings.slack_app_token.get_secret_value())
    if fault := who.fault("SLACK_BOT_TOKEN", _NEW_BOT, "user_id", "team_id"):
        yield fault
        return
    team, name = who.data.get("team", ""), who.data.get("user", "")
    yield fine(ABOUT, f"SLACK_BOT_TOKEN works: {name} in {team}")
    for finding in scopes(who):
        yield finding
    app = await _app_id(client, who)
    app_token = settings.slack_app_token.get_secret_value()
    theirs = app_of(app_token)
    if app and theirs and app != theirs:
        text = f"SLACK_APP_TOKEN belongs to another app ({theirs}) than SLACK_BOT_TOKEN ({app})"
        yield wrong(ABOUT, text, f"Take both from api.slack.com/apps/{app}.")
    for finding in [await _channels(client), *await _abilities(client)]:
        yield finding
    token = settings.slack_config_token.get_secret_value()
    exported = await ask(client, "apps.manifest.export", token, app_id=app) if token else None
    for finding in about_app(app, None if exported is None else exported.data, http=not app_token):
        yield finding


def skew(reply: Reply, clock: Clock, *, signed: bool) -> Finding:
    """Return a finding on this machine's clock, by the Date of an answer."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return note(ABOUT, "Slack's answer has no date to compare the clock with")
    seconds = clock.now() - theirs
    if abs(seconds) < _SKEW_NOTED:
        return fine(ABOUT, "the clock agrees with Slack's")
    which = "ahead of" if seconds > 0 else "behind"
    text = f"the clock is {abs(seconds):.0f} s {which} Slack's"
    repair = "Synchronise the clock by NTP."
    if signed and abs(seconds) > SIGNED_SECONDS:
        return wrong(ABOUT, f"{text}: requests from Slack look too old, and are rejected", repair)
    return note(ABOUT, text, repair)


def scopes(who: Reply) -> Iterator[Finding]:
    """Yield findings on the scopes that the token lacks, and on those it does not need."""
    given = who.headers.get("x-oauth-scopes")
    if given is None:
        yield note(ABOUT, "Slack does not say which scopes the token has")
        return
    granted = set(filter(None, given.replace(" ", "").split(",")))
    missing = [scope for scope in SCOPES if scope not in granted]
    for scope in missing:
        repair = "Add it under OAuth & Permissions, Bot Token Scopes, and reinstall the app."
        yield wrong(ABOUT, f"the scope {scope} is missing ({SCOPES[scope]})", repair)
    if not missing:
        yield fine(ABOUT, f"all {len(SCOPES)} scopes are granted")
    more = sorted(granted - SCOPES.keys())
    if more:
        text = f"the token has scopes that the bot does not need: {', '.join(more)}"
        yield note(ABOUT, text, "Remove them under OAuth & Permissions, and reinstall the app.")


async def _app_id(client: AsyncWebClient, who: Reply) -> str:
    found = await ask(client, "bots.info", bot=who.data.get("bot_id", ""))
    return str_of(dict_of(found.data, "bot"), "app_id")


async def _channels(client: AsyncWebClient) -> Finding:
    kinds = "public_channel,private_channel"
    found = await ask(client, "users.conversations", types=kinds, limit=200)
    if found.error:
        return note(ABOUT, f"the bot's channels are unknown: {found.error}")
    channels = dicts_of(found.data, "channels")
    if not channels:
        repair = "Type /invite @ and its name in a channel; direct messages work without that."
        return note(ABOUT, "it is in no channel, so people can't mention it", repair)
    cursor = str_of(dict_of(found.data, "response_metadata"), "next_cursor")
    more = " or more" if cursor else ""
    return fine(ABOUT, f"it is in {len(channels)}{more} channel(s)")


async def _abilities(client: AsyncWebClient) -> list[Finding]:
    """Call methods that some workspaces and proxies lack, in a way that does nothing."""
    lacks = {
        "agents.sessions.setStatus": "agent sessions: the status is shown the older way",
        "chat.startStream": "streaming: answers grow by edits instead",
    }
    found = []
    for method, what in lacks.items():
        target = {"channel": _NOWHERE, "channel_id": _NOWHERE, "thread_ts": "1000000000.000000"}
        reply = await ask(client, method, status="active", **target)
        if reply.error in {"unknown_method", "method_deprecated", "feature_not_enabled"}:
            found.append(note(ABOUT, f"this workspace has no {what}"))
    return found


async def _app_token(client: AsyncWebClient, token: str) -> Finding:
    """Request a socket's address, without connecting: that would take a running bot's events."""
    reply = await ask(client, "apps.connections.open", token)
    fault = reply.fault("SLACK_APP_TOKEN", _NEW_APP, "url")
    return fault or fine(ABOUT, "SLACK_APP_TOKEN works: Socket Mode can be opened")


def _status_of(response: Any) -> int:  # noqa: ANN401 - of the SDK, which has two kinds
    status = getattr(response, "status_code", getattr(response, "status", 0))
    return status if isinstance(status, int) else 0
