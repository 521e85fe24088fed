"""Talking to the bot on Slack, over both transports."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.domain.session import Answer
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on, echo
from tests.fakes.slack import Cut, FakeSlack
from tests.world import until

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


@both
async def test_nothing_that_is_said_is_logged(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at DEBUG either, where the SDKs have their say."""
    caplog.set_level(logging.DEBUG)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            caplog.clear()
            asked = await fake.say(ann, general, f"{fake.at_bot} hazel-803?")
            await fake.replies(general, asked.ts)
            await fake.settled()
    said = [record for record in caplog.records if "hazel-803" in record.getMessage()]
    assert not [record for record in said if not record.name.startswith("tests.")]


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


async def test_what_was_forgotten_is_not_read_again() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        model = ScriptedModel("ok", "ok")
        root = await fake.say(ann, general, "The code is 1234.")
        async with bot_on(fake, model) as bot:
            asked = await fake.say(ann, general, f"{fake.at_bot} hi", root.ts)
            await fake.replies(general, root.ts)
            await until(lambda: not bot.worker._turns)
            (found,) = (await bot.store.threads()).threads
            await bot.store.erase(found.thread, at=float(asked.ts))
            bot.slack.reception._intake._backfill._known.clear()  # as another process
            await fake.say(ann, general, f"{fake.at_bot} what is the code?", root.ts)
            await fake.replies(general, root.ts, 2)
    assert "1234" in model.calls[0].messages[-1].text
    assert "1234" not in model.calls[1].messages[-1].text


async def test_the_first_reply_that_sees_less_has_a_mark_and_a_line_that_explains_it() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, memory="window", memory_pairs=1):
            asked = await fake.say(ann, general, f"{fake.at_bot} 1")
            for n in range(2, 6):
                found = await fake.replies(general, asked.ts, n - 1)
                await fake.settled()
                await fake.say(ann, general, str(n), asked.ts)
            found = await fake.replies(general, asked.ts, 5)
            await fake.until(lambda: any(m.reactions for m in found))
            await fake.settled()
        marked = [m for m in found if "scissors" in m.reactions]
        assert marked
        explained = [m for m in found if "what_i_remember" in str(m.blocks)]
        assert explained == marked[:1]
        assert all(m.text.startswith("re: ") for m in found)


async def test_people_of_other_organisations_are_heard_only_when_that_is_allowed() -> None:
    for allowed in (False, True):
        async with FakeSlack() as fake:
            ann, eve = fake.person("ann"), fake.stranger("eve")
            shared = fake.channel("shared", ann, eve, shared=True)
            async with bot_on(fake, slack_allow_strangers=allowed):
                await fake.say(eve, shared, f"{fake.at_bot} hello?")
                asked = await fake.say(ann, shared, f"{fake.at_bot} hello?")
                await fake.replies(shared, asked.ts)
                await fake.settled()
                await asyncio.sleep(0.2)
            assert len(fake.said_by_app()) == (2 if allowed else 1)


@pytest.mark.parametrize("allowed", [False, True])
async def test_other_bots_are_answered_only_when_that_is_allowed(allowed: bool) -> None:
    async with FakeSlack() as fake:
        ann, other = fake.person("ann"), fake.other_bot("alerts")
        general = fake.channel("general", ann, other)
        async with bot_on(fake, slack_allow_bots=allowed):
            alert = await fake.say(other, general, f"{fake.at_bot} disk full")
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            await fake.replies(general, asked.ts)
            if allowed:
                assert [m.text for m in await fake.replies(general, alert.ts)] == ["re: disk full"]
            await fake.settled()
            await asyncio.sleep(0.2)
        assert len(fake.said_by_app(general)) == 1 + allowed  # and never itself


async def test_the_pages_of_fifteen_messages_that_some_apps_get() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("chat.postMessage", Cut())
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        fake.limits.distributed = True
        async with bot_on(fake):
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            (answer,) = await fake.replies(general, asked.ts)
            await fake.settled()
            await asyncio.sleep(0.2)
        assert answers(fake, general, asked.ts) == [answer]


async def test_what_left_the_window_is_recalled_when_it_is_asked_about() -> None:
    fact = "The spare key of the archive is in locker 4711."
    model = ScriptedModel(reply=echo)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model, memory="window", memory_pairs=2) as bot:
            asked = await fake.say(bob, general, f"{fake.at_bot} {fact}")
            told = ("It rains.", "Lunch is at noon.", "The lift is slow.", "Where is my coffee?")
            for number, text in enumerate((*told, "What about the spare key?"), start=2):
                await fake.replies(general, asked.ts, number - 1)
                await bot.worker._runner._pipeline.recall.indexes.settled()
                await fake.say(ann, general, f"{fake.at_bot} {text}", asked.ts)
            await fake.replies(general, asked.ts, 6)
            await fake.settled()
            (found,) = (await bot.store.threads()).threads
            answer = [r for r in await bot.store.history(found.thread) if isinstance(r, Answer)][-1]
    last = model.calls[-1].messages
    assert fact not in "".join(each.text for each in last[:-1])
    recalled = last[-1].text.partition("<chat_recalled>")[2].partition("</chat_recalled>")[0]
    assert fact in recalled
    assert 'from="bob"' in recalled
    assert 0 in answer.recalled
