"""The names of things in a store. Pure. Different things never get the same name."""

from __future__ import annotations

import hashlib
from uuid import uuid4
from zlib import crc32

from core.domain.message import ThreadKey
from core.domain.settings import server_channel

SEEN_SECONDS = 25 * 3600
"""How long an event's identity is remembered.

Slack's Delayed Events deliver an event again for up to 24 hours; an hour on top of that.
"""
TOMBSTONE_SECONDS = 365 * 24 * 3600
"""How long the store remembers that a thread was erased or reset, and when."""
AUDIT_SECONDS = 365 * 24 * 3600
"""How long the audit log keeps an event."""
AUDIT_LIMIT = 100_000
"""How many events it keeps, at about 200 bytes each."""


def digest(thread: ThreadKey, what: str = "") -> str:
    """Return a hash that names a thread, or something in it, without revealing anything."""
    text = f"{thread}\0{what}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def partition(thread: ThreadKey, partitions: int) -> int:
    """Return the number of the partition that a thread belongs to, starting at 0."""
    return crc32(str(thread).encode()) % partitions


def channel_prefix(platform: str, channel: str) -> str:
    """Return the prefix of every thread key of a channel."""
    return str(ThreadKey(platform, channel, "x"))[:-1]


def scopes(thread: ThreadKey) -> tuple[str, ...]:
    """Return the names of the settings of a thread's channel and, if it has one, its server."""
    server = server_channel(thread.channel)
    channels = (thread.channel, server) if server else (thread.channel,)
    return tuple([channel_prefix(thread.platform, channel) for channel in channels])


def once(platform: str, name: str) -> tuple[ThreadKey, str]:
    """Return the thread, which is never made, and the identity under which a name is claimed."""
    return ThreadKey(platform, "once", name), f"{platform}:once:{name}"


def unique() -> str:
    """Return a value that never repeats: a lease's token, a `revision`."""
    return uuid4().hex


def call_name() -> str:
    """Return a name for one call, by which a script tells the call's retry from a new call."""
    return uuid4().hex[:16]


def audit_start(now: float) -> str:
    """Return the text behind which the names of events sort that are not too old."""
    return f"{now - AUDIT_SECONDS:020.6f} "
