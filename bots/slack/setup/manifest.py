"""The app's manifest, for both ways of being connected, from one source. Pure.

`python -m bots.slack.setup.manifest socket` writes manifests/slack.socket.yaml, with `http` the
other one; a test holds both to what is said here, and to Slack's own schema. What each scope is
for stands beside it: Slack's review asks for no more than is used.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Literal, TypeAlias

from bots.slack.ui.agent import KNOWN, NEW

Transport: TypeAlias = Literal["socket", "http"]

NAME = "Chatbot"
COMMAND = "/chatbot"
EXPORT_SHORTCUT, FORGET_SHORTCUT = "export_thread", "forget_thread"
EVENTS_URL = "https://chatbot.example.com/slack/events"
"""Where Slack sends events, commands and clicks when there is no socket: to be replaced."""

SCOPES = {
    "app_mentions:read": "hears when it is mentioned",
    "assistant:write": "prompts in the agent container; Slack adds it to every agent anyway",
    "channels:history": "follows public threads it takes part in; reads what was missed",
    "channels:read": "names of public channels; who may still read a thread that is exported",
    "chat:write": "answers",
    "commands": "/chatbot and the message shortcuts",
    "files:read": "reads images, PDFs and text that people send it",
    "files:write": "sends exports and answers that are too long for messages",
    "groups:history": "the same as channels:history, in private channels it was invited to",
    "groups:read": "the same as channels:read, for private channels it was invited to",
    "im:history": "hears direct messages; reads what was missed",
    "im:read": "which direct messages there are, to look for what was missed",
    "im:write": "opens a direct message to send an export privately",
    "mpim:history": "hears group direct messages; reads what was missed",
    "mpim:read": "who is in a group direct message that is exported",
    "reactions:write": "the scissors on a reply when context was trimmed",
    "users:read": "what people are called, and who is an admin",
}
"""Each scope of the bot's token, and what it is for."""

EVENTS = {
    "agent_session_stopped": "somebody pressed Stop",
    "agent_session_title_changed": "somebody named a conversation, so that it stays named so",
    "app_home_opened": "App Home was opened, or the direct messages: prompts are offered there",
    "app_mention": "it was mentioned",
    "app_uninstalled": "it was taken out of the workspace",
    "file_deleted": "a file is gone, so that nothing is kept of it",
    "message.channels": "messages in public channels it is in; edits and deletions",
    "message.groups": "the same in private channels",
    "message.im": "the same in direct messages",
    "message.mpim": "the same in group direct messages, where nothing tells of mentions",
    "tokens_revoked": "its token was withdrawn",
}
"""Each event that it is told of, and what that is."""

_DESCRIPTION = "Talks with you in threads and direct messages, and remembers the conversation."
_LONG_DESCRIPTION = (
    "Mention it in a channel and it answers in a thread, follows the thread and remembers it; "
    "write to it directly and it remembers that as well. Older parts of a conversation turn into "
    "a summary, and a pair of scissors on a reply says when that happened. You can see what it "
    "remembers, export it, and make it forget."
)
_PLAIN = re.compile(r"[A-Za-z/][\w/:.-]*(?: [\w/.-]+)*", re.ASCII)
_WORDS_OF_YAML = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def manifest(transport: Transport) -> dict[str, Any]:
    """Return the manifest (docs: reference/app-manifest); with a socket it has no addresses."""
    address = {"request_url": EVENTS_URL} if transport == "http" else {}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": NAME,
            "description": _DESCRIPTION,
            "long_description": _LONG_DESCRIPTION,
            "background_color": "#1f3d5c",
        },
        "features": _features(transport),
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**address, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": transport == "socket",
            "token_rotation_enabled": False,
        },
    }


def document(transport: Transport) -> str:
    """Return the manifest's file: YAML, with a word on each scope and event."""
    other = "http" if transport == "socket" else "socket"
    reached = (
        "Slack reaches the bot through a socket that the bot opens: no address is needed, but an\n"
        "# app-level token with connections:write."
        if transport == "socket"
        else f"Slack reaches the bot over HTTPS: put your own address for {EVENTS_URL}."
    )
    head = (
        f"# {reached}\n"
        f"# For the other way, see slack.{other}.yaml. Both are made by\n"
        "# bots/slack/setup/manifest.py; change that, and run: python -m bots.slack.setup.manifest "
        f"{transport} > manifests/slack.{transport}.yaml\n"
    )
    return head + "".join(_yaml(manifest(transport), ""))


def _features(transport: Transport) -> dict[str, Any]:
    url = {"url": EVENTS_URL} if transport == "http" else {}
    return {
        "agent_view": {  # new apps may use no other (docs: ai/migrating-to-agent-messaging)
            "agent_description": _DESCRIPTION,
            "suggested_prompts": [
                {"title": title, "message": message} for title, message in (KNOWN | NEW).items()
            ],
        },
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,  # else nobody could write to it
        },
        "bot_user": {"display_name": NAME, "always_online": True},
        "shortcuts": [
            _shortcut("Export this thread", EXPORT_SHORTCUT, "Sends you the thread as a file"),
            _shortcut("Forget this thread", FORGET_SHORTCUT, "Removes what I remember of it"),
        ],
        "slash_commands": [
            {
                "command": COMMAND,
                **url,
                "description": "What I remember, and what to do with it",
                "usage_hint": "help | memory | export | forget | reset | stats",
                "should_escape": False,
            }
        ],
    }


def _shortcut(name: str, callback: str, description: str) -> dict[str, str]:
    return {"name": name, "type": "message", "callback_id": callback, "description": description}


def _yaml(value: dict[str, Any], indent: str) -> list[str]:
    """Return an object as lines of YAML."""
    lines: list[str] = []
    for name, inner in value.items():
        if isinstance(inner, dict):
            lines += [f"{indent}{name}:\n", *_yaml(inner, indent + "  ")]
        elif isinstance(inner, list):
            lines += [f"{indent}{name}:\n", *_yaml_list(inner, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_scalar(inner)}\n")
    return lines


def _yaml_list(items: list[Any], indent: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        if isinstance(item, dict):
            first, *rest = _yaml(item, indent + "  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            about = SCOPES.get(item) or EVENTS.get(item, "")
            lines.append(f"{indent}- {_scalar(item)}{f'  # {about}' if about else ''}\n")
    return lines


def _scalar(value: object) -> str:
    """Return a value as JSON, which is YAML too, but a plain word as it is."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(document("http" if sys.argv[1:] == ["http"] else "socket"))
