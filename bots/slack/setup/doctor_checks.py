"""Checks of the doctor that need no call: the tokens' shapes, and the app's manifest.

A bot's token can't read the app's manifest (docs: reference/methods/apps.manifest.export requires
a configuration token, which may change all apps of its owner and is valid for 12 hours). So the
manifest is compared with ours if there is such a token; otherwise the doctor says where to look.

Prefixes of tokens: docs: authentication/tokens, authentication/using-token-rotation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bots.ops.finding import fine, note, wrong
from bots.slack.setup.manifest import EVENTS, manifest
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bots.ops.finding import Finding
    from bots.settings.settings import Settings
    from bots.slack.setup.manifest import Transport

ABOUT = "Slack"
_KINDS = {
    "xoxb-": "a bot's token",
    "xapp-": "an app-level token",
    "xoxp-": "a user's token",
    "xoxe.xoxp-": "a configuration token",
    "xoxe.xoxb-": "a bot's token that expires",
    "xoxe-": "a refresh token",
    "xoxc-": "a browser's token",
    "xoxs-": "a browser's token",
    "xoxa-": "a legacy token",
    "xoxr-": "a legacy refresh token",
}
_SECRET = re.compile(r"[0-9a-f]{32}")
_APP = re.compile(r"xapp-\d-(A[A-Z0-9]+)-")
_BOT_REPAIR = (
    "Set it to the Bot User OAuth Token: api.slack.com/apps, your app, OAuth & Permissions; it "
    "starts with xoxb-."
)
_APP_REPAIR = (
    "Set it to an app-level token with connections:write: api.slack.com/apps, your app, Basic "
    "Information, App-Level Tokens; it starts with xapp-."
)
_SIGNING_REPAIR = (
    "Set it to the Signing Secret: api.slack.com/apps, your app, Basic Information, App "
    "Credentials; it is 32 characters from 0 to 9 and a to f."
)
_TRANSPORT_REPAIR = (
    "Set SLACK_APP_TOKEN (Socket Mode, which needs no public address) or SLACK_SIGNING_SECRET "
    "(HTTP)."
)


# --- tokens ---------------------------------------------------------------------------------------


def shapes(settings: Settings) -> Iterator[Finding]:
    """Yield findings on the tokens' shapes, before any token is used."""
    bot = settings.slack_bot_token.get_secret_value()
    app = settings.slack_app_token.get_secret_value()
    secret = settings.slack_signing_secret.get_secret_value()
    if not (bot or app or secret):
        return
    yield from _token("SLACK_BOT_TOKEN", bot, "xoxb-", _BOT_REPAIR)
    if app:
        yield from _token("SLACK_APP_TOKEN", app, "xapp-", _APP_REPAIR)
    if secret and not _SECRET.fullmatch(secret):
        what = f"is {kind_of(secret)}" if kind_of(secret) else "does not look like a signing secret"
        yield wrong(ABOUT, f"SLACK_SIGNING_SECRET {what}", _SIGNING_REPAIR)
    yield _transport_of(app, secret)


def kind_of(token: str) -> str:
    """Return the kind of a token, by its prefix; empty if it is not one of Slack's."""
    return next((kind for prefix, kind in _KINDS.items() if token.startswith(prefix)), "")


def app_of(token: str) -> str:
    """Return the id of the app that an app-level token belongs to; empty if it names none."""
    found = _APP.match(token)
    return found[1] if found else ""


def _token(name: str, token: str, prefix: str, repair: str) -> Iterator[Finding]:
    if not token:
        yield wrong(ABOUT, f"{name} is not set", repair)
    elif kind_of(token) == _KINDS["xoxe.xoxb-"]:
        text = (
            f"{name} expires after 12 hours, and the bot does not renew it (token rotation is on)"
        )
        yield wrong(ABOUT, text, "Create the app again from the manifest, which has rotation off.")
    elif not token.startswith(prefix):
        what = kind_of(token) or "something that is not a Slack token"
        yield wrong(ABOUT, f"{name} contains {what}", repair)


def _transport_of(app: str, secret: str) -> Finding:
    if app and secret:
        text = "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: Socket Mode is used"
        return note(ABOUT, text, "Remove SLACK_APP_TOKEN to use HTTP.")
    if app:
        return fine(ABOUT, "events arrive by Socket Mode")
    if secret:
        return fine(ABOUT, "events arrive by HTTP, signed")
    return wrong(ABOUT, "the settings don't say how events arrive", _TRANSPORT_REPAIR)


# --- the app --------------------------------------------------------------------------------------


def about_app(app: str, exported: Mapping[str, Any] | None, *, http: bool) -> Iterator[Finding]:
    """Yield findings on how the app is set up.

    Args:
        app: Its id; empty if unknown.
        exported: The answer of apps.manifest.export; None if there is no token to ask with.
        http: Whether events should arrive by HTTP.
    """
    transport: Transport = "http" if http else "socket"
    page = f"api.slack.com/apps/{app}" if app else "api.slack.com/apps, your app"
    ours = f"manifests/slack.{transport}.yaml"
    if exported is None:
        yield note(
            ABOUT,
            "these tokens can't read which events the app is subscribed to",
            f"Compare {page}, App Manifest, with {ours}, or set SLACK_CONFIG_TOKEN for the doctor.",
        )
        return
    if not exported.get("ok"):
        code = str(exported.get("error") or "no answer")
        repair = "Create a new one at api.slack.com/apps, Your App Configuration Tokens."
        yield wrong(ABOUT, f"SLACK_CONFIG_TOKEN is refused: {code}", repair)
        return
    found = list(_compared(dict_of(exported, "manifest"), transport, page))
    yield from found or [fine(ABOUT, f"the app is set up as in {ours}")]


def _compared(theirs: Mapping[str, Any], transport: Transport, page: str) -> Iterator[Finding]:
    settings, features = dict_of(theirs, "settings"), dict_of(theirs, "features")
    yield from _events(dict_of(settings, "event_subscriptions"), page)
    yield from _transport(settings, transport, page)
    if not dict_of(settings, "interactivity").get("is_enabled"):
        text = "interactivity is off: buttons, shortcuts and App Home don't work"
        yield wrong(ABOUT, text, f"Turn it on at {page}/interactive-messages.")
    yield from _features(features, page)


def _events(subscribed: Mapping[str, Any], page: str) -> Iterator[Finding]:
    known = subscribed.get("bot_events") or []
    for event in EVENTS:
        if event not in known:
            repair = (
                f"Add it at {page}/event-subscriptions, Subscribe to bot events, and reinstall."
            )
            yield wrong(ABOUT, f"the app is not subscribed to {event} ({EVENTS[event]})", repair)


def _transport(settings: Mapping[str, Any], transport: Transport, page: str) -> Iterator[Finding]:
    socket = bool(settings.get("socket_mode_enabled"))
    if transport == "socket" and not socket:
        text = "Socket Mode is off, but SLACK_APP_TOKEN is set: no events arrive"
        yield wrong(ABOUT, text, f"Turn it on at {page}/socket-mode.")
    if transport == "http" and socket:
        text = "Socket Mode is on, but the bot expects events by HTTP: none arrive"
        yield wrong(ABOUT, text, f"Turn it off at {page}/socket-mode, or set SLACK_APP_TOKEN.")
    url = str_of(dict_of(settings, "event_subscriptions"), "request_url")
    if transport == "http" and not url:
        text = "there is no request URL for events"
        yield wrong(
            ABOUT, text, f"Set it at {page}/event-subscriptions: https://HOST/slack/events."
        )


def _features(features: Mapping[str, Any], page: str) -> Iterator[Finding]:
    ours = manifest("socket")["features"]
    if "agent_view" not in features:
        text = "the agent view is off: no Stop button, no prompts, no titles"
        yield note(
            ABOUT, text, f"Turn it on at {page}/agents-ai-apps; it can't be turned off again."
        )
    home = dict_of(features, "app_home")
    if not home.get("messages_tab_enabled") or home.get("messages_tab_read_only_enabled"):
        text = "people can't send it direct messages: its messages tab is off or read-only"
        yield wrong(ABOUT, text, f"Turn it on at {page}/app-home.")
    commands = {str_of(command, "command") for command in dicts_of(features, "slash_commands")}
    for command in ours["slash_commands"]:
        if command["command"] not in commands:
            text = f"the command {command['command']} is missing"
            yield wrong(ABOUT, text, f"Add it at {page}/slash-commands, and reinstall.")
    shortcuts = {str_of(shortcut, "callback_id") for shortcut in dicts_of(features, "shortcuts")}
    for shortcut in ours["shortcuts"]:
        if shortcut["callback_id"] not in shortcuts:
            text = f"the message shortcut “{shortcut['name']}” is missing"
            repair = (
                f"Add it at {page}/interactive-messages: callback id {shortcut['callback_id']}."
            )
            yield wrong(ABOUT, text, repair)
