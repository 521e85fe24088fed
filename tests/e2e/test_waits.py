"""Waits of minutes cost nobody an answer; each wait of a platform's is divided by the factor.

`tests.benchmarks.waits` plays the same scenes in real time, and says how long they took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_slack_program import texts
from tests.fakes.claude import FakeClaude, Talk
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import STREAMING, Limited, Slow, Status
from tests.scenes import waits

if TYPE_CHECKING:
    from tests.e2e.program import Program


@pytest.mark.parametrize(
    ("processes", "used"), [(1, False), (1, True), (2, False)], ids=["empty", "used", "two"]
)
async def test_a_kill_under_slacks_limits_costs_none_of_sixty_threads_its_answer(
    program: Program, processes: int, *, used: bool
) -> None:
    figures = await waits.killed_under_limits(program, factor=30, processes=processes, used=used)
    assert figures["answered_once"] == figures["threads"]
    assert figures["most_asks_of_a_thread"] <= 2


@pytest.mark.parametrize(
    ("fault", "seconds"), [(Status(503), 300), (Limited(1), 270)], ids=["503", "429"]
)
async def test_posts_that_fail_for_minutes_cost_no_answer(
    program: Program, fault: Status | Limited, seconds: float
) -> None:
    figures = await waits.posts_that_fail(program, fault, factor=30, seconds=seconds)
    assert figures["answered_once"] == figures["threads"]
    assert figures["most_asks_of_a_thread"] == 1
    assert figures["last_after_s"] <= 10


async def test_a_thread_that_discord_lets_nobody_make_is_answered(program: Program) -> None:
    figures = await waits.threads_that_are_limited(program, factor=30)
    assert figures["answers"] == 1
    assert figures["calls_that_were_limited"] <= 2


@pytest.mark.parametrize("streams", [True, False])
async def test_a_short_lease_is_no_bound_on_how_slow_slack_may_be(
    program: Program, *, streams: bool
) -> None:
    async with FakeSlack() as fake, FakeClaude() as claude:
        waits.on_slack(program, fake, claude, factor=60)
        program.settings["CHATBOT_LEASE_SECONDS"] = "2"
        if not streams:
            fake.faults.no_streaming()
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        claude.next(Talk("Whole."))
        running = await program.start("run")
        try:
            await fake.connected(2, within=30)
            for method in ("chat.postMessage", "chat.update", *STREAMING):
                fake.faults.always(method, Slow(3))
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            await fake.until(lambda: texts(fake, general, asked.ts) == ["Whole."], 25)
            assert len(claude.requests) == 1
        finally:
            await running.kill()
