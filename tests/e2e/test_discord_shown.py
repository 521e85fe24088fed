"""What people see on Discord beside words, the model sees, too."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from core.domain.session import Entry
from core.intake.intake import BACKFILL_MESSAGES
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, talk
from tests.e2e.slack_bot import echo
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import Slow

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot

ALERT = {"type": "rich", "title": "Deploy failed", "description": "web-3: disk full"}
TICKET = {"type": 17, "components": [{"type": 10, "content": "Ticket 42: printer on fire"}]}


def seen(request: ModelRequest) -> str:
    return "\n".join(message.text for message in request.messages)


def asked(request: ModelRequest) -> str:
    """Return what the newest messages say."""
    return request.messages[-1].text


def model() -> ScriptedModel:
    return ScriptedModel(reply=echo)


async def heard(bot: Bot, count: int) -> None:
    """Wait until so many messages are stored in the only thread."""

    async def enough() -> bool:
        (info,) = (await bot.store.threads()).threads
        return len(await bot.store.history(info.thread)) >= count

    await until_true(enough)


async def test_a_direct_message_of_any_kind_is_answered_by_what_it_shows() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        dm = fake.dm(ann)
        alert = await fake.webhook("Alerts", general, embeds=[ALERT])
        waved = await fake.stick(ann, general, "Wave")
        async with bot_on(fake, claude):
            await fake.stick(ann, dm, "Thumbs")
            await fake.replies(dm)
            await fake.poll(ann, dm, "Pizza or sushi?", "Pizza", "Sushi")
            await fake.replies(dm, 2)
            await fake.forward(ann, alert, dm)
            await fake.replies(dm, 3)
            await fake.forward(ann, waved, dm)
            await fake.replies(dm, 4)
            await fake.invite(ann, dm, "Spotify")
            said = [message.content for message in await fake.replies(dm, 5)]
    assert "Sticker: Thumbs" in asked(claude.calls[0])
    assert "Poll: Pizza or sushi?\n- Pizza (0 votes)\n- Sushi (0 votes)" in asked(claude.calls[1])
    assert '<chat_quote kind="forward"' in asked(claude.calls[2])
    assert "Deploy failed\nweb-3: disk full" in asked(claude.calls[2])
    assert "Sticker: Wave" in asked(claude.calls[3])
    assert "An invitation to listen along: Spotify" in asked(claude.calls[4])
    assert said[0] == "re: Sticker: Thumbs"


async def test_an_invitation_in_a_thread_is_not_met_with_a_word_on_missing_rights() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model()) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            await fake.invite(ann, thread, "Chess", 1)
            said = [message.content for message in await fake.replies(thread, 2)]
            await fake.say(ann, thread, "", kind=0)  # nothing that is known
            await fake.say(ann, thread, "still there?")
            said = [message.content for message in await fake.replies(thread, 3)]
    assert said == ["re: hello", "re: An invitation to play: Chess", "re: still there?"]


async def test_what_a_reply_is_about_is_known_in_direct_messages_and_threads() -> None:
    claude = ScriptedModel("Fact 1.", "Fact 2.", "Yes.", "Hi.", "No.", "Gone.")
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben", nick="Benny")
        general, dm = fake.channel("general"), fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            for number in (1, 2):
                await fake.say(ann, dm, f"fact {number}?")
                await fake.replies(dm, number)
            first = fake.said_by_bot(dm)[0]
            await fake.say(ann, dm, "Sure about this?", reply_to=first)
            await fake.replies(dm, 3)
            _, thread = await talk(fake, bot, ann, general, "go")
            moon = await fake.say(ben, thread, "The moon is made of cheese")
            await fake.say(ben, thread, "and Mars of chocolate")
            await fake.say(ann, thread, f"{fake.at_bot} is this right?", reply_to=moon)
            await fake.replies(thread, 2)
    sure, right = asked(claude.calls[2]), asked(claude.calls[4])
    assert 'Sure about this?\n<chat_quote kind="reply" from=' in sure
    assert 'yours="yes"' in sure
    assert "Fact 1." in sure
    assert 'is this right?\n<chat_quote kind="reply" from="Benny"' in right
    assert right.count("The moon is made of cheese") == 2


async def test_what_apps_said_is_known_as_theirs_and_nothing_that_they_say_is_answered() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        robot = fake.other_bot("ticketbot", fake.home)
        async with bot_on(fake, claude) as bot:
            alert = await fake.webhook("Alerts", general, embeds=[ALERT])
            ask = await fake.say(ann, general, f"{fake.at_bot} what is this?", reply_to=alert)
            await fake.replies(await fake.thread(ask))
            build = await fake.webhook("CI", general, "Build 17 is red: test_x fails")
            thread = await fake.open_thread(ann, build, "Build 17")
            await fake.say(ann, thread, f"{fake.at_bot} why?")
            await fake.replies(thread)
            ticket = await fake.say(robot, general, "Ticket 41: no paper")
            thread = await fake.open_thread(ann, ticket, "No paper")
            await fake.webhook("Tickets", thread, components=[TICKET])
            await fake.say(ann, thread, f"{fake.at_bot} what shall I do?")
            await fake.replies(thread)
            await settled(bot)
            await fake.say(robot, thread, "!forget")
            await fake.say(robot, thread, f"{fake.at_bot} Ticket 43: smoke")
            await fake.say(ann, thread, "and now?")
            said = [message.content for message in await fake.replies(thread, 2)]
    assert "web-3: disk full" in asked(claude.calls[0])
    assert "Build 17 is red: test_x fails" in asked(claude.calls[1])
    assert '<chat_quote kind="title">\nBuild 17\n' in asked(claude.calls[1])
    assert re.search(r'from="CI" person="\w+" app="yes" overheard="yes"', asked(claude.calls[1]))
    assert "Ticket 41: no paper" in asked(claude.calls[2])
    assert "Ticket 42: printer on fire" in asked(claude.calls[2])
    assert "Ticket 43: smoke" in seen(claude.calls[3])
    assert said == ["re: what shall I do?", "re: and now?"]


async def test_a_reply_whose_original_is_not_told_is_looked_up_and_a_deleted_one_is_named() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            plan = await fake.say(ann, thread, "Plan A is to wait.")
            await fake.replies(thread, 2)

            def told_less(found: dict[str, object]) -> dict[str, object]:
                return {name: v for name, v in found.items() if name != "referenced_message"}

            ask = await fake.unheard(ann, thread, f"{fake.at_bot} still?", reply_to=plan)
            bot.discord.reception.message_event("MESSAGE_CREATE", told_less(ask))
            await fake.replies(thread, 3)
            await fake.delete(plan)
            ask = await fake.unheard(ann, thread, f"{fake.at_bot} really?")
            reference = {"type": 0, "channel_id": thread.id, "message_id": plan.id}
            ask |= {"type": 19, "message_reference": reference, "id": str(int(ask["id"]) + 1)}
            bot.discord.reception.message_event("MESSAGE_CREATE", told_less(ask))
            await fake.replies(thread, 4)
    assert 'still?\n<chat_quote kind="reply" from="Ann"' in asked(claude.calls[2])
    assert "Plan A is to wait." in asked(claude.calls[2])
    assert "really?" in asked(claude.calls[3])
    assert "(This message was deleted.)" in asked(claude.calls[3])


async def test_ids_are_names_wherever_they_stand() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben", nick="Benny")
        general, ops = fake.channel("general"), fake.channel("ops")
        role = fake.role("deployers", fake.home.roles[fake.home.id].permissions, None, ben)
        embed = {
            "type": "rich",
            "description": f"by {ben.mention} of {role.mention} in <#{ops.id}> at <t:1764406800:R>",
        }
        async with bot_on(fake, claude):
            alert = await fake.webhook("CI", general, embeds=[embed])
            link = f"https://discord.com/channels/{fake.home.id}/{ops.id}/{alert.id}"
            words = f"{fake.at_bot} see `<#{ops.id}>` and {link} by <@{fake.bot.id}>"
            ask = await fake.say(ann, general, words, reply_to=alert)
            await fake.replies(await fake.thread(ask))
    said = asked(claude.calls[0])
    assert "by @Benny of @deployers in #ops at 2025-11-29 09:00 UTC" in said
    assert f"see `<#{ops.id}>` and {link} by @" in said
    assert f"{link} leads to a message in #ops" in said
    assert f"<@{fake.bot.id}>" not in said


async def test_the_title_of_a_persons_thread_follows_it() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            build = await fake.webhook("CI", general, "Build 17 is red")
            thread = await fake.open_thread(ann, build, "Who fixes 17?")
            await fake.say(ann, thread, f"{fake.at_bot} ^")
            await fake.replies(thread)
            await settled(bot)
            await fake.rename(thread, "Who fixes 18?")
            await asyncio.sleep(0.5)
            await fake.say(ann, thread, "and now?")
            await fake.replies(thread, 2)
    assert "Who fixes 17?" in seen(claude.calls[0])
    assert "Who fixes 18?" in seen(claude.calls[1])
    assert "Who fixes 17?" not in seen(claude.calls[1])


async def test_the_preview_of_a_link_is_known_once_discord_has_added_it() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            ask, thread = await talk(fake, bot, ann, general, "see https://example.com")
            other = await fake.say(ann, general, "https://example.com, for nobody")
            await fake.unfurl(ask, "Foxes of Iceland")
            await fake.unfurl(other, "Nothing")
            await until_true(lambda: has(bot, "Foxes"))
            await fake.unfurl(ask, "Foxes of Iceland")
            await fake.say(ann, thread, "what is it about?")
            await fake.replies(thread, 2)
            await settled(bot)
            assert len(fake.said_by_bot()) == 2
    assert "Foxes" not in seen(claude.calls[0])
    assert '<chat_quote kind="preview">\nFoxes of Iceland' in seen(claude.calls[1])
    assert "Nothing" not in seen(claude.calls[1])


async def has(bot: Bot, words: str) -> bool:
    """Return whether something that people saw in the only thread has these words."""
    (info,) = (await bot.store.threads()).threads
    entries = [e for e in await bot.store.history(info.thread) if isinstance(e, Entry)]
    return any(words in quote.text for entry in entries for quote in entry.quotes)


async def test_what_an_app_edits_is_known_as_it_ended_and_never_holds_an_answer_up() -> None:
    claude = ScriptedModel("hi", ["One ", 1.5, "answer."], reply=echo)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            build = await fake.webhook("CI", thread, "Build 17 runs")
            await heard(bot, 3)
            asking = await fake.say(ann, thread, "and?")
            await fake.until(lambda: len(claude.calls) == 2)
            for step in range(5):
                await fake.edit(build, f"Build 17 runs, step {step}")
                await asyncio.sleep(0.1)
            await fake.replies(thread, 2)
            await settled(bot)
            assert len(claude.calls) == 2
            await fake.edit(build, "Build 17 is green")
            await asyncio.sleep(0.3)
            await fake.say(ann, thread, "and now?")
            await fake.replies(thread, 3)
    assert asking.id
    assert "Build 17 is green" in seen(claude.calls[2])
    assert "step" not in seen(claude.calls[2])


async def test_where_there_is_more_than_was_read_the_model_is_told() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake, claude):
            thread = await fake.open_thread(ben, general, "Long")
            for number in range(130):
                await fake.say(ben, thread, f"Try {number}!")
            await fake.say(ann, thread, f"{fake.at_bot} what do you think?")
            await fake.replies(thread)
            short = await fake.open_thread(ben, general, "Short")
            for number in range(60):
                await fake.say(ben, short, f"Try {number}!")
            await fake.say(ann, short, f"{fake.at_bot} and here?")
            await fake.replies(short)
    long, whole = map(seen, claude.calls)
    assert "Some earlier messages of this thread are not shown to you." in long
    assert "Try 129!" in long
    assert "Try 20!" not in long
    assert "not shown to you" not in whole
    assert "Try 0!" in whole


async def test_a_thread_is_read_further_back_if_a_page_holds_little_that_counts() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, eve = fake.person("ann"), fake.person("ben"), fake.person("eve")
        general = fake.channel("general")
        async with bot_on(fake, claude, discord_deny_users=eve.id):
            thread = await fake.open_thread(ben, general, "Long")
            for number in range(200):
                await fake.say(ben, thread, f"Try {number}!")
                await fake.say(eve, thread, "lol")
            await fake.say(ann, thread, f"{fake.at_bot} what do you think?")
            await fake.replies(thread)
    (said,) = map(seen, claude.calls)
    known = [number for number in range(200) if f"Try {number}!" in said]
    assert known == [*range(200 - BACKFILL_MESSAGES + 1, 200)]
    assert "Some earlier messages of this thread are not shown to you." in said


async def test_a_page_that_does_not_come_in_time_loses_none_that_has() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, eve = fake.person("ann"), fake.person("ben"), fake.person("eve")
        general = fake.channel("general")
        async with bot_on(fake, claude, discord_deny_users=eve.id):
            thread = await fake.open_thread(ben, general, "Long")
            for number in range(100):
                await fake.say(ben, thread, f"Try {number}!")
                await fake.say(eve, thread, "lol")
            fake.faults.next("GET /channels/{channel_id}/messages", Slow(0), Slow(20))
            await fake.say(ann, thread, f"{fake.at_bot} what do you think?")
            await fake.replies(thread)
    (said,) = map(seen, claude.calls)
    assert [number for number in range(100) if f"Try {number}!" in said] == [*range(50, 100)]
    assert "Some earlier messages of this thread are not shown to you." in said


async def test_the_model_is_told_where_it_is_as_people_call_it() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann", nick="Annie"), fake.channel("general")
        forum, dm = fake.forum("help"), fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            await talk(fake, bot, ann, general, "hi")
            post = await fake.post(ann, forum, "How do I rotate?", f"{fake.at_bot} see title")
            await fake.replies(post)
            await fake.say(ann, dm, "hi")
            await fake.replies(dm)
    first, second, third = (asked(call).replace("&#x27;", "'") for call in claude.calls)
    assert f"#general in {fake.home.name}" in first
    assert f"How do I rotate? (#help in {fake.home.name})" in second
    assert "Where: a direct message (discord)" in third
    assert third.count('<chat_person name="Ann"') == 1
    assert not any(fake.home.id in said for said in (first, second, third))


async def test_a_thread_that_a_person_opens_from_an_answer_begins_with_it() -> None:
    claude = ScriptedModel("Foxes are canids.", "Because they bark.")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude, discord_answer_in="channel"):
            await fake.say(ann, general, f"{fake.at_bot} what are foxes?")
            (first,) = await fake.replies(general)
            thread = await fake.open_thread(ann, first, "Foxes")
            await fake.say(ann, thread, f"{fake.at_bot} why?")
            await fake.replies(thread)
    assert "Foxes are canids." in asked(claude.calls[1])
    assert '<chat_quote kind="title">\nFoxes\n' in asked(claude.calls[1])


async def test_a_thread_of_people_is_known_with_all_that_was_shown_in_it() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        alert = await fake.webhook("Alerts", general, embeds=[ALERT])
        async with bot_on(fake, claude):
            poll = await fake.poll(ben, general, "Pizza or sushi?", "Pizza", "Sushi")
            thread = await fake.open_thread(ben, poll, "Lunch")
            await fake.forward(ben, alert, thread)
            waved = await fake.stick(ben, thread, "Wave")
            await fake.say(ann, thread, f"{fake.at_bot} so?", reply_to=waved)
            await fake.replies(thread)
    said = asked(claude.calls[0])
    assert "Poll: Pizza or sushi?\n- Pizza (0 votes)\n- Sushi (0 votes)" in said
    assert '<chat_quote kind="title">\nLunch\n' in said
    assert "Deploy failed\nweb-3: disk full" in said
    assert said.count("Sticker: Wave") == 2
