"""An answer in a shape that the platform refuses comes in another: plain, smaller, as a file."""

from __future__ import annotations

import pytest

from bots.slack.faults import CONTENT, METADATA
from core.models.scripted import ScriptedModel
from core.turn.notices import UNDELIVERED
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.slack_bot import answers
from tests.e2e.slack_bot import bot_on as slack_bot
from tests.e2e.slack_hands import files_in
from tests.fakes import discord as on_discord
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import POST
from tests.fakes.slack import FakeSlack, Refused

WRITE = "chat.postMessage"
WORDS = "Paris, as it was the last time that you asked me."
AUTOMOD, INVALID = 200000, 50035
"""Refusals of what is in a message (docs: topics/opcodes-and-status-codes)."""


@pytest.mark.parametrize("code", sorted(CONTENT | METADATA))
@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_of_which_slack_refuses_the_shape_stands_in_another(
    code: str, times: int
) -> None:
    model = ScriptedModel(WORDS)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, model) as bot:
            fake.faults.next(WRITE, *[Refused(code)] * times)
            asked = await fake.say(ann, general, f"{fake.at_bot} which?")
            await fake.replies(general, asked.ts)
            await fake.settled()
            assert await bot.store.buried() == ()
        assert "".join(message.text for message in answers(fake, general, asked.ts)) == WORDS
    assert len(model.calls) == 1


async def test_an_answer_that_slack_takes_as_no_message_is_a_file() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, ScriptedModel(WORDS)) as bot:
            fake.faults.always(WRITE, Refused("invalid_blocks"))
            asked = await fake.say(ann, general, f"{fake.at_bot} which?")
            await fake.until(lambda: bool(files_in(fake, general)))
            assert await bot.store.buried() == ()
            (said,) = answers(fake, general, asked.ts)
            assert said.text.startswith("The answer can't be posted whole in messages")
        assert WORDS in files_in(fake, general)[0].data.decode()


@pytest.mark.parametrize("code", [AUTOMOD, INVALID])
@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_of_which_discord_refuses_the_shape_stands_in_another(
    code: int, times: int
) -> None:
    model = ScriptedModel(WORDS)
    async with FakeDiscord() as fake:
        dm = fake.dm(fake.person("ann"))
        fake.faults.next(POST, *[on_discord.Refused(code)] * times)
        async with discord_bot(fake, model) as bot:
            await fake.say(dm.recipients[0], dm, "which?")
            (said,) = await fake.replies(dm)
            assert await bot.store.buried() == ()
        assert UNDELIVERED not in said.content
    assert len(model.calls) == 1


async def test_an_answer_to_a_message_that_discord_no_longer_has_is_no_reply() -> None:
    """The deletion was not heard of yet.

    Source: github.com/NousResearch/hermes-agent, issue 11342.
    """
    model = ScriptedModel(WORDS)
    async with FakeDiscord() as fake:
        dm = fake.dm(fake.person("ann"))
        fake.faults.next(POST, on_discord.Refused(10008))
        async with discord_bot(fake, model) as bot:
            await fake.say(dm.recipients[0], dm, "which?")
            (said,) = await fake.replies(dm)
            assert await bot.store.buried() == ()
        assert said.content == WORDS
        assert not said.reference
    assert len(model.calls) == 1
