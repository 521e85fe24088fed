"""What the app is at Discord: scopes, permissions, intents and commands, from one source. Pure.

`python -m bots.discord.setup.manifest > manifests/discord.json` writes the file. A test compares it
with this module, with the commands that the bot registers, and with Discord's own schema. Discord
accepts no manifest: an operator compares the file with the developer portal. Each permission and
intent names its purpose; the bot asks for no more than it uses.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bots.discord.ui.commands import commands

if TYPE_CHECKING:
    from bots.discord.ui.commands import Json

SCOPES = {
    "bot": "is a member of the server, and posts there",
    "applications.commands": "/chatbot, and the entries in a message's menu",
}

PERMISSIONS = {
    "ADD_REACTIONS": (1 << 6, "puts ✂️ on a reply when context was trimmed"),
    "VIEW_CHANNEL": (1 << 10, "sees channels, and receives the messages that mention it there"),
    "SEND_MESSAGES": (1 << 11, "answers in channels, also if it can't open a thread"),
    "ATTACH_FILES": (1 << 15, "sends answers that are too long for messages as a file"),
    "READ_MESSAGE_HISTORY": (
        1 << 16,
        "replies; finds its own messages after a crash; reads what was said while it was away",
    ),
    "CREATE_PUBLIC_THREADS": (1 << 35, "opens a thread from the message that mentions it"),
    "SEND_MESSAGES_IN_THREADS": (1 << 38, "answers in threads and forum posts"),
}
"""Each permission: its bit (docs: topics/permissions), and its purpose."""

INTENTS = {
    "GUILDS": (1 << 0, False, "channels, threads and roles, to know where something was said"),
    "GUILD_MESSAGES": (1 << 9, False, "messages on servers, with edits and deletions"),
    "DIRECT_MESSAGES": (1 << 12, False, "direct messages, with edits and deletions"),
    "GUILD_MESSAGE_REACTIONS": (1 << 10, False, "👍 and 👎 on its answers on servers"),
    "DIRECT_MESSAGE_REACTIONS": (1 << 13, False, "the same in direct messages"),
    "GUILD_MESSAGE_POLLS": (
        1 << 24,
        False,
        "votes on servers, to read a poll again if it is asked",
    ),
    "DIRECT_MESSAGE_POLLS": (1 << 25, False, "votes in direct messages, for the same"),
    "MESSAGE_CONTENT": (
        1 << 15,
        True,
        "follows its threads without a mention; the bot works without this intent, too",
    ),
}
"""Each intent: its bit (docs: events/gateway), whether it is privileged, and its purpose."""

_APPLICATION = "APPLICATION_ID"
_AUTHORIZE = "https://discord.com/oauth2/authorize"


def permission_bits() -> int:
    """Return all permissions that the bot needs, as Discord's number."""
    return sum(bit for bit, _ in PERMISSIONS.values())


def invite_url(application: str) -> str:
    """Return the address at which a server's admin adds the bot to it."""
    given = {
        "client_id": application,
        "scope": " ".join(SCOPES),
        "permissions": str(permission_bits()),
    }
    return f"{_AUTHORIZE}?{urlencode(given)}"


def manifest() -> Json:
    """Return the manifest's content."""
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
    """Return the manifest as the text of its file."""
    return json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
