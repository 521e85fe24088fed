"""What is taken out of a message on Slack is in no later prompt, and in no process's memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.domain import limits
from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.shapes import message_json
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.models.port import ModelRequest
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, File, Message, User

SECRET = "DB_PASSWORD=hunter2"
How = "Callable[[FakeSlack, Message, File], Awaitable[None]]"
both = pytest.mark.parametrize("transport", TRANSPORTS)


def prompt(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


def in_memory(bot: Bot) -> str:
    """Return the texts of all files that a process keeps."""
    return "\n".join(kept.file.text for kept in bot.worker.files._cache._contents.values())


async def asked(fake: FakeSlack, ann: User, dm: Channel, *, words: str = "Is it fine?") -> Message:
    """Let a person send a file that they had better not, and be answered."""
    file = fake.file(ann, "prod.env", SECRET)
    said = await fake.say(ann, dm, words, files=[file])
    await fake.replies(dm, said.ts)
    return said


async def file_is_deleted(fake: FakeSlack, message: Message, file: File) -> None:
    fake.delete_file(file)


async def file_is_taken_out(fake: FakeSlack, message: Message, file: File) -> None:
    await fake.attach(message)


async def file_is_replaced(fake: FakeSlack, message: Message, file: File) -> None:
    await fake.attach(message, fake.file(message.user, "safe.env", "DB_PASSWORD=***"))


async def rule_makes_it_a_tombstone(fake: FakeSlack, message: Message, file: File) -> None:
    before = message_json(fake, message)
    event = {"subtype": "message_changed", "hidden": True, "ts": fake.stamp()}
    now = before | {"files": [{"id": file.id, "mode": "tombstone"}]}
    tell(fake, message, event | {"message": now, "previous_message": before})


async def tombstone_is_all_that_is_told(fake: FakeSlack, message: Message, file: File) -> None:
    event = {"subtype": "message_changed", "hidden": True, "ts": fake.stamp()}
    now = message_json(fake, message) | {"files": [{"id": file.id, "mode": "tombstone"}]}
    tell(fake, message, event | {"message": now})


async def plan_hides_it(fake: FakeSlack, message: Message, file: File) -> None:
    before = message_json(fake, message)
    file.mode = "hidden_by_limit"
    fake.changed(message, before)


async def only_the_file_is_told_about(fake: FakeSlack, message: Message, file: File) -> None:
    fake.delete_file(file, told=False)


def tell(fake: FakeSlack, message: Message, event: dict[str, Any]) -> None:
    channel = fake.channels[message.channel]
    body = {"type": "message", "channel": channel.id, "channel_type": channel.type, **event}
    fake.emit(body, name=f"message.{channel.scope}", channel=channel)


WAYS = [
    file_is_deleted,
    file_is_taken_out,
    file_is_replaced,
    rule_makes_it_a_tombstone,
    tombstone_is_all_that_is_told,
    plan_hides_it,
    only_the_file_is_told_about,
]


@both
@pytest.mark.parametrize("how", WAYS)
async def test_a_file_that_is_taken_away_is_in_no_later_prompt(
    transport: str, how: Callable[[FakeSlack, Message, File], Awaitable[None]]
) -> None:
    """Sources: wee-slack, pull request 641; slack-edge, pull request 10; slack/c16."""
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, transport=transport) as bot:
            said = await asked(fake, ann, dm)
            assert SECRET in in_memory(bot)
            await how(fake, said, said.files[0])
            await fake.settled()
            await until(lambda: SECRET not in in_memory(bot))
            after = await fake.say(ann, dm, "What was I asking about?")
            await fake.replies(dm, after.ts)
        assert len(answers(fake, dm, said.ts)) == 1
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in prompt(model.calls[1])
    assert "Is it fine?" in prompt(model.calls[1])
    assert ("safe.env" in prompt(model.calls[1])) == (how is file_is_replaced)


async def test_nor_is_it_after_a_restart() -> None:
    store, model = LocalStore(SystemClock()), ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, store=store):
            said = await asked(fake, ann, dm)
            await fake.attach(said)
            await fake.settled()
        async with bot_on(fake, model, store=store):
            after = await fake.say(ann, dm, "What was I asking about?")
            await fake.replies(dm, after.ts)
    assert SECRET not in prompt(model.calls[1])
    assert "prod.env" not in prompt(model.calls[1])


async def test_a_message_whose_only_file_goes_is_gone() -> None:
    """It waits behind another turn, and nothing is left to answer."""
    gate = asyncio.Event()
    model = ScriptedModel([gate, "first"], reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            first = await fake.say(ann, dm, "wait")
            await until(lambda: len(model.calls) == 1)
            second = await fake.say(ann, dm, "", files=[fake.file(ann, "prod.env", SECRET)])
            await fake.settled()
            await fake.attach(second)
            await fake.settled()
            gate.set()
            await fake.replies(dm, first.ts)
            await until(lambda: not bot.worker._turns)
            after = await fake.say(ann, dm, "And now?")
            await fake.replies(dm, after.ts)
        assert answers(fake, dm, second.ts) == []
    assert not any("prod.env" in prompt(call) for call in model.calls)


async def test_a_turn_that_runs_begins_again_without_the_file() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "never"], "fine")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, lease_seconds=1.5):
            file = fake.file(ann, "prod.env", SECRET)
            said = await fake.say(ann, dm, "Is it fine?", files=[file])
            await until(lambda: len(model.calls) == 1)
            await fake.attach(said)
            (answer,) = await fake.replies(dm, said.ts)
        assert answer.text == "fine"
    assert SECRET in prompt(model.calls[0])
    assert SECRET not in prompt(model.calls[1])


async def test_an_old_message_that_loses_a_file_is_not_answered() -> None:
    """It is changed, but not said now: the bot never took it in."""
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        file = fake.file(ann, "prod.env", SECRET)
        old = await fake.say(ann, general, f"{fake.at_bot} is it fine?", files=[file])
        async with bot_on(fake, model, slack_catch_up_hours=0):
            fake.delete_file(file)
            await fake.settled()
            after = await fake.say(ann, general, f"{fake.at_bot} hello")
            await fake.replies(general, after.ts)
            await fake.settled()
        assert answers(fake, general, old.ts) == []
    assert len(model.calls) == 1


async def test_another_process_has_it_no_longer_than_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Slack tells one process of each event, and `forget` is said to one as well."""
    monkeypatch.setattr(limits, "FILE_CHECK_SECONDS", 0.3)
    clock = SystemClock()
    store, model = LocalStore(clock), ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, store=store) as first:
            await asked(fake, ann, dm)
            assert SECRET in in_memory(first)
            other = LocalStore(clock)  # the same data, as another process has it
            other.__dict__ |= {**store.__dict__, "_listeners": ()}
            (info,) = (await other.threads()).threads
            await asyncio.sleep(0.7)
            assert SECRET in in_memory(first), "nothing is dropped for nothing"
            await other.erase(info.thread, at=fake.now())
            await until(lambda: SECRET not in in_memory(first), seconds=5)


async def test_a_file_that_another_process_heard_of_is_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No message was changed, and the event went to another process or was lost."""
    monkeypatch.setattr(limits, "FILE_CHECK_SECONDS", 0.3)
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        fake.events.discard("file_deleted")
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            said = await asked(fake, ann, dm)
            fake.delete_file(said.files[0], told=False)
            await asyncio.sleep(0.3)
            after = await fake.say(ann, dm, "What was I asking about?")
            await fake.replies(dm, after.ts)
    assert SECRET not in prompt(model.calls[1])
    assert 'prod.env" note="could not be read: it was deleted' in prompt(model.calls[1])


@pytest.mark.parametrize("heard", [True, False])
async def test_a_snippet_that_is_edited_is_read_again(
    monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    """It has other words under the same id, and its message says nothing of it."""
    if not heard:
        monkeypatch.setattr(limits, "FILE_CHECK_SECONDS", 0.3)
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        if not heard:
            fake.events.discard("file_change")
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            file = fake.file(ann, "prod.env", SECRET)
            file.mode = "snippet"
            said = await fake.say(ann, dm, "Is it fine?", files=[file])
            await fake.replies(dm, said.ts)
            fake.edit_file(file, "DB_PASSWORD=***")
            await fake.settled()
            await asyncio.sleep(0 if heard else 0.3)
            after = await fake.say(ann, dm, "And now?")
            await fake.replies(dm, after.ts)
    assert SECRET not in prompt(model.calls[1])
    assert "DB_PASSWORD=***" in prompt(model.calls[1])


@both
async def test_what_is_forgotten_is_forgotten_with_its_files(transport: str) -> None:
    model = ScriptedModel(reply=lambda _: "noted")
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model, transport=transport) as bot:
            file = fake.file(ann, "prod.env", SECRET)
            said = await fake.say(ann, general, f"{fake.at_bot} is it fine?", files=[file])
            await fake.replies(general, said.ts)
            assert SECRET in in_memory(bot)
            await fake.say(ann, general, f"{fake.at_bot} reset", said.ts)
            await fake.replies(general, said.ts, 2)
            assert SECRET not in in_memory(bot)
            after = await fake.say(bob, general, f"{fake.at_bot} what was it?", said.ts)
            await fake.replies(general, after.thread_ts or "", 3)
    assert SECRET not in prompt(model.calls[1])


@pytest.mark.parametrize("told", [True, False])
async def test_an_answer_that_may_tell_what_was_in_a_file_is_left_out(*, told: bool) -> None:
    """It stays where it was posted, and in the export; the model does not see it again."""
    model = ScriptedModel(f"It says {SECRET}.", "It was about a file that is gone.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model) as bot:
            said = await asked(fake, ann, dm)
            await until(lambda: not bot.worker._turns)
            fake.delete_file(said.files[0], told=told)
            await fake.settled()
            after = await fake.say(ann, dm, "What was I asking about?")
            await fake.replies(dm, after.ts)
        (answer,) = answers(fake, dm, said.ts)
        assert SECRET in answer.text
    assert SECRET not in prompt(model.calls[1])
    assert "a file that it was about was removed" in prompt(model.calls[1])
