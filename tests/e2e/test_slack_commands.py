"""Commands on Slack in the forms that it allows, and App Home."""

from __future__ import annotations

import asyncio

import pytest

from bots.slack.ui.commands import EXPORT_SHORTCUT
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.e2e.slack_hands import files_in, filled, shown, talk, told
from tests.fakes.slack import Cut, FakeSlack, Refused
from tests.world import until

both = pytest.mark.parametrize("transport", TRANSPORTS)


@both
async def test_a_slash_command_in_a_channel_lets_one_choose_what_to_export(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            await talk(fake, ann, general, "My dog is called Rex.")
            post = await fake.slash(ann, general, "/chatbot export")
            assert post.acked
            modal = await filled(fake, ann)
            await fake.press(ann, "thread_export", modal)
            await fake.until(lambda: files_in(fake, fake.dm(ann)))
            (file,) = files_in(fake, fake.dm(ann))
            assert file.name == "conversation.md"
            assert "> My dog is called Rex." in file.data.decode()
            assert not files_in(fake, general)


async def test_help_is_the_answer_to_the_command_itself() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            for line in ("/chatbot", "/chatbot help", "/chatbot what?"):
                await fake.slash(ann, general, line)
                assert "/chatbot export" in fake.shown_to(ann)[-1].text
            await fake.slash(ann, general, "/chatbot stats")
            await told(fake, ann, "There are no conversations yet.")


@both
async def test_reset_in_a_thread_is_announced_and_begins_anew(transport: str) -> None:
    model = ScriptedModel("ok", "I don't know.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model, transport=transport):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            said = await fake.replies(general, asked.ts, 2)
            assert said[1].text.startswith("ann reset this conversation. I no longer use anything")
            await fake.say(ann, general, f"{fake.at_bot} who is my dog?", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.settled()
        assert len(answers(fake, general, asked.ts)) == 3
    seen = "\n".join(message.text for message in model.calls[1].messages)
    assert "Rex" not in seen
    assert "reset" not in seen


async def test_in_a_direct_message_a_word_after_a_mention_is_a_command() -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            await talk(fake, ann, dm, "My dog is called Rex.")
            said = {
                "help": "`/chatbot help` shows this",
                "reset?": "I ask before I reset",
                "stats": "Conversations: 1",
                "reset": "ann reset this conversation.",
            }
            for word, words in said.items():
                asked = await fake.say(ann, dm, f"{fake.at_bot} {word}")
                assert words in (await fake.replies(dm, asked.ts))[0].text
            for text in ("reset", f"{fake.at_bot} reset my password", f"so {fake.at_bot} reset"):
                asked = await fake.say(ann, dm, text)
                assert (await fake.replies(dm, asked.ts))[0].text == "ok"
            await fake.settled()
        assert len(model.calls) == 4
        assert "Rex" not in "".join(message.text for message in model.calls[-1].messages)


async def test_a_quiet_thread_is_woken_by_a_mention() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "one")
            await fake.say(ann, general, f"{fake.at_bot} quiet", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.say(ann, general, "to myself", asked.ts)
            await fake.settled()
            await asyncio.sleep(0.1)
            assert len(answers(fake, general, asked.ts)) == 2
            await fake.say(ann, general, f"{fake.at_bot} two", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.say(ann, general, "three", asked.ts)
            assert (await fake.replies(general, asked.ts, 4))[-1].text == "re: three"


async def test_a_command_that_comes_twice_is_done_once() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        fake.faults.twice = True
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "one")
            await fake.say(ann, general, f"{fake.at_bot} help", asked.ts)
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.settled()
            await asyncio.sleep(0.1)
        assert len(answers(fake, general, asked.ts)) == 3


@both
async def test_app_home_lists_ones_threads_and_exports_them(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            asked = await talk(fake, ann, general, "hello")
            await fake.open_home(ann)
            await fake.until(lambda: ann.id in fake.homes)
            home = fake.homes[ann.id]
            assert "I also read what people say to each other" in shown(home)
            assert f"<#{general.id}>" in shown(home)
            await fake.press(ann, "thread_export", home)
            await fake.until(lambda: len(files_in(fake, fake.dm(ann))) == 1)
            await fake.shortcut(ann, asked, EXPORT_SHORTCUT)
            await fake.until(lambda: len(files_in(fake, fake.dm(ann))) == 2)


async def test_the_button_under_the_first_scissors_shows_what_is_remembered() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, dm = fake.channel("general", ann), fake.dm(ann)
        async with bot_on(fake, memory="window", memory_pairs=1):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            for text in ("two", "three"):
                await talk(fake, ann, general, text, asked)
            last = answers(fake, general, asked.ts)[-1]
            await fake.until(lambda: "scissors" in last.reactions)
            await fake.press(ann, "what_i_remember", last)
            assert "three" in shown(await filled(fake, ann))
            first = await fake.say(ann, dm, "In private.")
            await fake.replies(dm, first.ts)
            await fake.slash(ann, dm, "/chatbot memory")
            await fake.until(lambda: len(fake.modals(ann)) == 2)
            assert "In private." in shown(await filled(fake, ann))


async def test_who_has_three_hundred_threads_still_has_a_home() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, waiting_per_person=400) as bot:
            for number in range(300):
                await fake.say(ann, general, f"{fake.at_bot} {number}")
            await fake.until(lambda: len(fake.said_by_app(general)) == 300, 60)
            await until(lambda: not bot.worker._turns)
            await fake.open_home(ann)
            await fake.until(lambda: ann.id in fake.homes)
            home = fake.homes[ann.id]
            assert len(home.body["blocks"]) <= 100
            assert shown(home).count("just now") == 10
            assert "Older threads are not listed" in shown(home)
            await fake.slash(ann, general, "/chatbot memory")
            assert shown(await filled(fake, ann)).count("just now") == 10


async def test_a_modal_that_comes_too_late_is_said_to_have_failed() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            await talk(fake, ann, general, "hello")
            fake.faults.next("views.open", Refused("expired_trigger_id"))
            await fake.slash(ann, general, "/chatbot memory")
            await told(fake, ann, "That did not work just now.")
            fake.faults.next("views.open", Cut())
            await fake.slash(ann, general, "/chatbot memory")
            assert "just now" in shown(await filled(fake, ann))


@both
async def test_words_with_a_bang_are_commands_only_where_the_bot_takes_part(transport: str) -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, transport=transport):
            theirs = await fake.say(ann, general, "!help")
            await fake.say(bob, general, "!reset", theirs.ts)
            asked = await talk(fake, ann, general, "one")
            await fake.say(ann, general, f"<@{bob.id}> !help", asked.ts)
            await fake.say(ann, general, "!quiet", asked.ts)
            await fake.replies(general, asked.ts, 2)
            await fake.say(ann, general, "to myself", asked.ts)
            await fake.say(ann, general, "!listen", asked.ts)
            await fake.replies(general, asked.ts, 3)
            await fake.say(ann, general, "two", asked.ts)
            said = [m.text for m in await fake.replies(general, asked.ts, 4)]
            assert said[0] == "re: one"
            assert "quiet" in said[1]
            assert "listening" in said[2]
            assert said[3] == "re: two"
            await fake.say(ann, general, "!help", asked.ts)
            assert (
                "what people say to each other"
                in ((await fake.replies(general, asked.ts, 5))[4].blocks[0]["text"])
            )
        assert len(fake.said_by_app(general)) == 5


async def test_a_command_whose_edit_is_told_before_it_is_a_command() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "one")
            fake.delivery.hold()
            said = await fake.say(ann, general, f"{fake.at_bot} quit", asked.ts)
            await fake.edit(said, f"{fake.at_bot} quiet")
            first = fake.delivery.posts[-3:]
            assert first[2].event["subtype"] == "message_changed"
            fake.delivery.release([2])
            await fake.until(
                lambda: "I will stay quiet" in answers(fake, general, asked.ts)[-1].text
            )
            for post in first[:2]:
                fake.delivery.again(post)
            await fake.settled()
            await fake.say(ann, general, f"{fake.at_bot} two", asked.ts)
            await fake.until(lambda: answers(fake, general, asked.ts)[-1].text == "re: two")
        assert len(answers(fake, general, asked.ts)) == 3
