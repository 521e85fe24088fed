"""Two replicas of the program on one shard: whichever is killed in mid-reply, the other goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.day.backstage import backstage
from tests.day.diary import PATIENCE, Diary
from tests.day.discord import DiscordStage
from tests.day.mind import HELD
from tests.day.scenario import KNOW
from tests.day.verdict import judge
from tests.fakes.discord import FakeDiscord

if TYPE_CHECKING:
    from pathlib import Path

    from tests.day.backstage import Backstage
    from tests.e2e.program import Running


async def test_killed_in_mid_reply_its_twin_gives_every_reply_once(tmp_path: Path) -> None:
    async with FakeDiscord() as fake:
        fake.faults.starter_again = True
        stage = DiscordStage(fake)
        async with backstage(stage, tmp_path) as behind:
            day = Diary(stage, behind.store, behind.claude)
            await behind.start()
            twin = await succeeded(day, behind, "plans", 100)
            try:
                await day.ask("ann", "plans", KNOW)
                await day.ask("bob", "bob", KNOW)
                twin.process.send_signal(signal.SIGTERM)
                ended = await twin.end()
            finally:
                await twin.kill()
            assert (ended.code, ended.lines) == (0, [])
            await judge(day, behind, trimmed=())
        assert len(fake.gateway.identified) == 2
        assert fake.all_pings() == []


async def succeeded(day: Diary, behind: Backstage, thread: str, number: int) -> Running:
    """Kill the program in the middle of replies while another hears the same; return that one."""
    stage = day.stage
    assert isinstance(stage, DiscordStage)
    room = await day.say("ann", thread, f"First sorrel-{number}, {HELD}.", mention=True)
    alone = await day.say("bob", "bob", f"And tansy-{number}: {HELD}.")
    await day.begun(thread, room)
    await day.begun("bob", alone)
    twin = await behind.program.start("run")
    try:
        await stage.fake.connected(2, PATIENCE)
        waiting = await day.say("ann", thread, f"Then sorrel-{number + 1}.")
        await stage.heard()
        new = await day.say("cat", "new", f"Both hear yarrow-{number}.", mention=True)
        await day.answered("new", new)
        await behind.kill()
        behind.mind.awake = True
        late = await day.say("cat", "late", f"One hears vervain-{number}.", mention=True)
        said = [(thread, room), (thread, waiting), ("bob", alone), ("late", late)]
        for where, each in said:
            await day.answered(where, each)
    except BaseException:
        await twin.kill()
        raise
    return twin
