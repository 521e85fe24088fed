"""Discord's own hosts: where its API, its gateway and its files are. Pure."""

from __future__ import annotations

from bots.hosts import Hosts

_API = frozenset({"discord.com", "gateway.discord.gg", ".discord.gg"})
"""Hosts that get the bot's token; a session is resumed at a host below discord.gg."""
_FILES = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Hosts of attachments and of the proxy before them (docs: reference, "Signed Attachment URLs")."""


def api_hosts(base_url: str) -> Hosts:
    """Return the hosts of the API and the gateway, and the one that the operator set."""
    return Hosts(_API, base_url)


def file_hosts(base_url: str) -> Hosts:
    """Return the hosts of attachments, and the one that the operator set."""
    return Hosts(_FILES, base_url)


def all_hosts(base_url: str) -> Hosts:
    """Return all of these hosts."""
    return Hosts(_API | _FILES, base_url)
