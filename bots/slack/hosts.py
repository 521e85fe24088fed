"""Slack's own hosts, for its API, its sockets and its files. Pure."""

from __future__ import annotations

from bots.outgoing import Hosts

_NAMES = frozenset(
    {"slack.com", ".slack.com", "slack-files.com", "slack-gov.com", ".slack-gov.com"}
)
"""Hosts of the API and of `url_private`; for the US government's Slack see docs: govslack."""


def slack_hosts(base_url: str) -> Hosts:
    """Return Slack's hosts, and the host of the API's configured address."""
    return Hosts(_NAMES, base_url)


def file_hosts(base_url: str) -> Hosts:
    """Return the same hosts for files, without the API's own paths."""
    return Hosts(_NAMES, base_url, closed=("/api",))
