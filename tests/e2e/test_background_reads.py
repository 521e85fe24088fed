"""What is read beside the conversation waits for the answers, never the other way round."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import bot_on, echo
from tests.e2e.slack_hands import talk
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Limited, Slow, Status
from tests.world import until

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.fakes.slack.faults import Fault

FACTOR = 20
"""What Slack's minute is divided by."""
KNOWN = 200
HISTORY, REPLIES = "conversations.history", "conversations.replies"


async def test_a_restart_with_two_hundred_known_threads_answers_at_once() -> None:
    store, model = LocalStore(SystemClock()), ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        channels = [fake.channel(f"channel-{number}", ann) for number in range(10)]
        async with bot_on(fake, store=store):
            known = [
                await fake.say(ann, channels[number % 10], f"{fake.at_bot} question {number}?")
                for number in range(KNOWN)
            ]
            await until(lambda: sum(len(fake.said_by_app(each)) for each in channels) >= KNOWN)
            await fake.settled()
        strange = await fake.say(ann, channels[1], "The launch is on Friday.")
        fake.limits.on, fake.limits.minute = True, 60 / FACTOR
        async with bot_on(fake, model, store=store, slack_pace=1 / FACTOR):
            await used_up(fake)
            await fake.say(ann, channels[0], "still there?", known[0].ts)
            await fake.say(ann, channels[1], f"{fake.at_bot} which day?", strange.ts)
            await fake.say(ann, channels[2], f"{fake.at_bot} and you?")
            await fake.replies(channels[0], known[0].ts, 2)
            await fake.replies(channels[1], strange.ts, 1)
            await until(lambda: any("and you?" in prompt(call) for call in model.calls))
            assert len(fake.web.made(REPLIES)) < KNOWN
    asked = next(prompt(call) for call in model.calls if "which day?" in prompt(call))
    assert "The launch is on Friday." in asked
    assert [method for method, _ in fake.limits.refused] == []


@pytest.mark.parametrize("fault", [Limited(30), Status(503), Slow(5)], ids=str)
async def test_who_asks_where_nothing_can_be_read_is_answered_by_one_who_knows_that(
    fault: Fault,
) -> None:
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        root = await fake.say(ann, general, "The launch is on Friday.")
        async with bot_on(fake, model):
            for method in (HISTORY, REPLIES):
                fake.faults.always(method, fault)
            await fake.say(ann, general, f"{fake.at_bot} which day?", root.ts)
            top = await talk(fake, ann, general, "and here?")
            await fake.replies(general, root.ts, 1)
    asked = next(prompt(call) for call in model.calls if "which day?" in prompt(call))
    assert "What was said here before this message is unknown." in asked
    other = next(prompt(call) for call in model.calls if "and here?" in prompt(call))
    assert "is not known" not in other
    assert top.ts != root.ts


async def used_up(fake: FakeSlack) -> None:
    """Wait until the background has to wait for the next minute before it reads on."""
    made = 0
    while not made or len(fake.web.made(REPLIES)) > made:
        made = len(fake.web.made(REPLIES))
        await asyncio.sleep(0.3)


def prompt(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)
