"""Slack's clock counts, and not the host's: for lines that people draw, for ages and for cursors.

Sources: slackapi/bolt-python, issue 1158 (a server six minutes ahead); NousResearch/hermes-agent,
issue 12614 (messages lost in silence by a clock ahead).
"""

from __future__ import annotations

import asyncio

import pytest

from bots.slack.ui.commands import FORGET_SHORTCUT
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import bot_on, echo
from tests.e2e.slack_hands import filled
from tests.fakes.slack import FakeSlack

HOUR = 3600.0


@pytest.mark.parametrize("ahead", [-HOUR, -5.0, 5.0, HOUR])
@pytest.mark.parametrize("how", ["/chatbot reset", "/chatbot forget", "shortcut", "!"])
async def test_the_next_message_after_a_line_is_answered(how: str, ahead: float) -> None:
    """And what was said before it is gone."""
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        fake.advance(-ahead)
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            first = await fake.say(ann, dm, "My dog is called Rex")
            await fake.replies(dm, first.ts)
            await asyncio.sleep(0.2)
            if how == "shortcut":
                await fake.shortcut(ann, first, FORGET_SHORTCUT)
            elif how == "!":
                await fake.say(ann, dm, "!reset")
            else:
                await fake.slash(ann, dm, how)
            if how in {"shortcut", "/chatbot forget"}:
                await fake.submit(ann, await filled(fake, ann))
            await fake.until(lambda: len(fake.said_by_app(dm)) > 1)
            asked = await fake.say(ann, dm, "What is my dog called?")
            await fake.replies(dm, asked.ts, within=5)
        said = [block.text for each in model.calls[-1].messages for block in each.blocks]
        assert "Rex" not in "".join(said)


@pytest.mark.parametrize("ahead", [-3 * HOUR, 3 * HOUR])
async def test_what_was_missed_is_answered_whatever_time_it_is_here(ahead: float) -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        fake.advance(-ahead)
        ann = fake.person("ann")
        dm = fake.dm(ann)
        for _ in range(2):
            async with bot_on(fake, store=store):
                first = await fake.say(ann, dm, "one?")
                await fake.replies(dm, first.ts)
                await asyncio.sleep(0.3)
        missed = await fake.say(ann, dm, "two?")
        await fake.settled()
        async with bot_on(fake, store=store, slack_catch_up_hours=1):
            (answer,) = await fake.replies(dm, missed.ts)
        assert answer.text == "re: two?"
