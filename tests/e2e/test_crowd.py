"""One person asks far more than all others, and everybody gets a fair share."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, slack_bot
from tests.e2e.slack_bot import answers
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from core.models.scripted import Step

TURN_SECONDS = 0.5
PATIENCE_SECONDS = 2.0
"""For a turn of half a second on a machine that does other things as well; in line it took 7."""


def slowly(request: ModelRequest) -> list[Step]:
    del request
    return [TURN_SECONDS, "fine"]


async def test_sixty_threads_of_one_person_on_slack_keep_nobody_else_waiting() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        here, there = fake.channel("general", ann, eve), fake.channel("other", ann)
        async with slack_bot.bot_on(fake, ScriptedModel(reply=slowly), turns_at_once=5):
            flood = [await fake.say(eve, here, f"{fake.at_bot} {n}") for n in range(60)]
            began = time.monotonic()
            asked = await fake.say(ann, there, f"{fake.at_bot} one question")
            await fake.replies(there, asked.ts)
            assert time.monotonic() - began < PATIENCE_SECONDS
            for each in flood:
                await fake.replies(here, each.ts, within=60)


async def test_a_crowded_discord_channel_of_one_person_keeps_no_direct_message_waiting() -> None:
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        channels = [fake.channel(f"c{number}") for number in range(30)]
        model = ScriptedModel(reply=slowly)
        async with discord_bot.bot_on(
            fake, model, turns_at_once=4, discord_answer_in="channel", follow_up="mentioned"
        ):
            for channel in channels:
                await fake.say(eve, channel, f"{fake.at_bot} hello")
            began = time.monotonic()
            await fake.say(ann, fake.dm(ann), "one question")
            await fake.replies(fake.dm(ann))
            assert time.monotonic() - began < PATIENCE_SECONDS
            for channel in channels:
                await fake.replies(channel, within=60)


async def test_who_has_too_much_waiting_on_slack_is_told_so_once() -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        here = fake.channel("general", ann, eve)
        gate = asyncio.Event()
        model = ScriptedModel(reply=lambda _: [gate, "fine"])
        async with slack_bot.bot_on(
            fake, model, turns_at_once=4, turns_per_person=1, waiting_per_person=3
        ):
            asked = [await fake.say(eve, here, f"{fake.at_bot} {n}") for n in range(10)]
            await fake.settled()

            def refusals() -> list[str]:
                said = (m.text for m in fake.said_by_app())
                return [text for text in said if "I could not take this message: 3 of" in text]

            await fake.until(refusals)
            gate.set()
            again = await fake.say(ann, here, f"{fake.at_bot} what about me?")
            await fake.replies(here, again.ts)
            await fake.until(lambda: [m.text for m in fake.said_by_app()].count("fine") == 5)
            assert len(refusals()) == 1
            assert sum(bool(answers(fake, here, each.ts)) for each in asked) == 5
            late = await fake.say(eve, here, f"{fake.at_bot} again")
            await fake.replies(here, late.ts)


async def test_who_has_too_much_waiting_on_discord_is_told_so_once_though_it_was_no_mention() -> (
    None
):
    async with FakeDiscord() as fake:
        eve = fake.person("eve")
        general = fake.channel("general")
        gate = asyncio.Event()
        model = ScriptedModel(reply=lambda _: [gate, "fine"])
        async with discord_bot.bot_on(fake, model, turns_per_person=1, waiting_per_person=2):
            opened = await fake.say(eve, general, f"{fake.at_bot} hello")
            gate.set()
            thread = await fake.thread(opened)
            await fake.replies(thread)
            gate.clear()
            for number in range(6):
                await fake.say(eve, thread, f"and {number}")

            def refusals() -> int:
                return sum("not take this message: 2" in m.content for m in fake.said_by_bot())

            await fake.until(refusals)
            gate.set()
            await fake.until(
                lambda: any("could not be taken in" in m.content for m in fake.said_by_bot())
            )
            assert refusals() == 1
