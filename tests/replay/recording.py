"""A recording, read from its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bots.slack.live.record import FORMAT, Exchange, unfolded

if TYPE_CHECKING:
    from bots.slack.live.record import Json

FOLDER = Path(__file__).parent / "recordings"
"""All that is here is played; the owner adds what `chatbot doctor --live` wrote."""
FROM_FAKE = FOLDER / "slack.from-our-fake.jsonl"
"""Recorded from our own fake, NOT from Slack: a stand-in until there is a real one."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded in one run."""

    header: Json
    exchanges: tuple[Exchange, ...]

    @property
    def roles(self) -> Json:
        """Return who is who, by the names that ids go by."""
        roles: Json = self.header["roles"]
        return roles


def recordings() -> list[Path]:
    """Return all recordings that there are."""
    return sorted(FOLDER.glob("slack*.jsonl"))


def load(path: Path) -> Recording:
    """Read a recording."""
    header, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert header["recording"] == FORMAT
    assert header["platform"] == "slack"
    return Recording(header, tuple(Exchange(**unfolded(each)) for each in rest))
