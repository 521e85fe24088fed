"""Faults between the bot and Discord, as a test plans them.

A call's name is its method and its path as in Discord's documentation, as
`POST /channels/{channel_id}/messages`; the names of the commonest ones are below.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes.kit.faults import Cut, Fault, FaultPlan, Odd, Slow, Status

__all__ = [
    "CALLBACK",
    "DELETE",
    "EDIT",
    "FOLLOWUP",
    "HISTORY",
    "POST",
    "READ",
    "THREAD",
    "Cut",
    "Fault",
    "Faults",
    "Limited",
    "Odd",
    "Refused",
    "Slow",
    "Status",
]

POST = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
DELETE = "DELETE /channels/{channel_id}/messages/{message_id}"
HISTORY = "GET /channels/{channel_id}/messages"
READ = "GET /channels/{channel_id}/messages/{message_id}"
THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"


@dataclass(frozen=True, slots=True)
class Limited(Fault):
    """HTTP 429, and nothing happened (docs: topics/rate-limits)."""

    retry_after: float = 0.05
    everywhere: bool = False
    """The global limit rather than a route's."""


@dataclass(frozen=True, slots=True)
class Refused(Fault):
    """An error of Discord's own by its code, and nothing happened."""

    code: int
    retry_after: float = 0.05
    """Seconds, if the code is one of a limit (429)."""


class Faults(FaultPlan):
    """The plan for a Discord."""

    def __init__(self) -> None:
        super().__init__()
        self.starter_again = False
        """Whether a thread's starter comes once more as a message in the thread (discord.md 2)."""

    def limited(self) -> Fault:
        return Limited()

    def clear(self) -> None:
        super().clear()
        self.starter_again = False
