"""What is taken out of a message on Discord is in no later prompt, and in no process's memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain import limits
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import settled
from tests.fakes.discord import FakeDiscord
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.models.port import ModelRequest
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Message

SECRET = "DB_PASSWORD=hunter2"


def prompt(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


def in_memory(bot: Bot) -> str:
    """Return the texts of all files that a process keeps."""
    return "\n".join(kept.file.text for kept in bot.worker.files._cache._contents.values())


async def file_is_taken_out(fake: FakeDiscord, message: Message) -> None:
    await fake.attach(message)


async def file_is_replaced(fake: FakeDiscord, message: Message) -> None:
    await fake.attach(message, fake.file("safe.env", "DB_PASSWORD=***"))


async def message_is_deleted(fake: FakeDiscord, message: Message) -> None:
    await fake.delete(message)


async def update_is_nobodys(fake: FakeDiscord, message: Message) -> None:
    await fake.attach(message, told=False)


WAYS = [file_is_taken_out, file_is_replaced, message_is_deleted, update_is_nobodys]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("there", ["dm", "channel"])
async def test_a_file_that_is_taken_away_is_in_no_later_prompt(
    there: str, how: Callable[[FakeDiscord, Message], Awaitable[None]]
) -> None:
    model = ScriptedModel(f"It says {SECRET}.", reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            place = fake.dm(ann) if there == "dm" else general
            file = fake.file("prod.env", SECRET)
            said = await fake.say(ann, place, f"{fake.at_bot} is it fine?", files=[file])
            place = place if there == "dm" else await fake.thread(said)
            await fake.replies(place)
            await settled(bot)
            assert SECRET in in_memory(bot)
            await how(fake, said)
            await until(lambda: SECRET not in in_memory(bot))
            await settled(bot)
            await fake.say(ann, place, "What was I asking about?")
            await fake.replies(place, 2)
    seen = prompt(model.calls[1])
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in seen
    assert "a file that it was about was removed" in seen
    note = 'prod.env" note="could not be read: it was removed'
    assert (note in seen) == (how is update_is_nobodys)
    assert ("safe.env" in seen) == (how is file_is_replaced)
    assert ("is it fine?" in seen) == (how is not message_is_deleted)


async def test_a_turn_that_runs_begins_again_without_the_file() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "never"], "fine")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, lease_seconds=1.5):
            file = fake.file("prod.env", SECRET)
            said = await fake.say(ann, dm, "Is it fine?", files=[file])
            await until(lambda: len(model.calls) == 1)
            await fake.attach(said)
            (answer,) = await fake.replies(dm)
        assert answer.content == "fine"
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in prompt(model.calls[1])


async def test_a_message_whose_only_file_goes_is_not_answered() -> None:
    """A sticker is left, which says nothing to a model."""
    gate = asyncio.Event()
    model = ScriptedModel([gate, "first"], reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            await fake.say(ann, dm, "wait")
            await until(lambda: len(model.calls) == 1)
            second = await fake.say(ann, dm, "", files=[fake.file("prod.env", SECRET)])
            await fake.attach(second)
            gate.set()
            await fake.replies(dm)
            await settled(bot)
            await fake.say(ann, dm, "And now?")
            await fake.replies(dm, 2)
            await settled(bot)
        assert len(fake.said_by_bot(dm)) == 2
    assert not any("prod.env" in prompt(call) for call in model.calls)


async def test_what_a_preview_of_a_link_changes_takes_no_file_along() -> None:
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            file = fake.file("plan.txt", "The plan is to dance.")
            said = await fake.say(ann, dm, "See https://example.com", files=[file])
            await fake.replies(dm)
            await settled(bot)
            await fake.unfurl(said)
            await fake.say(ann, dm, "And?")
            await fake.replies(dm, 2)
            assert "dance" in in_memory(bot)
    assert "The plan is to dance." in prompt(model.calls[1])


async def test_a_preview_that_is_removed_is_in_no_later_prompt() -> None:
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            said = await fake.say(ann, dm, "See https://example.com/")
            await fake.replies(dm)
            for number, change in enumerate((fake.unfurl(said, SECRET), fake.suppress(said)), 2):
                await settled(bot)
                await change
                await fake.say(ann, dm, "And?")
                await fake.replies(dm, number)
    assert SECRET in prompt(model.calls[1])
    assert SECRET not in prompt(model.calls[2])


async def test_a_file_of_a_message_that_was_replied_to_goes_with_it() -> None:
    """A mention brings the files of what it replies to, which is another's message."""
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        async with bot_on(fake, model) as bot:
            theirs = await fake.say(bob, general, "mine", files=[fake.file("prod.env", SECRET)])
            asked = await fake.say(ann, general, f"{fake.at_bot} fine?", reply_to=theirs)
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await settled(bot)
            assert SECRET in in_memory(bot)
            await fake.delete(theirs)
            await until(lambda: SECRET not in in_memory(bot))
            await fake.say(ann, thread, "And now?")
            await fake.replies(thread, 2)
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in prompt(model.calls[1])
    assert 'prod.env" note="could not be read: its message was deleted' in prompt(model.calls[1])


async def test_a_file_of_which_no_event_told_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FILE_CHECK_SECONDS", 0.3)
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            said = await fake.say(ann, dm, "Is it fine?", files=[fake.file("prod.env", SECRET)])
            await fake.replies(dm)
            said.files.clear()
            await asyncio.sleep(0.3)
            await fake.say(ann, dm, "And now?")
            await fake.replies(dm, 2)
    assert SECRET not in prompt(model.calls[1])
    assert 'prod.env" note="could not be read: it was removed' in prompt(model.calls[1])


async def test_without_the_intent_what_is_edited_away_is_gone() -> None:
    """The message names the bot no more, so that it is not shown what it says now."""
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model, discord_message_content=False) as bot:
            asked = await fake.say(ann, general, f"{fake.at_bot} my PIN is 1234")
            thread = await fake.thread(asked)
            await fake.replies(thread)
            await settled(bot)
            (before,) = (await bot.store.threads()).threads
            revision = await bot.store.revisions((before.thread,))
            await fake.edit(asked, "nothing")
            async with asyncio.timeout(20):
                while await bot.store.revisions((before.thread,)) == revision:
                    await asyncio.sleep(0.01)
            await fake.say(ann, thread, f"{fake.at_bot} and now?")
            await fake.replies(thread, 2)
    assert "1234" in prompt(model.calls[0])
    assert "1234" not in prompt(model.calls[1])
