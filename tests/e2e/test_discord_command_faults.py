"""Commands on Discord while something goes wrong: done once or not at all, and told as it is."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from bots.discord.ui.commands import commands, is_synced
from bots.discord.ui.runner import FAILED
from core.domain.clock import SystemClock
from core.domain.errors import StoreUnavailableError
from core.store.local.store import LocalStore
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import (
    ANSWER,
    CALLBACK,
    LIST,
    MEMBER,
    PUT,
    answer,
    synced,
    talk,
    threads_of,
    use,
)
from tests.fakes.claude import FakeClaude
from tests.fakes.discord import Cut, FakeDiscord, Permission, Refused, Slow, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.e2e.program import Program
    from tests.fakes.discord.faults import Fault

BEGUN = "Ann reset this conversation"


async def wait_for(holds: Callable[[], bool]) -> None:
    """Wait for what the fake is not told of."""

    async def held() -> bool:
        return holds()

    await until_true(held)


class Slowly(LocalStore):
    """A store in which claims of commands take their time, or fail."""

    seconds = 0.0
    fails = False

    async def claim_once(self, platform: str, name: str) -> bool:
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise StoreUnavailableError("the store is away")
        return await super().claim_once(platform, name)


@pytest.mark.parametrize("name", [CALLBACK, ANSWER, MEMBER])
@pytest.mark.parametrize("fault", [Cut(), Cut(after=False), Status(503, after=True)])
async def test_an_answer_that_is_lost_once_harms_nothing(name: str, fault: Fault) -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.next(name, fault)
            said = await use(fake, ann, thread, "reset")
            await fake.until(lambda: said.content.startswith(BEGUN))
            assert fake.faults.dealt
        assert [text.startswith(BEGUN) for text in fake.texts(thread)].count(True) == 1
        assert fake.shown_to(ann) == [said]


async def test_each_call_may_lose_its_answer_once() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.each_once()
            assert "Rex" in (await use(fake, ann, thread, "memory")).content
            said = await use(fake, ann, general, "forget")
            (row,) = said.components
            value = row["components"][0]["options"][0]["value"]
            await fake.press(ann, said, row["components"][0]["custom_id"], value)
            await fake.until(lambda: "everything I keep" in said.content)
            await fake.press(ann, said, "Forget")
            await fake.until(lambda: said.content.startswith("I have forgotten everything"))
            assert await threads_of(bot, ann) == ()
        assert fake.texts(thread) == ["re: My dog is called Rex."]


async def test_a_slow_store_does_not_make_a_command_late() -> None:
    store = Slowly(SystemClock())
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            await synced(fake)
            store.seconds = 3.5
            asked = await fake.slash(ann, thread, "chatbot memory")
            await fake.until(lambda: asked.acked)
            assert (asked.acked or 0) - asked.created < 1
            assert asked.ephemeral
            assert "Rex" in (await answer(fake, asked)).content


async def test_a_store_that_is_away_is_told_and_nothing_is_done() -> None:
    store = Slowly(SystemClock())
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, store=store) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            await synced(fake)
            store.fails = True
            assert (await use(fake, ann, thread, "reset")).content == FAILED
            work = await store.peek((await threads_of(bot, ann))[0].thread)
            assert work is not None
            assert work.reset_position == 0


@pytest.mark.parametrize("fault", [Refused(10062), Slow(3.2, then=True)])
async def test_what_comes_too_late_is_not_done(fault: Fault) -> None:
    """The person is told by Discord that the bot did not respond."""
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            await synced(fake)
            fake.faults.next(CALLBACK, *[fault] * (1 if isinstance(fault, Refused) else 3))
            asked = await fake.slash(ann, thread, "chatbot reset")
            await wait_for(lambda: len(fake.faults.dealt) == (1 if fault == Refused(10062) else 3))
            await bot.discord._runner.close()
            assert not asked.shown
            assert not fake.said_by_bot(fake.dm(ann))
            (info,) = await threads_of(bot, ann)
            work = await bot.store.peek(info.thread)
            assert work is not None
            assert work.reset_position == 0


async def test_two_replicas_do_a_command_once_and_write_the_commands_once() -> None:
    async with FakeDiscord() as fake:
        ann, root, general = fake.person("ann"), fake.person("root"), fake.channel("general")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        store: Any = LocalStore(SystemClock())
        async with bot_on(fake, store=store) as bot, bot_on(fake, store=store):
            await fake.connected(2)
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            for number in range(1, 6):
                said = await use(fake, ann, thread, "reset")
                assert said.content.startswith(BEGUN)
                await asyncio.sleep(0.05)
                assert [t.startswith(BEGUN) for t in fake.texts(thread)].count(True) == number
            assert (await use(fake, root, thread, "export")).files
            await asyncio.sleep(0.1)
            assert len(await store.audited()) == 1
            said = await use(fake, ann, thread, "forget")
            await asyncio.gather(*(fake.press(ann, said, "Forget") for _ in range(2)))
            await fake.until(lambda: said.content.startswith("I have forgotten everything"))
        assert fake.command_writes == [PUT]
        assert len(fake.shown_to(ann)) == 6


async def test_commands_are_written_only_where_they_differ() -> None:
    async with FakeDiscord() as fake:
        async with bot_on(fake):
            await synced(fake)
        async with bot_on(fake):
            await wait_for(lambda: len(fake.rest.made(LIST)) == 2)
        assert fake.command_writes == [PUT]
        fake.commands[0]["description"] = "of another version"
        async with bot_on(fake):
            await fake.until(lambda: len(fake.command_writes) == 2)
        assert is_synced(fake.commands, commands())


async def test_killed_before_it_was_done_a_command_is_not_said_to_be(program: Program) -> None:
    async with FakeDiscord() as fake, FakeClaude() as claude:
        program.settings |= {
            "CHATBOT_DISCORD_BASE_URL": fake.api_url,
            "DISCORD_BOT_TOKEN": fake.token,
            "CHATBOT_STORE": f"sqlite:///{program.home}/store.db",
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": "sk-ant-1",
        }
        ann, general = fake.person("ann"), fake.channel("general")
        first = await program.start("run")
        try:
            await fake.connected(within=30)
            thread = await fake.thread(
                await fake.say(ann, general, f"{fake.at_bot} My dog is called Rex.")
            )
            await fake.replies(thread)
            await synced(fake)
            fake.faults.next(MEMBER, Slow(20))
            asked = await fake.slash(ann, thread, "chatbot reset")
            await wait_for(lambda: bool(asked.acked and fake.faults.dealt))
            await first.kill()
            assert not asked.shown
            second = await program.start("run")
            await fake.connected(within=30)
            began = time.monotonic()
            said = await use(fake, ann, thread, "reset")
            assert said.content.startswith(BEGUN)
            assert time.monotonic() - began < 10
            await second.kill()
        finally:
            await first.kill()
        assert not asked.shown
        assert [t.startswith(BEGUN) for t in fake.texts(thread)].count(True) == 1
        assert fake.command_writes == [PUT]
