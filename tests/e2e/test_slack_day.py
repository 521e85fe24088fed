"""A scripted day on Slack: every reply once, every memory right, whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.day.backstage import backstage
from tests.day.scenario import play
from tests.day.slack import SlackStage
from tests.e2e.slack_bot import TRANSPORTS
from tests.fakes.slack import Cut, FakeSlack, Limited
from tests.fakes.slack.call import METHODS

if TYPE_CHECKING:
    from pathlib import Path


if TYPE_CHECKING:
    from pathlib import Path

SOON = 0.005
"""What the waits before Slack sends something again are multiplied by: 5 minutes are 1.5 s."""


async def live(fake: FakeSlack, transport: str, home: Path) -> None:
    """Play the whole day."""
    fake.delivery.pace = SOON
    stage = SlackStage(fake, transport)
    async with backstage(stage, home) as behind:
        await play(stage, behind)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_day(tmp_path: Path, transport: str) -> None:
    async with FakeSlack() as fake:
        await live(fake, transport, tmp_path)


async def test_a_day_on_which_each_event_comes_twice_and_in_any_order(tmp_path: Path) -> None:
    async with FakeSlack() as fake:
        fake.faults.twice, fake.faults.shuffle = True, 0.05
        await live(fake, "http", tmp_path)


async def test_a_day_on_which_each_answer_of_slack_is_lost_once(tmp_path: Path) -> None:
    async with FakeSlack() as fake:
        fake.faults.each_once(Cut(), METHODS)  # of the Web API, not of the addresses of files
        await live(fake, "socket", tmp_path)
        assert {"chat.postMessage", "chat.update", "views.open"} <= dealt(fake)


async def test_a_day_on_which_slack_refuses_every_third_call(tmp_path: Path) -> None:
    async with FakeSlack() as fake:
        # At once is soon enough: how long the bot waits is held to elsewhere. Sockets are opened by
        # slack-sdk, which reads whole seconds alone.
        at_once = Limited(1e-9)
        fake.faults.every(3, at_once, METHODS.keys() - {"apps.connections.open"})
        await live(fake, "socket", tmp_path)
        assert {"chat.postMessage", "chat.update"} <= dealt(fake)


def dealt(fake: FakeSlack) -> set[str]:
    return {method for method, _ in fake.faults.dealt}
