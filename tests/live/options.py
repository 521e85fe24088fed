"""What a developer asks of a live trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where to try out the platform, and how thoroughly."""

    channel: str
    """The id of a channel that the bot is in."""
    expiry: bool
    """Whether to wait until a stream (Slack, 6 min) or a nonce (Discord, 10 min) expires."""
    limits: bool
    """Whether to call too often on purpose, to see a rate limit."""
    folder: Path
    """Where the recording goes."""
