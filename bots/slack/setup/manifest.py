"""The app's manifest, for Socket Mode and for HTTP.

`python -m bots.slack.setup.manifest socket` prints manifests/slack.socket.yaml, and with `http` the
other one; a test compares both with this source, and with Slack's own schema. Each scope has its
purpose beside it: Slack's review allows none that the app does not use.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Literal, TypeAlias

from bots.slack.ui.agent import KNOWN, NEW
from bots.slack.ui.commands import (
    COMMAND,
    EXPORT_SHORTCUT,
    FORGET_SHORTCUT,
    PIN_SHORTCUT,
    SETTINGS_SHORTCUT,
)

Transport: TypeAlias = Literal["socket", "http"]

NAME = "Chatbot"
EVENTS_URL = "https://chatbot.example.com/slack/events"
"""Where Slack sends events, commands and clicks over HTTP; a placeholder to replace."""

SCOPES = {
    "app_mentions:read": "receives its mentions",
    "assistant:write": "suggests prompts in the agent container; Slack gives it to every agent",
    "channels:history": "follows public threads it takes part in; reads what it missed",
    "channels:read": "reads names of public channels, and who may still read an exported thread",
    "chat:write": "posts answers",
    "commands": "offers /chatbot and the message shortcuts",
    "files:read": "reads images, PDFs and text that people send it",
    "files:write": "sends exports and answers that are too long for messages",
    "groups:history": "the same as channels:history, in private channels it was invited to",
    "groups:read": "the same as channels:read, for private channels it was invited to",
    "im:history": "receives direct messages; reads what it missed",
    "im:read": "lists its direct messages, to read what it missed",
    "im:write": "opens a direct message to send an export privately",
    "mpim:history": "receives group direct messages; reads what it missed",
    "mpim:read": "reads who is in a group direct message that is exported",
    "reactions:read": "learns what people think of its answers, by 👍 and 👎",
    "reactions:write": "puts the scissors on a reply whose context was trimmed",
    "usergroups:read": "reads the names of user groups that people mention",
    "users:read": "reads people's names, and who is an admin",
}
"""Each scope of the bot's token, and its purpose."""

EVENTS = {
    "agent_session_stopped": "a person pressed Stop",
    "agent_session_title_changed": "a person named a conversation, so the bot keeps that name",
    "app_home_opened": "a person opened App Home or the direct messages, where prompts appear",
    "app_mention": "a person mentioned it",
    "channel_id_changed": "a channel has a new id, so the bot moves its conversations there",
    "app_uninstalled": "it was removed from the workspace",
    "file_deleted": "a file was deleted, so the bot drops its copy",
    "message.channels": "messages in public channels it is in, with edits and deletions",
    "message.groups": "the same in private channels",
    "message.im": "the same in direct messages",
    "message.mpim": "the same in group direct messages, where mentions have no event",
    "reaction_added": "a person put 👍 or 👎 on an answer",
    "reaction_removed": "a person took it back",
    "tokens_revoked": "its token was revoked",
}
"""Each event that it subscribes to, and what that reports."""

_DESCRIPTION = "Talks with you in threads and direct messages, and remembers the conversation."
_LONG_DESCRIPTION = (
    "Mention it in a channel and it answers in a thread, follows the thread and remembers it; "
    "write to it directly and it remembers that as well. Older parts of a conversation turn into "
    "a summary, and a pair of scissors on a reply shows when that happened. You can see what it "
    "remembers, export it, and make it forget."
)
_PLAIN = re.compile(r"[A-Za-z/][\w/:.-]*(?: [\w/.-]+)*", re.ASCII)
_WORDS_OF_YAML = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def manifest(transport: Transport) -> dict[str, Any]:
    """Return the manifest (docs: reference/app-manifest); for Socket Mode it has no addresses."""
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
    """Return the manifest's file: YAML, with a comment on each scope and event."""
    other = "http" if transport == "socket" else "socket"
    reached = (
        "Socket Mode: the bot opens a socket to Slack, so it needs no public address, but an\n"
        "# app-level token with connections:write."
        if transport == "socket"
        else f"HTTP: Slack sends requests to the bot; replace {EVENTS_URL} with your own address."
    )
    head = (
        f"# {reached}\n"
        f"# The other transport is in slack.{other}.yaml. Both files are generated: change\n"
        "# bots/slack/setup/manifest.py, and run: python -m bots.slack.setup.manifest "
        f"{transport} > manifests/slack.{transport}.yaml\n"
    )
    return head + "".join(_yaml(manifest(transport), ""))


def _features(transport: Transport) -> dict[str, Any]:
    url = {"url": EVENTS_URL} if transport == "http" else {}
    return {
        "agent_view": {  # new apps have to use it (docs: ai/migrating-to-agent-messaging)
            "agent_description": _DESCRIPTION,
            "suggested_prompts": [
                {"title": title, "message": message} for title, message in (KNOWN | NEW).items()
            ],
        },
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,  # else people could not write to it
        },
        "bot_user": {"display_name": NAME, "always_online": True},
        "shortcuts": [
            _shortcut("Remember this", PIN_SHORTCUT, "Keeps the message word for word"),
            _shortcut("Settings of this thread", SETTINGS_SHORTCUT, "Shows and changes settings"),
            _shortcut("Export this thread", EXPORT_SHORTCUT, "Sends you the thread as a file"),
            _shortcut("Forget this thread", FORGET_SHORTCUT, "Removes what I remember from it"),
        ],
        "slash_commands": [
            {
                "command": COMMAND,
                **url,
                "description": "Shows what I remember; exports, forgets or resets it",
                "usage_hint": "help | memory | remember … | settings | export | forget | reset",
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
    """Return a value as JSON, which is valid YAML, but a plain word without quotes."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(document("http" if sys.argv[1:] == ["http"] else "socket"))
