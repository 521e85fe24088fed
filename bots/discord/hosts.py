"""Discord's own hosts: those of its API, its gateway and its files. Pure."""

from __future__ import annotations

from bots.outgoing import Hosts

_API = frozenset({"discord.com", "gateway.discord.gg", ".discord.gg"})
"""Hosts that get the bot's token; a session is resumed at a host below discord.gg."""
_FILES = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Hosts of attachments and of the proxy before them (docs: reference, "Signed Attachment URLs")."""


def api_hosts(base_url: str) -> Hosts:
    """Return the hosts of the API and the gateway, with the one that the operator set, if any."""
    return Hosts(_API, base_url)


def file_hosts(base_url: str) -> Hosts:
    """Return the hosts of attachments, with the one that the operator set, if any."""
    return Hosts(_FILES, base_url)


def all_hosts(base_url: str) -> Hosts:
    """Return the hosts of the API, the gateway and attachments, as the two above."""
    return Hosts(_API | _FILES, base_url)
