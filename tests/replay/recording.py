"""A recording, read from its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.live.discord.record import Reply
from tests.live.recording import FORMAT, unfolded
from tests.live.slack import record as slack

if TYPE_CHECKING:
    from tests.live.recording import Exchange, Json

FOLDER = Path(__file__).parent / "recordings"
"""All that is here is played; the owner adds what `make live` wrote."""
SLACK, DISCORD = "slack", "discord"


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded in one run."""

    header: Json
    exchanges: tuple[Exchange, ...]

    @property
    def platform(self) -> str:
        """Return which platform it is of."""
        return str(self.header["platform"])

    @property
    def roles(self) -> Json:
        """Return who is who, by the names that ids go by."""
        roles: Json = self.header["roles"]
        return roles


def from_fake(platform: str) -> Path:
    """Return what was recorded from our own fake, NOT from the platform: a stand-in."""
    return FOLDER / f"{platform}.from-our-fake.jsonl"


def recordings(platform: str = "") -> list[Path]:
    """Return all recordings that there are, of one platform or of all."""
    return sorted(FOLDER.glob(f"{platform}*.jsonl"))


def load(path: Path) -> Recording:
    """Read a recording."""
    header, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert header["recording"] == FORMAT
    kind = {SLACK: slack.Exchange, DISCORD: Reply}[header["platform"]]
    return Recording(header, tuple(kind(**unfolded(each)) for each in rest))
