"""One thing that Slack does, as far as we know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that Slack does."""

    sentence: str
    """What it is; `{limit}` and `{error}` stand for the fields."""
    source: str
    """Where that is known from: a page of docs.slack.dev, an issue, or that it is assumed."""
    error: str = ""
    """Slack's word for refusing; empty where nothing is refused."""
    limit: int = 0
    """How much is still taken; 0 where it is not a matter of how much."""

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence.format(error=self.error, limit=f"{self.limit:,}")
