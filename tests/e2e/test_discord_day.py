"""A scripted day on Discord: every reply once, every memory right, whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.backstage import backstage
from tests.day.discord import DiscordStage
from tests.day.discord_own import own
from tests.day.scenario import play
from tests.fakes.discord import FakeDiscord, Limited
from tests.fakes.discord.call import ROUTES
from tests.fakes.discord.faults import CALLBACK, EDIT, HISTORY, POST, THREAD

if TYPE_CHECKING:
    from pathlib import Path

CALLS = {route.name for route in ROUTES}


async def live(fake: FakeDiscord, home: Path) -> None:
    """Play the whole day."""
    fake.faults.starter_again = True
    stage = DiscordStage(fake)
    async with backstage(stage, home) as behind:
        await play(stage, behind, own(stage))
    assert fake.all_pings() == []


async def test_a_day(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        await live(fake, tmp_path)


async def test_a_day_on_which_each_event_comes_twice_and_in_any_order(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.faults.twice, fake.faults.shuffle = True, 0.05
        fake.nonce_in_history = True  # whether Discord shows them is not known: both must do
        await live(fake, tmp_path)


async def test_a_day_on_which_each_answer_of_discord_is_lost_once(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.faults.each_once(calls=CALLS)
        await live(fake, tmp_path)
        assert {POST, EDIT, HISTORY, THREAD, CALLBACK} <= dealt(fake)


async def test_a_day_on_which_discord_refuses_every_third_call(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.faults.every(3, Limited(0.01), CALLS)
        await live(fake, tmp_path)
        assert POST in dealt(fake)  # of all else, only some is ever a third


def dealt(fake: FakeDiscord) -> set[str]:
    return {call for call, _ in fake.faults.dealt}
