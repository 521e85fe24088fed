"""Faults between the app and Slack, as a test plans them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes.kit.faults import Cut, Fault, FaultPlan, Odd, Slow, Status

__all__ = ["STREAMING", "Cut", "Fault", "Faults", "Limited", "Odd", "Refused", "Slow", "Status"]

STREAMING = ("chat.startStream", "chat.appendStream", "chat.stopStream")


@dataclass(frozen=True, slots=True)
class Limited(Fault):
    """HTTP 429, and nothing happened (slack.md 2.3)."""

    retry_after: float = 1


@dataclass(frozen=True, slots=True)
class Refused(Fault):
    """An error of Slack's own, and nothing happened."""

    error: str


class Faults(FaultPlan):
    """The plan for a workspace; a call's name is its method."""

    def __init__(self) -> None:
        super().__init__()
        self.unsupported: set[str] = set()
        """Methods that a workspace or a proxy lacks: `unknown_method`."""

    def limited(self) -> Fault:
        return Limited()

    def no_streaming(self) -> None:
        """Be a workspace or a proxy without streaming."""
        self.unsupported.update(STREAMING)

    def clear(self) -> None:
        super().clear()
        self.unsupported.clear()
