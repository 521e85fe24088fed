"""What is said on Discord while the bot is away is answered once, or gets a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.domain.clock import SystemClock
from core.domain.errors import StoreUnavailableError
from core.intake.missed import TOO_LATE
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.slack_bot import echo
from tests.fakes.discord import FakeDiscord
from tests.prompts import newest

if TYPE_CHECKING:
    from core.store.values import Accepted
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel, User


class FailingStore(LocalStore):
    """A store that can't be reached for as long as a test says."""

    away = False
    refused = 0

    async def has_refused(self) -> bool:
        return self.refused > 0

    async def accept(self, *args: Any, **kwargs: Any) -> Accepted:
        if self.away:
            self.refused += 1
            raise StoreUnavailableError("the store is away")
        return await super().accept(*args, **kwargs)


def store_of() -> LocalStore:
    return LocalStore(SystemClock(), lease_seconds=15)


async def talked(fake: FakeDiscord, ann: User, general: Channel) -> Channel:
    """Open a thread of the bot's."""
    thread = await fake.thread(await fake.say(ann, general, f"{fake.at_bot} hello"))
    await fake.replies(thread)
    return thread


async def heard(bot: Bot, *places: str) -> None:
    """Wait until it is kept how far places were heard."""
    name = f"discord:{bot.discord.platform.me.user}:"

    async def kept() -> bool:
        return all([await bot.store.cursor(name + place) for place in places])

    await until_true(kept)


def texts(fake: FakeDiscord, where: Channel) -> list[str]:
    return [message.content for message in fake.said_by_bot(where)]


async def test_what_was_said_in_a_downtime_is_answered_once_and_together() -> None:
    store = store_of()
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general = fake.channel("general")
        dm = fake.dm(ben)
        async with bot_on(fake, model, store=store) as bot:
            thread = await talked(fake, ann, general)
            await fake.say(ben, dm, "hi")
            await fake.replies(dm)
            await heard(bot, f"{fake.home.id}/{general.id}", f"dm/{dm.id}")
        for text in ("one", "two", "three"):
            await fake.say(ann, thread, text)
        await fake.say(ben, dm, "are you there?")
        new = await fake.say(ben, general, f"{fake.at_bot} and here?")
        async with bot_on(fake, model, store=store):
            await fake.replies(thread, 2)
            await fake.replies(dm, 2)
            opened = await fake.thread(new)
            await fake.replies(opened)
        async with bot_on(fake, model, store=store):
            await fake.say(ann, thread, "four")
            await fake.replies(thread, 3)
        assert texts(fake, thread) == ["re: hello", "re: three", "re: four"]
        assert texts(fake, dm) == ["re: hi", "re: are you there?"]
        assert texts(fake, opened) == ["re: and here?"]
    missed = next(call for call in model.calls if "three" in newest(call))
    assert "one" in missed.messages[-1].text
    assert "two" in missed.messages[-1].text


async def test_what_is_too_old_gets_one_line() -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, store=store) as bot:
            await fake.say(ann, dm, "hi")
            await fake.replies(dm)
            await heard(bot, f"dm/{dm.id}")
        await fake.say(ann, dm, "one")
        await fake.say(ann, dm, "two")
        for _ in range(2):
            async with bot_on(fake, store=store, discord_catch_up_hours=0):
                await fake.until(lambda: TOO_LATE in texts(fake, dm))
        assert texts(fake, dm) == ["re: hi", TOO_LATE]


async def test_a_fresh_session_looks_for_what_was_missed_and_a_resumed_one_need_not() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            thread = await talked(fake, ann, general)
            await heard(bot, f"{fake.home.id}/{general.id}")
            fake.drop()
            await fake.say(ann, thread, "resumed?")
            await fake.replies(thread, 2)
            fake.forget_sessions()
            await fake.say(ann, thread, "identified?")
            await fake.replies(thread, 3, within=20)
        assert texts(fake, thread) == ["re: hello", "re: resumed?", "re: identified?"]


async def test_fifty_messages_over_five_threads_and_two_dms() -> None:
    store = store_of()
    model = ScriptedModel(reply=echo)
    async with FakeDiscord() as fake:
        ann, ben = fake.person("ann"), fake.person("ben")
        general = fake.channel("general")
        dms = [fake.dm(ann), fake.dm(ben)]
        async with bot_on(fake, model, store=store) as bot:
            threads = [await talked(fake, ann, general) for _ in range(5)]
            for who, dm in zip((ann, ben), dms, strict=True):
                await fake.say(who, dm, "hello")
                await fake.replies(dm)
            await heard(bot, f"{fake.home.id}/{general.id}", *(f"dm/{dm.id}" for dm in dms))
        for number in range(50):
            place = (*threads, *dms)[number % 7]
            await fake.say(ben if place is dms[1] else ann, place, f"missed {number}.")
        async with bot_on(fake, model, store=store):
            for place in (*threads, *dms):
                await fake.replies(place, 2, within=20)
        assert all(len(texts(fake, place)) == 2 for place in (*threads, *dms))
    asked = " ".join(call.messages[-1].text for call in model.calls)
    assert [asked.count(f"missed {number}.") for number in range(50)] == [1] * 50


async def test_a_thread_that_comes_back_from_the_archive_is_joined() -> None:
    store = store_of()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            thread = await talked(fake, ann, general)
            await heard(bot, f"{fake.home.id}/{general.id}")
        await fake.archive(thread)
        assert thread.thread is not None
        thread.thread.members.pop(fake.bot.id, None)
        async with bot_on(fake, store=store):
            await fake.say(ann, thread, "anybody?")
            await fake.replies(thread, 2)
            await fake.say(ann, thread, "again?")
            await fake.replies(thread, 3)
            assert fake.bot.id in thread.thread.members
        assert texts(fake, thread) == ["re: hello", "re: anybody?", "re: again?"]


async def test_while_the_store_is_away_nothing_is_lost() -> None:
    store = FailingStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, store=store):
            await fake.say(ann, dm, "one")
            await fake.replies(dm)
            store.away = True
            await fake.say(ann, dm, "two")
            await until_true(store.has_refused)
            store.away = False
            assert [m.content for m in await fake.replies(dm, 2)] == ["re: one", "re: two"]
