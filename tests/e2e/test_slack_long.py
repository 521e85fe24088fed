"""Answers that are too long for messages on Slack: their beginning, and a file with all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.clock import SystemClock
from core.domain.errors import PlatformError
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.fakes.slack import Cut, FakeSlack, Limited, Refused, Status
from tests.world import until

if TYPE_CHECKING:
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack import Channel
    from tests.fakes.slack.model import File, Message

ANSWER = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(60)).strip()
both = pytest.mark.parametrize("transport", TRANSPORTS)


async def ask(fake: FakeSlack) -> tuple[Channel, Message]:
    ann = fake.person("ann")
    general = fake.channel("general", ann)
    return general, await fake.say(ann, general, f"{fake.at_bot} tell me all")


def files_in(messages: list[Message]) -> list[File]:
    return [file for message in messages for file in message.files]


async def whole(fake: FakeSlack, bot: Bot, channel: Channel, ts: str) -> list[Message]:
    """Wait until the turn is settled; hold what stands there to being the whole answer, once."""
    await until(lambda: bool(fake.thread(channel, ts)[1:]), seconds=30)
    await until(lambda: not bot.worker._turns, seconds=30)
    async with asyncio.timeout(30):
        while any(info.waiting for info in (await bot.store.threads()).threads):
            await asyncio.sleep(0.05)
    await until(lambda: not bot.worker._turns, seconds=30)
    said = answers(fake, channel, ts)
    shown = "".join(block["text"] for m in said for block in m.blocks)
    assert "".join(ANSWER.split()).startswith("".join(shown.split()))
    assert len(shown) > 20_000
    assert [bool(message.files) for message in said] == [False, False, True]
    (file,) = files_in(said)
    assert file.data.decode() == ANSWER
    return said


@both
async def test_an_answer_of_too_many_messages_goes_on_as_a_file(transport: str) -> None:
    async with FakeSlack() as fake:
        model = ScriptedModel(["Paragraph 0. ", 0.5, ANSWER.removeprefix("Paragraph 0. ")])
        async with bot_on(fake, model, transport=transport, slack_answer_messages=2) as bot:
            general, asked = await ask(fake)
            *_, last = await whole(fake, bot, general, asked.ts)
            assert "this file has all of it" in last.text
            assert last.files[0].name.startswith("answer-")
            assert last.files[0].title == "The whole answer"


@pytest.mark.parametrize("fault", [Cut(), Cut(after=False), Status(502), Limited(1)])
@pytest.mark.parametrize("seconds", [0.0, 0.3], ids=["shared at once", "shared later"])
async def test_an_upload_that_went_wrong_is_there_once(
    fault: Cut | Status | Limited, seconds: float
) -> None:
    async with FakeSlack() as fake:
        fake.share_seconds = seconds
        async with bot_on(fake, ScriptedModel(ANSWER), slack_answer_messages=2) as bot:
            fake.faults.next("files.completeUploadExternal", fault)
            general, asked = await ask(fake)
            await fake.until(lambda: files_in(fake.thread(general, asked.ts)), 20)
            await whole(fake, bot, general, asked.ts)
            await asyncio.sleep(seconds)
        assert len(files_in(fake.thread(general, asked.ts))) == 1


async def test_a_process_that_died_after_the_upload_leaves_it_there_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = LocalStore(SystemClock(), lease_seconds=15)

    async def die(*_: Any) -> None:
        raise PlatformError("killed")

    async with FakeSlack() as fake:
        async with bot_on(fake, ScriptedModel(ANSWER), store=store, slack_answer_messages=2) as bot:
            monkeypatch.setattr(bot.slack.platform, "finish", die)
            general, asked = await ask(fake)
            await fake.until(lambda: files_in(fake.thread(general, asked.ts)), 20)
            await until(lambda: not bot.worker._turns)
        before = [message.ts for message in answers(fake, general, asked.ts)]
        async with bot_on(fake, ScriptedModel(), store=store, slack_answer_messages=7) as bot:
            # An answer that is recorded waits no more, so look for the end of its turn itself.
            await until(lambda: all(h.due_at is None for h in store.headers.values()), seconds=30)
            said = await whole(fake, bot, general, asked.ts)
        assert [message.ts for message in said] == before
        assert len(fake.web.made("files.completeUploadExternal")) == 1


async def test_what_is_forgotten_while_it_is_delivered_takes_its_file_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = asyncio.Event()
    model = ScriptedModel(ANSWER)
    async with FakeSlack() as fake, bot_on(fake, model, slack_answer_messages=2) as bot:
        finish = bot.slack.platform.finish

        async def later(*arguments: Any) -> None:
            await gate.wait()
            await finish(*arguments)

        monkeypatch.setattr(bot.slack.platform, "finish", later)
        general, asked = await ask(fake)
        await fake.until(lambda: files_in(fake.thread(general, asked.ts)), 20)
        (file,) = files_in(fake.thread(general, asked.ts))
        (info,) = (await bot.store.threads()).threads
        await bot.store.erase(info.thread, at=float(asked.ts) + 1)
        gate.set()
        await fake.until(lambda: not answers(fake, general, asked.ts), 20)
        await until(lambda: file.gone)


async def test_where_slack_takes_no_file_a_message_says_so() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("files.getUploadURLExternal", Refused("missing_scope"))
        async with bot_on(fake, ScriptedModel(ANSWER), slack_answer_messages=2) as bot:
            general, asked = await ask(fake)
            await fake.replies(general, asked.ts, 3)
            await until(lambda: not bot.worker._turns)
            *_, last = answers(fake, general, asked.ts)
        assert "missing_scope" in last.text
        assert "export" in last.text
        assert len(answers(fake, general, asked.ts)) == 3
