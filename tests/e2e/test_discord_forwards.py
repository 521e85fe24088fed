"""A forward on Discord and the words that go with it are two messages, and get one answer."""

from __future__ import annotations

import asyncio

import pytest

from bots.discord.inbound.shown import forwards
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import settled, talk
from tests.e2e.slack_bot import echo
from tests.e2e.test_discord_shown import asked, model
from tests.fakes.discord import FakeDiscord


async def test_a_forward_and_the_words_that_go_with_it_are_one_question_in_a_channel() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general, ops = fake.channel("general"), fake.channel("ops")
        plan = fake.file("plan.txt", "First the database.")
        move = await fake.say(ben, ops, "The server moves on Friday.", files=[plan])
        async with bot_on(fake, claude):
            await fake.forward(ann, move, general)
            ask = await fake.say(ann, general, f"{fake.at_bot} what does this mean for us?")
            await fake.replies(await fake.thread(ask))
            ask = await fake.say(ben, general, f"{fake.at_bot} and for me?")
            await fake.replies(await fake.thread(ask))
            forward = await fake.forward(ben, move, general)
            ask = await fake.say(ann, general, f"{fake.at_bot} and this?", reply_to=forward)
            await fake.replies(await fake.thread(ask))
    first, other, last = map(asked, claude.calls)
    assert 'us?\n<chat_quote kind="forward" in="#ops"' in first
    assert "The server moves on Friday." in first
    assert "First the database." in first
    assert "Friday" not in other
    assert "The server moves on Friday." in last


async def test_in_a_direct_message_both_get_one_answer() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, ops = fake.person("ann"), fake.person("ben"), fake.channel("ops")
        move = await fake.say(ben, ops, "The server moves on Friday.")
        dm = fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            await fake.forward(ann, move, dm)
            await asyncio.sleep(0.4)  # as long as the client takes to post the second message
            await fake.say(ann, dm, "What does this mean for us?")
            await fake.replies(dm)
            await settled(bot)
            await fake.forward(ann, move, dm)
            await fake.forward(ann, move, dm)
            await fake.say(ann, dm, "And twice?")
            await fake.replies(dm, 2)
            await settled(bot)
            await asyncio.sleep(forwards.SECONDS)
        assert len(fake.said_by_bot(dm)) == 2
    first, second = map(asked, claude.calls)
    assert first.count("The server moves on Friday.") == 1
    assert first.index("Friday") < first.index("What does this mean for us?")
    assert second.count("The server moves on Friday.") == 2


async def test_a_forward_without_words_is_answered_after_a_moment_and_may_be_taken_back() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, ops = fake.person("ann"), fake.person("ben"), fake.channel("ops")
        move = await fake.say(ben, ops, "The server moves on Friday.")
        dm = fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            await fake.forward(ann, move, dm)
            await fake.replies(dm, within=forwards.SECONDS + 5)
            await settled(bot)
            await fake.delete(await fake.forward(ann, move, dm))
            await asyncio.sleep(forwards.SECONDS + 0.5)
            await fake.say(ann, dm, "never mind")
            await fake.replies(dm, 2)
            await settled(bot)
        assert len(fake.said_by_bot(dm)) == 2
    assert "Friday" not in asked(claude.calls[-1])


@pytest.mark.parametrize("mention", ["", "{} "])
async def test_in_the_bots_thread_both_get_one_answer_and_others_keep_their_order(
    mention: str,
) -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general, ops = fake.channel("general"), fake.channel("ops")
        move = await fake.say(ben, ops, "The server moves on Friday.")
        async with bot_on(fake, claude) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            await fake.forward(ann, move, thread)
            await fake.say(ann, thread, f"{mention.format(fake.at_bot)}is this so?")
            await fake.replies(thread, 2)
            await settled(bot)
            await fake.forward(ann, move, thread)
            await fake.say(ben, thread, "It moves on Monday.")
            await fake.say(ann, thread, f"{fake.at_bot} on which day?")
            await fake.until(lambda: "day?" in fake.said_by_bot(thread)[-1].content)
            await settled(bot)
    assert "The server moves on Friday." in asked(claude.calls[1])
    last = "".join(message.text for message in claude.calls[-1].messages[3:])
    assert last.index("Friday") < last.index("Monday") < last.index("on which day?")


async def test_a_mention_in_a_thread_of_people_reads_what_was_said_before_the_forward() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general, ops = fake.channel("general"), fake.channel("ops")
        move = await fake.say(ben, ops, "The server moves on Friday.")
        thread = await fake.open_thread(ben, await fake.say(ben, general, "Plans?"), "Plans")
        await fake.say(ben, thread, "The cellar is full.")
        async with bot_on(fake, claude) as bot:
            await fake.forward(ann, move, thread)
            await fake.say(ann, thread, f"{fake.at_bot} is this so?")
            await fake.replies(thread)
            await settled(bot)
        assert len(fake.said_by_bot(thread)) == 1
    (said,) = map(asked, claude.calls)
    order = ("Plans?", "The cellar is full.", "The server moves on Friday.", "is this so?")
    assert sorted(order, key=said.index) == list(order)


async def test_what_waits_when_the_bot_stops_is_answered_by_the_next() -> None:
    claude = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, ben, ops = fake.person("ann"), fake.person("ben"), fake.channel("ops")
        move = await fake.say(ben, ops, "The server moves on Friday.")
        dm = fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            await fake.say(ann, dm, "hello")
            await fake.replies(dm)
            await settled(bot)
            await fake.forward(ann, move, dm)
            await asyncio.sleep(0.2)
        async with bot_on(fake, claude, store=bot.store):
            await fake.until(lambda: len(fake.said_by_bot(dm)) == 2)
    assert "Friday" in asked(claude.calls[-1])
