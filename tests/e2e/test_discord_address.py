"""Whom a message on Discord is for: updates that nobody made, edits, replies, mentions in code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.clocks import ManualClock
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, talk, use
from tests.e2e.slack_bot import echo
from tests.fakes.discord import Channel, FakeDiscord, Message
from tests.fakes.discord.model import CROSSPOSTED, SUPPRESS_EMBEDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.discord_bot import Bot

DAY = 86400.0
PROBE = "and after that?"


async def idle(fake: FakeDiscord, bot: Bot) -> None:
    """Wait until what was told is taken in and answered: what comes after it is answered."""
    dm = fake.dm(fake.person("probe"))
    await fake.say(fake.where(dm).recipients[0], dm, PROBE)
    await fake.replies(dm)

    async def done() -> bool:
        return not bot.discord.reception._queues._tasks

    await until_true(done)
    await settled(bot)


def spoken(fake: FakeDiscord) -> list[str]:
    """Return what the bot has said, except to the probes."""
    return [m.content for m in fake.said_by_bot() if PROBE not in m.content]


async def pin(fake: FakeDiscord, message: Message) -> None:
    await fake.pin(fake.person("mod"), message)


async def hide_previews(fake: FakeDiscord, message: Message) -> None:
    await fake.flag(message, SUPPRESS_EMBEDS)


async def publish(fake: FakeDiscord, message: Message) -> None:
    await fake.flag(message, CROSSPOSTED)


async def unfurl(fake: FakeDiscord, message: Message) -> None:
    await fake.unfurl(message)


async def open_thread(fake: FakeDiscord, message: Message) -> None:
    await fake.open_thread(fake.person("mod"), message, "Rules")


UPDATES = [pin, hide_previews, publish, unfurl, open_thread]


@pytest.mark.parametrize("update", UPDATES)
async def test_an_update_that_nobody_made_starts_nothing(
    update: Callable[[FakeDiscord, Message], Awaitable[None]],
) -> None:
    now = [time.time() - 40 * DAY]
    async with FakeDiscord(now=lambda: now[0]) as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        old = await fake.say(ann, general, f"Rules: be nice. Ask {fake.at_bot} anything!")
        await fake.edit(old, f"Rules: be very nice. Ask {fake.at_bot} anything!")
        never = await fake.say(ann, general, f"{fake.at_bot} never edited")
        now[0] = time.time()
        model = ScriptedModel(reply=echo)
        async with bot_on(fake, model) as bot:
            for message in (old, never):
                await update(fake, message)
            await idle(fake, bot)
    assert len(model.calls) == 1, "for the probe"
    assert spoken(fake) == []


@pytest.mark.parametrize("ended", ["forgotten", "expired"])
async def test_an_update_of_what_was_answered_and_is_not_kept_any_more_starts_nothing(
    ended: str,
) -> None:
    clock = ManualClock(time.time())
    store = LocalStore(clock, lease_seconds=15)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            asked, thread = await talk(fake, bot, ann, general, "see https://example.com")
            await fake.edit(asked, f"{fake.at_bot} see https://example.com/")
            await idle(fake, bot)
            if ended == "forgotten":
                said = await use(fake, ann, thread, "forget")
                await fake.press(ann, said, "Forget")
                await fake.until(lambda: said.content.startswith("I have forgotten"))
            else:
                clock.advance(400 * DAY)
                asked.edited = fake.now() - 400 * DAY
            await fake.unfurl(asked)
            await pin(fake, asked)
            await idle(fake, bot)
        assert [m.content for m in fake.said_by_bot(thread)] == ["re: see https://example.com"]


@pytest.mark.parametrize("place", ["channel", "thread", "elsewhere", "dm"])
async def test_a_mention_that_an_edit_adds_is_answered_once_wherever_it_stands(place: str) -> None:
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            await fake.say(ben, thread, "hi all")
            other = await fake.open_thread(ben, general, "Lunch")
            spots: dict[str, Channel] = {"channel": general, "thread": thread, "elsewhere": other}
            spot = spots.get(place) or fake.dm(ben)
            said = await fake.say(ben, spot, "what is the capital of Peru?")
            await idle(fake, bot)
            before = len(spoken(fake))
            assert before == (2 if place == "dm" else 1)
            for text in ("{} what is the capital of Peru?", "so, {}, what is it?", "{} what is?"):
                await fake.edit(said, text.format(fake.at_bot))
                await idle(fake, bot)
            await fake.unfurl(said)
            await pin(fake, said)
            await idle(fake, bot)
        answers = spoken(fake)[1:]
        assert len(answers) == 1
        assert answers[0].startswith("re: ")


async def test_a_mention_of_another_person_that_is_corrected_is_answered() -> None:
    async with FakeDiscord() as fake:
        ann, ben, general = fake.person("ann"), fake.person("ben"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "hello")
            said = await fake.say(ann, thread, f"{ben.mention} what is the capital of Peru?")
            await idle(fake, bot)
            await fake.edit(said, f"{fake.at_bot} what is the capital of Peru?")
            await fake.replies(thread, 2)
            assert fake.texts(thread)[-1] == "re: what is the capital of Peru?"
            typo = await fake.say(ann, thread, f"{ben.mention} ehlp")
            await idle(fake, bot)
            await fake.edit(typo, f"{fake.at_bot} help")
            await fake.until(lambda: "`/chatbot export`" in fake.texts(thread)[-1])


async def test_a_typo_that_is_mended_in_an_old_message_is_no_question() -> None:
    """It was said in the thread before the bot was there, and mentions nobody."""
    now = [time.time() - 2 * DAY]
    async with FakeDiscord(now=lambda: now[0]) as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        plan = await fake.open_thread(ann, general, "Plan")
        old = [await fake.say(ann, plan, f"step {number}") for number in range(130)]
        now[0] = time.time()
        async with bot_on(fake) as bot:
            await fake.say(ann, plan, f"{fake.at_bot} and now?")
            await fake.replies(plan)
            await fake.edit(old[0], "step zero")
            await idle(fake, bot)
        assert len(fake.said_by_bot(plan)) == 1


async def test_the_age_of_an_edit_is_told_by_discords_clock() -> None:
    """A host's clock that is hours ahead makes no edit old (hermes-agent, issue 12614)."""
    async with FakeDiscord(now=lambda: time.time() - 7200) as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake):
            said = await fake.say(ann, general, "what is the capital of Peru?")
            await fake.edit(said, f"{fake.at_bot} what is the capital of Peru?")
            thread = await fake.thread(said)
            await fake.replies(thread)


async def test_a_reply_to_oneself_or_to_nobody_is_for_the_bot_if_one_is_alone_with_it() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "write fizzbuzz in Python")
            mine = await fake.say(ann, thread, "and in Rust?")
            await fake.replies(thread, 2)
            await fake.say(ann, thread, "without the modulo", reply_to=mine)
            await fake.replies(thread, 3)
            await fake.say(ann, thread, "hello?", reply_to=mine, ping=False)
            await fake.replies(thread, 4)
            gone = await fake.say(ann, thread, "never mind")
            await fake.replies(thread, 5)
            late = await fake.unheard(ann, thread, "to that", reply_to=gone, ping=False)
            await fake.delete(gone)
            fake.tell("MESSAGE_CREATE", late | {"referenced_message": None})
            await fake.replies(thread, 6)
            ben = fake.person("ben")
            await fake.say(ben, thread, "I am here, too")
            await fake.say(ann, thread, "indeed", reply_to=mine)
            await idle(fake, bot)
            assert len(fake.said_by_bot(thread)) == 6, "with two people, nobody is addressed"


async def test_a_mention_in_code_wakes_nobody() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            for text in (
                "ben, is `client.user.id == '{}'` right?",
                "```py\nif text == '{}':\n    pass\n```",
                "like this: ```{}``` ok?",
                "`` {} ` ``",
                "type \\{} to ask",
            ):
                await fake.say(ann, general, text.format(fake.at_bot))
            await idle(fake, bot)
            assert spoken(fake) == []
            asked = await fake.say(ann, general, f"{fake.at_bot} what does `{fake.at_bot}` mean?")
            thread = await fake.thread(asked)
            await fake.replies(thread)
            assert fake.texts(thread)[-1].startswith("re: what does `<")
