"""Slack's own hosts: where its API, its sockets and its files are. Pure."""

from __future__ import annotations

from bots.hosts import Hosts

_NAMES = frozenset(
    {"slack.com", ".slack.com", "slack-files.com", "slack-gov.com", ".slack-gov.com"}
)
"""Hosts of the API and of `url_private`; for the government's Slack see docs: govslack."""


def slack_hosts(base_url: str) -> Hosts:
    """Return Slack's hosts, and the one of the API's address that is in use."""
    return Hosts(_NAMES, base_url)


def file_hosts(base_url: str) -> Hosts:
    """Return the same for files, which are at no method of the API."""
    return Hosts(_NAMES, base_url, closed=("/api/",))
