"""Polls on Discord are known with the votes of the moment at which the bot is asked."""

from __future__ import annotations

from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import settled, talk
from tests.e2e.test_discord_shown import asked, model, seen
from tests.fakes.discord import FakeDiscord, Refused


async def test_votes_are_known_as_they_are_when_the_bot_is_asked() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            poll = await fake.poll(ann, thread, "Pizza or sushi?", "Pizza", "Sushi")
            await fake.replies(thread, 2)
            await settled(bot)
            for count, votes in enumerate(((1, 0), (1, 1), (0, 1)), start=3):
                wanted = "- Pizza ({} vote{})\n- Sushi ({} vote{})".format(
                    *(part for n in votes for part in (n, "" if n == 1 else "s"))
                )
                await fake.vote(
                    ben, poll, min(count - 2, 2) if count < 5 else 1, removed=count == 5
                )
                await fake.say(ann, thread, "And now?")
                await fake.replies(thread, count)
                await settled(bot)
                assert wanted in seen(claude.calls[-1])
            await fake.end_poll(poll)
            await fake.say(ann, thread, "Who won?")
            await fake.replies(thread, 6)
        assert len(fake.said_by_bot(thread)) == 6
    assert "The poll has ended." in seen(claude.calls[-1])
    assert seen(claude.calls[-1]).count("Poll: Pizza or sushi?") == 1


async def test_a_poll_that_opens_a_thread_is_known_with_its_votes_too() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            poll = await fake.poll(ben, general, "Pizza or sushi?", "Pizza", "Sushi")
            thread = await fake.open_thread(ben, poll, "Lunch")
            await fake.say(ann, thread, f"{fake.at_bot} so?")
            await fake.replies(thread)
            await settled(bot)
            await fake.vote(ann, poll, 2)
            await fake.say(ann, thread, f"{fake.at_bot} and now?")
            await fake.replies(thread, 2)
    assert "Sushi (0 votes)" in asked(claude.calls[0])
    assert "Sushi (1 vote)" in seen(claude.calls[1])


async def test_a_poll_that_cannot_be_read_again_keeps_nobody_waiting() -> None:
    claude = model()
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, claude) as bot:
            poll = await fake.poll(ann, dm, "Pizza or sushi?", "Pizza", "Sushi")
            await fake.replies(dm)
            await settled(bot)
            one = "GET /channels/{channel_id}/messages/{message_id}"
            fake.faults.next(one, Refused(50001))
            await fake.vote(ann, poll, 1)
            await fake.say(ann, dm, "And now?")
            await fake.replies(dm, 2)
            await settled(bot)
            await fake.vote(ann, poll, 2)
            await fake.say(ann, dm, "And now?")
            await fake.replies(dm, 3)
    assert "Pizza (0 votes)" in seen(claude.calls[1])
    assert "Pizza (1 vote)\n- Sushi (1 vote)" in seen(claude.calls[2])


async def test_a_poll_that_has_ended_is_known_and_not_answered() -> None:
    claude = model()
    fields = {
        "poll_question_text": "Pizza?",
        "victor_answer_text": "Yes",
        "victor_answer_votes": "3",
        "total_votes": "5",
    }
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, claude) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            result = {
                "type": "poll_result",
                "fields": [{"name": k, "value": v, "inline": False} for k, v in fields.items()],
            }
            await fake.say(ann, thread, "", kind=46, embeds=[result])
            await fake.say(ann, thread, "who won?")
            await fake.replies(thread, 2)
        assert len(fake.said_by_bot()) == 2
    assert "The poll has ended: Pizza?\nYes won, with 3 of 5 votes" in asked(claude.calls[1])
