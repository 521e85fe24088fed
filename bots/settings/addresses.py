"""Says what is wrong with the address of an API, before anything is sent there. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
"""A part of a host's name (RFC 1123, 2.1); names inside a network may have underscores."""
_HOST = 253
_PORTS = 65_535
_VERSIONED = re.compile(
    r"/v1(?:/(?:messages|complete|completions|chat/completions|models)?)*$", re.IGNORECASE
)


def fault_in_url(url: str) -> str:
    """Return what is wrong with a URL, as a verb phrase; empty if nothing is.

    Other than `urlsplit`, which reads most of anything, it knows what an HTTP library refuses.
    """
    if not url.isprintable() or any(each in url for each in " \"'<>\\^`{|}"):
        return "contains characters that no URL has"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is not a URL"
    if port == 0 or parts.netloc.rpartition("@")[2].endswith(":"):
        return f"needs a port from 1 to {_PORTS:,}, or none"
    return "" if _is_host(parts.hostname, parts) else "names a host that can't exist"


def fault_in_base_url(url: str) -> str:
    """Return what is wrong with the address of Claude's API; empty if nothing is.

    Anthropic's SDK appends `/v1/messages` to it (`resources/messages`).
    """
    if fault := fault_in_url(url):
        return fault
    parts = urlsplit(url)
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return "has something behind its path, where the bot appends /v1/messages"
    if found := _VERSIONED.search(parts.path.rstrip("/")):
        return f"ends in {found[0]}, which the bot appends itself"
    return ""


def _is_host(name: str, parts: SplitResult) -> bool:
    """Return whether a host of this name can exist."""
    if "[" in parts.netloc:
        try:
            IPv6Address(name)
        except ValueError:
            return False
        return True
    try:
        host = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= _HOST and all(_LABEL.fullmatch(label) for label in labels)
