"""What the app is at Discord: scopes, permissions, intents and commands, from one source. Pure.

`python -m bots.discord.setup.manifest > manifests/discord.json` writes the file; a test holds it to
what is said here, to the commands that the bot really registers, and to Discord's own schema.
Discord takes no manifest: the file is what an operator compares the developer portal with. What
each permission and intent is for stands beside it; the bot asks for no more than it uses.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

Json: TypeAlias = dict[str, Any]

COMMAND = "chatbot"
DESCRIPTION = "What I remember of our conversations, and what to do with it"
EXPORT_MENU, FORGET_MENU = "Export this thread", "Forget this thread"

SUBCOMMANDS = {
    "help": "What I do, and what you can ask for",
    "memory": "Shows you what I remember of this conversation",
    "export": "Sends you a conversation as a file that only you see",
    "forget": "Removes what you said here from what I keep; asks before it does",
    "reset": "Starts this conversation over, and tells everyone in it",
    "stats": "Shows how long the conversations on this server are",
}
"""Each subcommand, and what people read beside it."""

FORMAT, FORMATS = "format", {"Markdown": "markdown", "JSON": "json"}
FORMAT_DESCRIPTION = "Markdown to read, or JSON to go on with; Markdown if you don't say"
MESSAGE = "message"
MESSAGE_DESCRIPTION = (
    "A link to a message of the conversation, if it is not the one that you are in"
)

SCOPES = {
    "bot": "is a member of the server, and talks in it",
    "applications.commands": "/chatbot and the entries in the menu of a message",
}

PERMISSIONS = {
    "ADD_REACTIONS": (1 << 6, "the scissors on a reply when context was trimmed"),
    "VIEW_CHANNEL": (1 << 10, "sees channels, and hears when it is mentioned there"),
    "SEND_MESSAGES": (1 << 11, "answers where a thread can't be opened, and in channels"),
    "ATTACH_FILES": (1 << 15, "answers that are too long for messages, as a file"),
    "READ_MESSAGE_HISTORY": (
        1 << 16,
        "replies; finds its own messages after a crash; reads what was said while it was away",
    ),
    "CREATE_PUBLIC_THREADS": (1 << 35, "opens a thread from the message that mentions it"),
    "SEND_MESSAGES_IN_THREADS": (1 << 38, "answers in threads and forum posts"),
}
"""Each permission: its bit (docs: topics/permissions), and what it is for."""

INTENTS = {
    "GUILDS": (1 << 0, False, "channels, threads and roles, to know where something was said"),
    "GUILD_MESSAGES": (1 << 9, False, "messages on servers; edits and deletions"),
    "DIRECT_MESSAGES": (1 << 12, False, "the same in direct messages"),
    "MESSAGE_CONTENT": (
        1 << 15,
        True,
        "follows its threads without a mention; it does without where this is not granted",
    ),
}
"""Each intent: its bit (docs: events/gateway), whether it is privileged, and what it is for."""

_SUBCOMMAND, _TEXT = 1, 3
_SLASH, _ON_MESSAGE = 1, 3
_APPLICATION = "APPLICATION_ID"
_AUTHORIZE = "https://discord.com/oauth2/authorize"
_KINDS = {"guild_install": 0}
_WHERE = {"server": 0, "direct message with the bot": 1}


@dataclass(frozen=True, slots=True)
class Shape:
    """A registered command, as far as it is ours to say; comparable."""

    text: str

    @classmethod
    def of(cls, command: Json) -> Shape:
        """Return the shape of a command as the bot gives it or as Discord does."""
        return cls(json.dumps(_shape(command), sort_keys=True))


def permission_bits() -> int:
    """Return all that the bot needs, as the number that Discord takes."""
    return sum(bit for bit, _ in PERMISSIONS.values())


def invite_url(application: str) -> str:
    """Return where somebody who manages a server adds the bot to it."""
    given = {
        "client_id": application,
        "scope": " ".join(SCOPES),
        "permissions": str(permission_bits()),
    }
    return f"{_AUTHORIZE}?{urlencode(given)}"


def commands() -> list[Json]:
    """Return the commands as Discord takes them (docs: interactions/application-commands)."""
    common = {
        "contexts": sorted(_WHERE.values()),
        "integration_types": sorted(_KINDS.values()),
        "default_member_permissions": None,
        "nsfw": False,
    }
    slash = {
        "type": _SLASH,
        "name": COMMAND,
        "description": DESCRIPTION,
        "options": [
            {"type": _SUBCOMMAND, "name": name, "description": about, "options": _options(name)}
            for name, about in SUBCOMMANDS.items()
        ],
        **common,
    }
    menus = [{"type": _ON_MESSAGE, "name": name, **common} for name in (EXPORT_MENU, FORGET_MENU)]
    return [slash, *menus]


def is_synced(found: list[Json], wanted: list[Json]) -> bool:
    """Tell whether Discord has the commands, in whatever order."""
    return set(map(Shape.of, found)) == set(map(Shape.of, wanted))


def manifest() -> Json:
    """Return all of it."""
    intents = {
        name: {"bit": bit, "privileged": privileged, "why": why}
        for name, (bit, privileged, why) in INTENTS.items()
    }
    permissions = {name: {"bit": bit, "why": why} for name, (bit, why) in PERMISSIONS.items()}
    return {
        "scopes": SCOPES,
        "permissions": {"bits": str(permission_bits()), "each": permissions},
        "intents": intents,
        "invite_url": invite_url(_APPLICATION),
        "commands": commands(),
    }


def document() -> str:
    """Return the file."""
    return json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n"


def _options(name: str) -> list[Json]:
    if name != "export":
        return []
    choices = [{"name": shown, "value": value} for shown, value in FORMATS.items()]
    return [
        {
            "type": _TEXT,
            "name": FORMAT,
            "description": FORMAT_DESCRIPTION,
            "required": False,
            "choices": choices,
        },
        {"type": _TEXT, "name": MESSAGE, "description": MESSAGE_DESCRIPTION, "required": False},
    ]


def _shape(command: Json) -> Json:
    """Return what is ours to say, with Discord's defaults where nothing is said."""
    bits = command.get("default_member_permissions")
    return {
        **_level(command),
        "contexts": sorted(command.get("contexts") or _WHERE.values()),
        "integration_types": sorted(command.get("integration_types") or _KINDS.values()),
        "default_member_permissions": None if bits is None else str(bits),
        "nsfw": bool(command.get("nsfw")),
    }


def _level(part: Json) -> Json:
    choices = [(choice["name"], choice["value"]) for choice in part.get("choices") or ()]
    return {
        "type": part.get("type") or _SLASH,
        "name": part["name"],
        "description": part.get("description") or "",
        "required": bool(part.get("required")),
        "choices": choices,
        "options": [_level(option) for option in part.get("options") or ()],
    }


if __name__ == "__main__":
    sys.stdout.write(document())
