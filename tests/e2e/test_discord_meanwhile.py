"""What people change on Discord while the bot is away, and who speaks before it has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.session import Entry, Status
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, talk, use
from tests.e2e.slack_bot import echo
from tests.e2e.test_discord_catch_up import heard, store_of, texts
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import HISTORY, READ, Limited, Refused
from tests.fakes.discord.faults import Status as Page
from tests.world import until

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel
    from tests.fakes.discord.faults import Fault

SECRET = "hunter2"


def prompt(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


async def kept(bot: Bot) -> list[str]:
    """Return the texts that are stored, of all threads."""
    found: list[str] = []
    for info in (await bot.store.threads()).threads:
        page = await bot.store.history(info.thread)
        found += [r.text for r in page if isinstance(r, Entry) and r.status is not Status.DELETED]
    return found


@pytest.mark.parametrize("place", ["dm", "thread", "post"])
@pytest.mark.parametrize("deleted", [True, False])
async def test_what_is_changed_while_it_is_away_is_followed(place: str, *, deleted: bool) -> None:
    store, model = store_of(), ScriptedModel(reply=lambda _: "Noted.")
    async with FakeDiscord() as fake:
        ann, general, forum = fake.person("ann"), fake.channel("general"), fake.forum("help")
        async with bot_on(fake, model, store=store) as bot:
            if place == "dm":
                where = fake.dm(ann)
                first = await fake.say(ann, where, f"it is {SECRET}")
            elif place == "thread":
                first, where = await talk(fake, bot, ann, general, f"it is {SECRET}")
            else:
                where = await fake.post(ann, forum, "A title", f"{fake.at_bot} it is {SECRET}")
                first = fake.history(where)[0]
            await fake.replies(where, 1)
            second = await fake.say(ann, where, f"again: {SECRET}")
            await fake.replies(where, 2)
            await settled(bot)
            await heard(bot, f"dm/{where.id}" if place == "dm" else place_of(fake, where))
        for message in (first, second):
            await (fake.delete(message) if deleted else fake.edit(message, "it is ***"))
        async with bot_on(fake, model, store=store) as bot:
            await fake.say(ann, where, "what is it?")
            await fake.replies(where, 3)
            assert not any(SECRET in text for text in await kept(bot))
            assert sum("***" in text for text in await kept(bot)) == (0 if deleted else 2)
    assert SECRET in prompt(model.calls[1])
    assert SECRET not in prompt(model.calls[2])


def place_of(fake: FakeDiscord, where: Channel) -> str:
    return f"{fake.home.id}/{where.parent}"


@pytest.mark.parametrize("fault", [Page(503), Refused(50001), Limited(0.2)])
async def test_an_answer_that_is_none_deletes_nothing(fault: Fault) -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            first, thread = await talk(fake, bot, ann, general, "remember me")
            await heard(bot, f"{fake.home.id}/{general.id}")
        await fake.delete(first)
        for call in (HISTORY, READ):
            fake.faults.always(call, fault)
        async with bot_on(fake, store=store) as bot:
            await fake.say(ann, thread, "hello?")
            await fake.until(lambda: "re: hello?" in texts(fake, thread))
            assert "remember me" in await kept(bot)
            for call in (HISTORY, READ):
                fake.faults.well(call)
            bot.discord.reception._catch_up.missed()

            async def gone() -> bool:
                return "remember me" not in await kept(bot)

            await until_true(gone)


async def test_what_was_missed_comes_before_what_is_said_now() -> None:
    store, model = store_of(), ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model, store=store) as bot:
            _, thread = await talk(fake, bot, ann, general, "first?")
            await heard(bot, f"{fake.home.id}/{general.id}")
        await fake.say(ann, thread, "second?")
        async with bot_on(fake, model, store=store) as bot:
            bot.discord.reception._catch_up.hold()  # as if it had not looked yet
            await fake.say(ann, thread, "third?")
            await until(lambda: any("third?" in prompt(call) for call in model.calls))
            assert await kept(bot) == ["first?", "second?", "third?"]


@pytest.mark.parametrize("restarted", [True, False])
async def test_after_forget_it_listens_in_a_thread_of_its_own(*, restarted: bool) -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            _, thread = await talk(fake, bot, ann, general, "first?")
            sure = await use(fake, ann, thread, "forget")
            await fake.press(ann, sure, "Forget")
            await until_true(lambda: forgotten(bot))
            if not restarted:
                await fake.say(ann, thread, "and now?")
                await fake.until(lambda: "re: and now?" in texts(fake, thread))
        if restarted:
            async with bot_on(fake, store=store):
                await fake.say(ann, thread, "and now?")
                await fake.until(lambda: "re: and now?" in texts(fake, thread))


async def forgotten(bot: Bot) -> bool:
    return (await bot.store.threads()).threads == ()
