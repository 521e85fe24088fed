"""Talking to the bot on Discord."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.discord.inbound.threads import LIMITED
from core.domain.clock import SystemClock
from core.domain.session import Entry, Status
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled
from tests.fakes.discord import FakeDiscord, Intent, Permission, Refused
from tests.fakes.discord.faults import THREAD

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel


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


async def test_in_its_thread_one_person_needs_no_mention_and_others_are_overheard() -> None:
    model = ScriptedModel("one", "two", "three")
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann", nick="Annie"), fake.person("ben")
        general = fake.channel("general")
        async with bot_on(fake, model):
            thread = await fake.thread(await fake.say(ann, general, f"{fake.at_bot} one?"))
            await fake.replies(thread)
            await fake.say(ann, thread, "two?")
            await fake.replies(thread, 2)
            await fake.say(ben, thread, "I think it is four.")
            await fake.say(ann, thread, f"{fake.at_bot} three?")
            assert [m.content for m in await fake.replies(thread, 3)] == ["one", "two", "three"]
    last = model.calls[2].messages[-1].text
    assert "Ben" in last
    assert "Annie" in last
    assert "I think it is four." in last


async def test_what_is_no_message_to_it_is_left_alone() -> None:
    async with FakeDiscord() as fake:
        ann, robot = fake.person("ann"), fake.other_bot("robot", fake.home)
        general = fake.channel("general")
        fake.faults.starter_again = True
        async with bot_on(fake):
            await fake.say(ann, general, "Lunch?")
            await fake.say(ann, general, "@everyone lunch!")
            await fake.say(robot, general, f"{fake.at_bot} hello")
            asked = await fake.say(ann, general, f"{fake.at_bot} hi")
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await fake.say(robot, thread, "Beep.")
            await fake.say(ann, thread, "last")
            assert [m.content for m in await fake.replies(thread, 2)] == ["re: hi", "re: last"]
        assert len(fake.said_by_bot()) == 2


async def test_it_answers_in_the_channel_where_it_is_told_to_or_may_open_no_thread() -> None:
    model = ScriptedModel("one", "two", "three")
    async with FakeDiscord() as fake:
        ann, general, other = fake.person("ann"), fake.channel("general"), fake.channel("other")
        await fake.deny(other, Permission.CREATE_PUBLIC_THREADS, fake.bot)
        async with bot_on(fake, model):
            asked = await fake.say(ann, other, f"{fake.at_bot} here")
            (first,) = await fake.replies(other)
            assert first.reference is not None
            assert first.reference["message_id"] == asked.id
            await fake.say(ann, other, "and now?", reply_to=first)
            assert [m.content for m in await fake.replies(other, 2)] == ["one", "two"]
        async with bot_on(fake, model, discord_answer_in="channel"):
            await fake.say(ann, general, f"{fake.at_bot} here")
            assert [m.content for m in await fake.replies(general)] == ["three"]
        assert not fake.threads(fake.home)
        assert fake.all_pings() == []
    assert "one" in str(model.calls[1].messages)


async def test_a_right_that_is_lost_meanwhile_is_answered_in_the_channel() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        fake.faults.next(THREAD, Refused(50013))
        async with bot_on(fake):
            await fake.say(ann, general, f"{fake.at_bot} hello")
            assert [m.content for m in await fake.replies(general)] == ["re: hello"]


async def test_a_thread_that_somebody_made_from_the_message_is_used() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        fake.faults.next(THREAD, Refused(160004))
        async with bot_on(fake):
            asked = await fake.say(ann, general, f"{fake.at_bot} hello")
            thread = await fake.open_thread(ann, asked, "mine")
            assert [m.content for m in await fake.replies(thread)] == ["re: hello"]


async def test_forum_posts_are_threads_and_what_came_before_is_read_once() -> None:
    model = ScriptedModel("yes", "no")
    async with FakeDiscord() as fake:
        ann, ben, forum = fake.person("ann"), fake.person("ben"), fake.forum("help")
        async with bot_on(fake, model):
            post = await fake.post(ann, forum, "A question", "The cake is green.")
            await fake.say(ben, post, "Is it?")
            await fake.say(ann, post, f"{fake.at_bot} is it?")
            await fake.replies(post)
            await fake.say(ann, post, f"{fake.at_bot} sure?")
            await fake.replies(post, 2)
    assert "The cake is green." in model.calls[0].messages[-1].text
    assert model.calls[0].messages[-1].text.index("Is it?") > 0
    assert str(model.calls[1].messages).count("The cake is green.") == 1


async def test_what_a_mention_replies_to_is_known() -> None:
    model = ScriptedModel("It is Ben's.", "I said so.", "In the kitchen.")
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general = fake.channel("general")
        async with bot_on(fake, model) as bot:
            cake = await fake.say(ben, general, "The cake is green.\nAnd mine.")
            asked = await fake.say(ann, general, f"{fake.at_bot} whose?", reply_to=cake)
            thread = await fake.thread(asked)
            await fake.replies(thread)
            assert thread.name == "whose?"
            await fake.edit(asked, f"{fake.at_bot} whose is it?")
            await changed(bot, asked.id)
            await fake.say(ann, thread, "Why?")
            await fake.replies(thread, 2)
            file = fake.file("plan.txt", "The cake stands in the kitchen.")
            plan = await fake.say(ben, general, "", files=[file])
            asked = await fake.say(ann, general, f"{fake.at_bot} where?", reply_to=plan)
            await fake.replies(await fake.thread(asked))
            await fake.say(ann, general, f"{fake.at_bot} help", reply_to=cake)
            await fake.until(lambda: "export" in fake.said_by_bot()[-1].content)
    asked_first = 'whose?\n<chat_quote kind="reply" from="Ben" on='
    assert asked_first in model.calls[0].messages[-1].text
    assert ">\nThe cake is green.\nAnd mine.\n</chat_quote>" in model.calls[0].messages[-1].text
    later = "\n".join(message.text for message in model.calls[1].messages)
    assert asked_first.replace("whose?", "whose is it?") in later
    assert "stands in the kitchen" in model.calls[2].messages[-1].text


async def test_edits_and_deletions_change_what_it_remembers() -> None:
    model = ScriptedModel("noted", "noted", "noted", "noted", "sure")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            said = []
            for number, text in enumerate(("red", "blue", "green", "grey"), 1):
                said.append(await fake.say(ann, dm, f"My colour is {text}."))
                await fake.replies(dm, number)
            await fake.unfurl(said[3])
            await fake.edit(said[0], "My colour is gold.")
            await fake.delete(said[1], said[2])
            await changed(bot, said[0].id)
            await changed(bot, said[2].id)
            await fake.say(ann, dm, "Which?")
            await fake.replies(dm, 5)
    seen = str(model.calls[4].messages)
    assert "gold" in seen
    assert "grey" in seen
    assert not any(colour in seen for colour in ("red", "blue", "green"))


async def test_a_deleted_mention_is_not_remembered_in_its_thread() -> None:
    model = ScriptedModel("one", "two")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            asked = await fake.say(ann, general, f"{fake.at_bot} my PIN is 1234")
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await fake.delete(asked)
            await changed(bot, asked.id)
            await fake.say(ann, thread, "my PIN?")
            await fake.replies(thread, 2)
    assert "1234" not in str(model.calls[1].messages)


async def test_without_the_intent_it_says_once_where_it_can_not_follow() -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        fake.granted = Intent(0)
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            assert "without the message content intent" in bot.discord.described
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            thread = await fake.thread(asked)
            (first,) = await fake.replies(thread)
            await fake.say(ann, thread, "are you there?")
            await fake.replies(thread, 2)
            await fake.say(ann, thread, "really?")
            await fake.say(ann, thread, "now?", reply_to=first)
            texts = [m.content for m in await fake.replies(thread, 3)]
            assert texts == ["re: hello?", LIMITED, "re: now?"]
            dm = fake.dm(ann)
            await fake.say(ann, dm, "here?")
            await fake.replies(dm)
            await settled(bot)
        async with bot_on(fake, store=store), bot_on(fake, store=store):
            await fake.connected(2)
            await fake.say(ann, thread, "still there?")
            await fake.say(ann, thread, f"{fake.at_bot} last?")
            texts = [m.content for m in await fake.replies(thread, 4)]
            assert texts == ["re: hello?", LIMITED, "re: now?", "re: last?"]


async def test_only_those_on_the_lists_are_heard() -> None:
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        staff = fake.role("staff", Permission(0), None, ann)
        general, quiet = fake.channel("general"), fake.channel("quiet")
        rules: dict[str, Any] = {
            "discord_allow_roles": staff.id,
            "discord_deny_channels": quiet.id,
            "discord_dms": False,
        }
        async with bot_on(fake, **rules):
            await fake.say(ben, general, f"{fake.at_bot} me?")
            await fake.say(ann, quiet, f"{fake.at_bot} here?")
            await fake.say(ann, fake.dm(ann), "there?")
            asked = await fake.say(ann, general, f"{fake.at_bot} now?")
            await fake.replies(await fake.thread(asked))
        assert [m.content for m in fake.said_by_bot()] == ["re: now?"]


async def test_two_replicas_answer_once() -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store), bot_on(fake, store=store):
            await fake.connected(2)
            asked = await fake.say(ann, general, f"{fake.at_bot} one")
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await fake.say(ann, thread, "two")
            assert [m.content for m in await fake.replies(thread, 2)] == ["re: one", "re: two"]
        assert len(fake.said_by_bot()) == 2


async def changed(bot: Bot, message: str) -> None:
    """Wait until a message was edited or deleted in the store."""

    async def is_changed() -> bool:
        page = await bot.store.threads()
        records = [r for info in page.threads for r in await bot.store.history(info.thread)]
        found = [r for r in records if isinstance(r, Entry) and r.id == message]
        return any(each.edited_at or each.status is Status.DELETED for each in found)

    await until_true(is_changed)


async def test_what_left_the_window_is_recalled_and_the_answer_links_to_it() -> None:
    fact = "The spare key of the archive is in locker 4711."
    told = ("It rains.", "Lunch is at noon.", "The lift is slow.", "Where is my coffee?")

    def reply(request: ModelRequest) -> str:
        shown = "".join(each.text for each in request.messages)
        asked = "What about the spare key?" in request.messages[-1].text
        return "It is in locker 4711." if asked and fact in shown else "I see."

    model = ScriptedModel(reply=reply)
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general = fake.channel("general")
        async with bot_on(fake, model, memory="window", memory_pairs=2) as bot:
            first = await fake.say(ben, general, f"{fake.at_bot} {fact}")
            thread = await fake.thread(first)
            for number, text in enumerate((*told, "What about the spare key?"), start=1):
                await answered(fake, thread, number)
                await bot.worker._runner._pipeline.recall.indexes.settled()
                await fake.say(ann, thread, f"{fake.at_bot} {text}")
            await answered(fake, thread, len(told) + 2)
            await settled(bot)
            said = [message.content for message in fake.said_by_bot(thread)]
    last = model.calls[-1].messages
    assert fact not in "".join(each.text for each in last[:-1])
    recalled = last[-1].text.partition("<chat_recalled>")[2].partition("</chat_recalled>")[0]
    assert fact in recalled
    assert 'from="Ben"' in recalled
    assert said.count("It is in locker 4711.") == 1
    link = f"https://discord.com/channels/{fake.home.id}/{general.id}/{first.id}"
    (sources,) = [text for text in said if "-# Sources: " in text]
    assert f"({link})" in sources
    assert fake.all_pings() == []


async def answered(fake: FakeDiscord, thread: Channel, count: int) -> None:
    """Wait for so many answers, beside the bot's notes."""
    await fake.until(
        lambda: sum(not m.content.startswith("-# ") for m in fake.said_by_bot(thread)) >= count
    )
