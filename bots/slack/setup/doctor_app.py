"""How the app is set up at Slack: events, commands, surfaces, beside our own manifest. Pure.

A bot's token can't read that (docs: reference/methods/apps.manifest.export wants a configuration
token, which may change all apps of its owner and is good for 12 hours). So it is compared where
such a token is given, and said how to look where none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.ops.finding import fine, note, wrong
from bots.slack.setup.doctor_tokens import ABOUT
from bots.slack.setup.manifest import EVENTS, manifest
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bots.ops.finding import Finding
    from bots.slack.setup.manifest import Transport


def about_app(app: str, exported: Mapping[str, Any] | None, *, http: bool) -> Iterator[Finding]:
    """Yield what is to be said of an app's setup.

    Args:
        app: Its id; empty where it is not known.
        exported: The answer of apps.manifest.export; None where it could not be asked.
        http: Whether events are to come by HTTP.
    """
    transport: Transport = "http" if http else "socket"
    page = f"api.slack.com/apps/{app}" if app else "api.slack.com/apps, your app"
    ours = f"manifests/slack.{transport}.yaml"
    if exported is None:
        yield note(
            ABOUT,
            "which events it is subscribed to can't be read with these tokens",
            f"Compare {page}, App Manifest, with {ours}, or set SLACK_CONFIG_TOKEN for the doctor.",
        )
        return
    if not exported.get("ok"):
        why = str(exported.get("error") or "no answer")
        mend = "Make a new one at api.slack.com/apps, Your App Configuration Tokens."
        yield wrong(ABOUT, f"SLACK_CONFIG_TOKEN is refused: {why}", mend)
        return
    found = list(_compared(dict_of(exported, "manifest"), transport, page))
    yield from found or [fine(ABOUT, f"the app is set up as in {ours}")]


def _compared(theirs: Mapping[str, Any], transport: Transport, page: str) -> Iterator[Finding]:
    settings, features = dict_of(theirs, "settings"), dict_of(theirs, "features")
    yield from _events(dict_of(settings, "event_subscriptions"), page)
    yield from _way(settings, transport, page)
    if not dict_of(settings, "interactivity").get("is_enabled"):
        text = "interactivity is off: buttons, shortcuts and App Home do nothing"
        yield wrong(ABOUT, text, f"Turn it on at {page}/interactive-messages.")
    yield from _features(features, page)


def _events(subscribed: Mapping[str, Any], page: str) -> Iterator[Finding]:
    known = subscribed.get("bot_events") or []
    for event in EVENTS:
        if event not in known:
            mend = f"Add it at {page}/event-subscriptions, Subscribe to bot events, and reinstall."
            yield wrong(ABOUT, f"the event {event} is not subscribed ({EVENTS[event]})", mend)


def _way(settings: Mapping[str, Any], transport: Transport, page: str) -> Iterator[Finding]:
    socket = bool(settings.get("socket_mode_enabled"))
    if transport == "socket" and not socket:
        text = "Socket Mode is off, and SLACK_APP_TOKEN is set: no event arrives"
        yield wrong(ABOUT, text, f"Turn it on at {page}/socket-mode.")
    if transport == "http" and socket:
        text = "Socket Mode is on, and events are awaited by HTTP: none arrives"
        yield wrong(ABOUT, text, f"Turn it off at {page}/socket-mode, or set SLACK_APP_TOKEN.")
    url = str_of(dict_of(settings, "event_subscriptions"), "request_url")
    if transport == "http" and not url:
        text = "there is no request URL to send events to"
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
        text = "nobody can write to it directly: its messages tab is off or read-only"
        yield wrong(ABOUT, text, f"Turn it on at {page}/app-home.")
    commands = {str_of(command, "command") for command in dicts_of(features, "slash_commands")}
    for command in ours["slash_commands"]:
        if command["command"] not in commands:
            text = f"there is no command {command['command']}"
            yield wrong(ABOUT, text, f"Add it at {page}/slash-commands, and reinstall.")
    shortcuts = {str_of(shortcut, "callback_id") for shortcut in dicts_of(features, "shortcuts")}
    for shortcut in ours["shortcuts"]:
        if shortcut["callback_id"] not in shortcuts:
            text = f"there is no message shortcut “{shortcut['name']}”"
            mend = f"Add it at {page}/interactive-messages: callback id {shortcut['callback_id']}."
            yield wrong(ABOUT, text, mend)
