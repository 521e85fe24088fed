"""Talking to the bot on Slack, over both transports."""

from __future__ import annotations

import asyncio

import pytest

from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on, echo
from tests.fakes.slack import FakeSlack

both = pytest.mark.parametrize("transport", TRANSPORTS)


@both
async def test_a_mention_opens_a_thread_and_is_answered_once(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            (answer,) = await fake.replies(general, asked.ts)
            await fake.settled()
            assert answer.text == "re: hello?"
            assert answer.blocks[0]["type"] == "markdown"
            assert answer.unfurls == (False, False)
        assert answers(fake, general, asked.ts) == [answer]
        assert len(fake.web.made("chat.postMessage")) == 1


@both
async def test_a_dm_is_answered_in_a_thread_and_remembered_in_the_next(transport: str) -> None:
    model = ScriptedModel("Hello Ann.", "You are Ann.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, transport=transport):
            first = await fake.say(ann, dm, "I am Ann.")
            await fake.replies(dm, first.ts)
            second = await fake.say(ann, dm, "Who am I?")
            (answer,) = await fake.replies(dm, second.ts)
            assert answer.text == "You are Ann."
    assert "I am Ann." in model.calls[1].messages[0].text


async def test_in_its_thread_one_person_needs_no_further_mention() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        model = ScriptedModel("one", "two", "three")
        async with bot_on(fake, model):
            asked = await fake.say(ann, general, f"{fake.at_bot} one?")
            await fake.replies(general, asked.ts)
            await fake.say(ann, general, "two?", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.say(bob, general, "I think it is four.", asked.ts)
            await fake.settled()
            await fake.say(ann, general, f"{fake.at_bot} three?", asked.ts)
            assert [m.text for m in await fake.replies(general, asked.ts, 3)] == [
                "one",
                "two",
                "three",
            ]
    last = model.calls[2].messages[-1].text
    assert "Bob" in last or "bob" in last
    assert "I think it is four." in last


async def test_people_who_talk_to_each_other_and_bots_are_left_alone() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake):
            talk = await fake.say(ann, general, "Lunch?")
            await fake.say(bob, general, "Yes.", talk.ts)
            asked = await fake.say(ann, general, f"{fake.at_bot} hi")
            await fake.replies(general, asked.ts)
            await fake.say(ann, general, f"<@{bob.id}> look at this", asked.ts)
            other = fake.other_bot("alerts")
            await fake.join(other, general)
            await fake.say(other, general, f"{fake.at_bot} alert!")
            await fake.settled()
            await asyncio.sleep(0.1)
        assert len(fake.said_by_app(general)) == 1


@both
async def test_an_edit_and_a_deletion_change_what_is_remembered(transport: str) -> None:
    model = ScriptedModel("ok", "ok", "You like tea.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model, transport=transport):
            asked = await fake.say(ann, general, f"{fake.at_bot} I like coffee")
            await fake.replies(general, asked.ts)
            secret = await fake.say(ann, general, "The code is 1234", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.edit(asked, f"{fake.at_bot} I like tea")
            await fake.delete(secret)
            await fake.settled()
            await fake.say(ann, general, "What do I like?", asked.ts)
            await fake.replies(general, asked.ts, 3)
    seen = "\n".join(message.text for message in model.calls[2].messages)
    assert "tea" in seen
    assert "coffee" not in seen
    assert "1234" not in seen


async def test_mentioned_in_the_middle_it_knows_what_was_said_before() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        model = ScriptedModel("Friday.")
        root = await fake.say(ann, general, "When is the launch?")
        await fake.say(bob, general, "On Friday, I heard.", root.ts)
        async with bot_on(fake, model):
            await fake.say(ann, general, f"{fake.at_bot} when is it?", root.ts)
            await fake.replies(general, root.ts)
            await fake.settled()
    seen = model.calls[0].messages[-1].text
    assert seen.index("When is the launch?") < seen.index("On Friday") < seen.index("when is it?")
    assert seen.count("On Friday") == 1


async def test_a_long_answer_comes_whole_in_several_messages() -> None:
    words = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(40))
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, ScriptedModel(words)):
            asked = await fake.say(ann, general, f"{fake.at_bot} tell me all")
            found = await fake.replies(general, asked.ts, 3)
            await fake.settled()
            await asyncio.sleep(0.05)
        shown = "".join(block["text"] for m in found for block in m.blocks)
        assert "".join(shown.split()) == "".join(words.split())
        assert len(answers(fake, general, asked.ts)) == len(found)


async def test_one_thread_does_not_wait_for_another() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        model = ScriptedModel([gate, "slow"], reply=echo)
        async with bot_on(fake, model):
            slow = await fake.say(ann, general, f"{fake.at_bot} slow?")
            await fake.settled()
            quick = await fake.say(ann, general, f"{fake.at_bot} quick?")
            await fake.replies(general, quick.ts)
            gate.set()
            await fake.replies(general, slow.ts)
