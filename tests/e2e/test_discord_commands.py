"""Commands on Discord in the forms that it allows."""

from __future__ import annotations

import asyncio

from bots.discord.ui.commands import EXPORT_MENU, FORGET_MENU
from bots.discord.ui.runner import FAILED
from core.commands.access import NOT_YOURS
from core.commands.authorized import NOT_MEMBER
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import answer, settled, synced, talk, threads_of, use
from tests.fakes.discord import Channel, FakeDiscord, Message, Refused
from tests.fakes.discord.faults import POST


def spoken(fake: FakeDiscord, thread: Channel) -> list[Message]:
    return [m for m in fake.said_by_bot(thread) if m.content.startswith("re:")]


async def test_in_a_thread_and_in_a_dm_a_command_acts_there_and_one_person_sees_it() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            said = await use(fake, ann, thread, "export")
            assert said.ephemeral
            (file,) = said.files
            assert file.name == "conversation.md"
            assert "> My dog is called Rex." in file.data.decode()
            said = await use(fake, ann, thread, "export", format="json")
            assert said.files[0].name == "conversation.json"
            assert "Rex" in (await use(fake, ann, thread, "memory")).content
            dm = fake.dm(ann)
            await fake.say(ann, dm, "In private.")
            await fake.replies(dm)
            await settled(bot)
            assert "In private." in (await use(fake, ann, dm, "memory")).content
            assert "Rex" not in (await use(fake, ann, dm, "memory")).content
        assert len(fake.said_by_bot(thread)) == 1
        assert fake.all_pings() == []


async def test_in_a_channel_one_chooses_among_ones_threads() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            await talk(fake, bot, ann, general, "My dog is called Rex.")
            await talk(fake, bot, ann, general, "My cat is called Tom.")
            await talk(fake, bot, bob, general, "Mine is called Bello.")
            said = await use(fake, ann, general, "export")
            (row,) = said.components
            options = row["components"][0]["options"]
            labels = [option["label"] for option in options]
            assert labels == [
                "My cat is called Tom. (#general)",
                "My dog is called Rex. (#general)",
            ]
            assert options[0]["description"] == "1 reply, just now"
            name = row["components"][0]["custom_id"]
            chosen = await fake.press(ann, said, name, options[1]["value"])
            await fake.until(lambda: said.files)
            assert chosen.ephemeral
            assert b"Rex" in said.files[0].data
            assert said.components == []
            said = await use(fake, fake.person("eve"), general, "forget")
            assert said.content == "You have no conversations with me that you can see."


async def test_help_and_stats_are_those_of_the_server() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        other = fake.guild("other")
        eve, theirs = fake.person("eve", other), fake.channel("theirs", other)
        async with bot_on(fake) as bot:
            assert "/chatbot export" in (await use(fake, ann, general, "help")).content
            await talk(fake, bot, ann, general, "hello")
            assert "Conversations: 1\n" in (await use(fake, ann, general, "stats")).content
            said = await use(fake, eve, theirs, "stats")
            assert said.content == "There are no conversations yet."


async def test_reset_is_announced_in_the_thread_and_begins_anew() -> None:
    model = ScriptedModel("ok", "I don't know.")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            said = await use(fake, ann, thread, "reset")
            assert said.content.startswith("Ann reset this conversation. I no longer use anything")
            assert fake.texts(thread)[-1] == said.content
            await use(fake, ann, thread, "reset")
            assert fake.texts(thread).count(said.content) == 2
            await fake.say(ann, thread, "Who is my dog?")
            await fake.until(lambda: "I don't know." in fake.texts(thread))
    assert "Rex" not in "\n".join(message.text for message in model.calls[1].messages)


async def test_what_others_do_not_see_is_forgotten_once_one_is_sure() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            asked, _ = await talk(fake, bot, ann, general, "My code is 1234.")
            said = await answer(fake, await fake.menu(ann, asked, FORGET_MENU))
            assert "everything I keep" in said.content
            await fake.press(ann, said, "Keep")
            await fake.until(lambda: said.content == "Nothing was removed.")
            assert await threads_of(bot, ann)
            said = await answer(fake, await fake.menu(ann, asked, FORGET_MENU))
            await fake.press(ann, said, "Forget")
            await fake.until(lambda: said.content.startswith("I have forgotten everything"))
            assert said.components == []
            assert await threads_of(bot, ann) == ()


async def test_the_menu_of_a_message_finds_its_thread() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            for message in (asked, *fake.said_by_bot(thread)):
                said = await answer(fake, await fake.menu(ann, message, EXPORT_MENU))
                assert b"Rex" in said.files[0].data


async def test_the_button_under_the_first_scissors_is_for_whoever_presses_it() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, memory="window", memory_pairs=1) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            for text in ("two", "three"):
                await fake.say(ann, thread, text)
                await fake.until(lambda: spoken(fake, thread)[-1].content == f"re: {text}")  # noqa: B023 -- awaited here
                await settled(bot)
            under = next(m for m in fake.said_by_bot(thread) if m.components)
            said = await answer(fake, await fake.press(ann, under, "What I remember"))
            assert said.ephemeral
            assert "three" in said.content
            assert under.components


async def test_a_command_of_an_older_version_is_answered_in_one_sentence() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake):
            await synced(fake)
            old = {"type": 1, "name": "export", "description": "x", "options": []}
            (group,) = [c for c in fake.commands if c["name"] == "chatbot"]
            group["options"].append({**old, "name": "revise"})
            said = await answer(fake, await fake.slash(ann, general, "chatbot revise"))
            assert said.content.startswith("This command has changed.")


async def test_words_after_a_mention_and_behind_a_mark_are_commands() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            await fake.say(ann, general, "!help")
            _, thread = await talk(fake, bot, ann, general, "one")
            await fake.say(bob, thread, f"{ann.mention} !help")
            await fake.say(ann, thread, f"{fake.at_bot} quiet")
            await fake.until(lambda: "I will stay quiet" in fake.texts(thread)[-1])
            await fake.say(ann, thread, "to myself")
            await fake.say(ann, thread, "!listen")
            await fake.until(lambda: "I am listening" in fake.texts(thread)[-1])
            await fake.say(ann, thread, "!reset")
            await fake.until(lambda: fake.history(thread)[-1].components)
            await fake.press(ann, fake.history(thread)[-1], "Reset")
            await fake.until(lambda: "Ann reset this conversation" in fake.texts(thread)[-1])
            await fake.say(ann, thread, "!stats")
            await fake.until(lambda: "Conversations: 1" in fake.texts(thread)[-1])
            await fake.say(ann, thread, "!export")
            await fake.until(lambda: "I have sent it to you" in fake.texts(thread)[-1])
            (sent,) = fake.said_by_bot(fake.dm(ann))
            assert b"> one" in sent.files[0].data
            await fake.say(ann, thread, "!forget")
            await fake.until(lambda: fake.history(thread)[-1].components)
            said = await answer(fake, await fake.press(ann, fake.history(thread)[-1], "Forget"))
            assert said.ephemeral
            await fake.press(ann, said, "Forget")
            await fake.until(lambda: said.content.startswith("I have forgotten"))
            await asyncio.sleep(0.1)
        assert len(spoken(fake, thread)) == 1
        assert fake.said_by_bot(general) == []
        assert FAILED not in "\n".join(m.content for m in fake.ephemerals)


async def test_signs_around_a_command_and_a_mention_behind_it_change_nothing() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake):
            said = ("{}、help", "{} help?", "{} `help`", "{}: help.\n", "help {}", "{}：“Help”！")  # noqa: RUF001
            for count, text in enumerate(said, start=1):
                await fake.say(ann, general, text.format(fake.at_bot))
                await fake.until(lambda count=count: len(fake.said_by_bot(general)) == count)  # type: ignore[misc]
            assert all("`/chatbot export`" in m.content for m in fake.said_by_bot(general))


async def test_a_reset_that_may_be_meant_for_another_bot_destroys_nothing() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            (info,) = await threads_of(bot, ann)
            await fake.say(bob, thread, "lol")
            for text in ("!reset", "!Reset.", f"{fake.at_bot} reset?"):
                await fake.say(bob, thread, text)
                await fake.until(lambda: fake.history(thread)[-1].components)
                assert "I ask before I reset" in fake.texts(thread)[-1]
            work = await bot.store.peek(info.thread)
            assert work
            assert work.reset_position == 0
            dm = fake.dm(ann)
            await fake.say(ann, dm, "My cat is called Tom.")
            await fake.replies(dm)
            await settled(bot)
            await fake.say(ann, dm, "!reset")
            await fake.until(lambda: "Ann reset this conversation" in fake.texts(dm)[-1])


async def test_in_a_direct_message_a_word_after_a_mention_is_a_command() -> None:
    model = ScriptedModel(*["ok"] * 4)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            said = {
                "My dog is called Rex.": "ok",
                f"{fake.at_bot} help": "`/chatbot export`",
                f"{fake.at_bot} reset?": "I ask before I reset",
                f"{fake.at_bot} stats": "Conversations: 1",
                f"{fake.at_bot} reset": "Ann reset this conversation",
                "reset": "ok",
                f"{fake.at_bot} reset my password": "ok",
            }
            for count, (text, words) in enumerate(said.items(), start=1):
                await fake.say(ann, dm, text)
                await fake.until(lambda count=count: len(fake.said_by_bot(dm)) == count)  # type: ignore[misc]
                assert words in fake.texts(dm)[-1]
        assert len(model.calls) == 3
        assert "Rex" not in "".join(message.text for message in model.calls[-1].messages)


async def test_what_is_for_one_person_is_said_where_they_asked_if_their_dms_are_closed() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general")
        fake.user(ann).dms_open = fake.user(bob).dms_open = False
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            for command, words in (("reset", NOT_MEMBER), ("export", NOT_YOURS)):
                await fake.say(bob, thread, f"{fake.at_bot} {command}")
                await fake.until(lambda words=words: fake.texts(thread)[-1] == words)  # type: ignore[misc]
            await fake.say(ann, thread, "!export")
            await fake.until(lambda: "write to you directly" in fake.texts(thread)[-1])
            fake.faults.next(POST, Refused(50013))
            await fake.say(ann, thread, f"{fake.at_bot} quiet")
            await fake.until(lambda: "I will stay quiet" in fake.texts(thread)[-1])


async def test_a_mention_told_a_second_time_ends_no_quiet() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "one")
            await fake.say(ann, thread, f"{fake.at_bot} quiet")
            await fake.until(lambda: "I will stay quiet" in fake.texts(thread)[-1])
            tell_again(fake, asked, general)
            await fake.say(ann, general, "That one was told again.")
            await asyncio.sleep(0.1)
            await fake.say(ann, thread, "to myself")
            await fake.say(ann, thread, f"{fake.at_bot} two")
            await fake.until(lambda: "re: two" in fake.texts(thread)[-1])
        assert [m.content for m in spoken(fake, thread)] == ["re: one", "re: two"]


async def test_a_quiet_that_was_ended_is_not_begun_by_its_second_copy() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "one")
            fake.faults.next(POST, Refused(50013))
            quiet = await fake.say(ann, thread, f"{fake.at_bot} quiet")
            await fake.until(lambda: fake.said_by_bot(fake.dm(ann)))  # it could not say so
            await fake.say(ann, thread, f"{fake.at_bot} two")
            await fake.until(lambda: "re: two" in fake.texts(thread)[-1])
            (info,) = await threads_of(bot, ann)

            async def listens() -> bool:
                return not (await bot.store.thread_settings(info.thread)).muted

            await until_true(listens)
            tell_again(fake, quiet, thread)
            await fake.say(ann, thread, "three")  # behind it, in the order of the channel
            await fake.until(lambda: "re: three" in fake.texts(thread)[-1])


def tell_again(fake: FakeDiscord, said: Message, place: Channel) -> None:
    """Tell the bot of a message as it was told of before."""
    first = next(
        told
        for told in fake.delivery.told
        if told.name == "MESSAGE_CREATE" and told.data["id"] == said.id
    )
    fake.delivery.tell(first.name, first.data, fake.home.id, place, None)
