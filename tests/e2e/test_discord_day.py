"""A scripted day on Discord: every reply once, every memory right, whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.backstage import backstage
from tests.day.discord import DiscordStage
from tests.day.scenario import play
from tests.fakes.discord import FakeDiscord

if TYPE_CHECKING:
    from pathlib import Path


async def live(fake: FakeDiscord, home: Path) -> None:
    """Play the whole day."""
    fake.faults.starter_again = True
    stage = DiscordStage(fake)
    async with backstage(stage, home) as behind:
        await play(stage, behind)
    assert fake.all_pings() == []


async def test_a_day(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        await live(fake, tmp_path)
