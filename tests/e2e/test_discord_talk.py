"""Talking to the bot on Discord."""

from __future__ import annotations

from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.fakes.discord import FakeDiscord


async def test_a_mention_opens_a_thread_and_is_answered_once() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake):
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            thread = await fake.thread(asked)
            (answer,) = await fake.replies(thread)
            assert answer.content == "re: hello?"
            assert answer.suppressed
            assert thread.name == "hello?"
        assert fake.said_by_bot() == [answer]
        assert fake.all_pings() == []


async def test_a_dm_is_answered_and_remembered() -> None:
    model = ScriptedModel("Hello Ann.", "You are Ann.")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            await fake.say(ann, dm, "I am Ann.")
            await fake.replies(dm)
            await fake.say(ann, dm, "Who am I?")
            assert [m.content for m in await fake.replies(dm, 2)] == ["Hello Ann.", "You are Ann."]
    assert "I am Ann." in model.calls[1].messages[0].text
