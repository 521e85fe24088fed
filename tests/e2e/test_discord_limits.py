"""Where Discord lets the bot write less than it would: each turn ends, once, and nothing loops."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from core.models.scripted import ScriptedModel
from core.turn.notices import UNDELIVERED
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import settled, talk
from tests.fakes.discord import FakeDiscord, Permission, Refused
from tests.fakes.discord.faults import DELETE, POST

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from core.models.scripted import Step
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel

MOST_CALLS = 10
"""Of an answer that is given up: looking, editing, deleting, posting, and telling who asked."""


def texts(fake: FakeDiscord, where: Channel | None = None) -> list[str]:
    return [message.content for message in fake.said_by_bot(where)]


async def lost(bot: Bot, answers: int = 1) -> None:
    """Wait until so many answers are given up, and listed for the operator."""

    async def listed() -> bool:
        return len(await bot.store.buried()) == answers and not bot.worker._turns

    await until_true(listed)


@asynccontextmanager
async def shown_first(
    fake: FakeDiscord,
) -> AsyncGenerator[tuple[Bot, Channel, asyncio.Event]]:
    """Run a bot whose second answer in a thread is shown in part, and goes on when told to."""
    more = asyncio.Event()
    steps: list[str | list[Step]] = ["One.", ["Half, ", 0.0, more, "and whole."]]
    ann, general = fake.person("ann"), fake.channel("general")
    async with bot_on(fake, ScriptedModel(*steps)) as bot:
        _, thread = await talk(fake, bot, ann, general, "one?")
        await fake.say(ann, thread, "two?")
        await fake.until(lambda: len(texts(fake, thread)) == 2)
        yield bot, thread, more


async def test_slow_mode_is_not_for_bots() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general", slowmode=3600)
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.slow_down(thread, 3600)
            await fake.say(ann, thread, "two?")
            await fake.replies(thread, 2)
        assert texts(fake) == ["re: one?", "re: two?"]


async def test_where_slow_mode_holds_the_bot_it_waits() -> None:
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        fake.faults.next(POST, Refused(20016, retry_after=0.3), Refused(20016, retry_after=2))
        async with bot_on(fake) as bot:
            await fake.say(ann, dm, "one?")
            await fake.replies(dm)
            await settled(bot)
        assert texts(fake) == ["re: one?"]
        assert len(fake.rest.made(POST)) == 1


async def test_an_archived_thread_is_opened_again_for_the_end_of_an_answer() -> None:
    async with FakeDiscord() as fake, shown_first(fake) as (bot, thread, more):
        await fake.archive(thread)
        more.set()
        await fake.until(lambda: texts(fake, thread) == ["One.", "Half, and whole."])
        await settled(bot)
        assert thread.thread is not None
        assert not thread.thread.archived
        assert not await bot.store.buried()


async def test_in_a_thread_that_is_archived_and_locked_an_answer_is_given_up() -> None:
    async with FakeDiscord() as fake, shown_first(fake) as (bot, thread, more):
        await fake.archive(thread, locked=True)
        calls = len(fake.rest.calls)
        more.set()
        await lost(bot)
        assert len(fake.rest.calls) - calls <= MOST_CALLS
        assert texts(fake, thread) == ["One."]  # what was shown of the other is taken away


async def test_in_a_locked_thread_an_answer_is_given_up_and_the_next_one_comes() -> None:
    gate = asyncio.Event()
    model = ScriptedModel("One.", [gate, "Two."], "Three.")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.say(ann, thread, "two?")
            await fake.until(lambda: len(model.calls) == 2)
            await fake.lock(thread)
            calls = len(fake.rest.calls)
            gate.set()
            await lost(bot)
            assert len(fake.rest.calls) - calls <= MOST_CALLS
            await fake.lock(thread, locked=False)
            await fake.say(ann, thread, "three?")
            await fake.replies(thread, 2)
        assert texts(fake, thread) == ["One.", "Three."]
        assert texts(fake, fake.dm(ann)) == [UNDELIVERED]
    assert len(model.calls) == 3


async def test_where_it_may_not_write_an_answer_is_given_up_and_the_next_one_comes() -> None:
    model = ScriptedModel("One.", "Two.", "Three.")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            _, thread = await talk(fake, bot, ann, general, "one?")
            await fake.deny(general, Permission.SEND_MESSAGES_IN_THREADS, fake.bot)
            calls = len(fake.rest.calls)
            await fake.say(ann, thread, "two?")
            await lost(bot)
            assert len(fake.rest.calls) - calls <= MOST_CALLS
            await fake.allow(general, Permission.SEND_MESSAGES_IN_THREADS, fake.bot)
            await fake.say(ann, thread, "three?")
            await fake.replies(thread, 2)
        assert texts(fake, thread) == ["One.", "Three."]
        assert texts(fake, fake.dm(ann)) == [UNDELIVERED]
    assert len(model.calls) == 3


@pytest.mark.parametrize("whole", [True, False])
async def test_a_place_that_is_deleted_in_mid_reply_ends_the_turn(*, whole: bool) -> None:
    async with FakeDiscord() as fake, shown_first(fake) as (bot, thread, more):
        await fake.delete_channel(thread.parent if whole else thread)
        calls = len(fake.rest.calls)
        more.set()
        await lost(bot)
        assert len(fake.rest.calls) - calls <= MOST_CALLS


async def test_a_preview_of_an_hour_ago_gives_way_to_the_answer() -> None:
    async with (
        FakeDiscord(now=lambda: time.time() - 7200) as fake,
        shown_first(fake) as (bot, thread, more),
    ):
        fake.advance(7200)
        for _ in range(fake.old_edits):
            fake.old_edit(thread.id)  # as others of the bot's edits would be counted
        first = fake.said_by_bot(thread)[-1]
        more.set()
        await fake.until(lambda: texts(fake, thread)[-1:] == ["Half, and whole."])
        await settled(bot)
        assert texts(fake, thread) == ["One.", "Half, and whole."]
        assert first.deleted
        assert len(fake.rest.made(DELETE)) == 1
