"""The model searches in the middle of an answer, on Slack and on Discord: what people see of it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from bots.discord.outbound.format import WRITING
from core.models.port import Completion, StopReason, ToolCall, ToolResult
from core.models.scripted import ScriptedModel
from core.turn.notices import STOPPED
from core.turn.search import SEARCH
from tests.e2e import discord_bot, slack_bot
from tests.e2e.slack_bot import answers
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.models.scripted import Step
    from tests.fakes import discord, slack

FACT = "My brother Tom is allergic to nuts."
ALL = [FACT, "How are you?", "Fine weather.", "Yes, indeed."]
WINDOW: dict[str, Any] = {"memory_dm": "window", "memory_thread": "window", "memory_pairs": 1}


def searching(text: str = "Let me look.") -> list[Step]:
    call = ToolCall("toolu_1", SEARCH.name, {"words": "allergic nuts"})
    return [text, Completion(stop=StopReason.CALLS, calls=(call,))]


def found(model: ScriptedModel) -> str:
    """Return what the model got for its search."""
    (result,) = model.calls[-1].messages[-1].blocks
    assert isinstance(result, ToolResult)
    return result.text


def has(texts: Callable[[], list[str]], count: int) -> bool:
    """Return whether so many plain answers have come."""
    return texts().count("Yes.") == count


def slack_texts(fake: FakeSlack, dm: slack.Channel, ts: str) -> list[str]:
    return [each.text.strip() for each in answers(fake, dm, ts)]


def discord_texts(fake: FakeDiscord, dm: discord.Channel) -> list[str]:
    return [each.content for each in fake.said_by_bot(dm)]


async def test_on_slack_both_parts_are_one_message_that_grows() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(*["Yes."] * len(ALL), searching(), ["Tom ", gate, "is allergic."])
    async with FakeSlack() as fake, slack_bot.bot_on(fake, model, **WINDOW):
        ann = fake.person("ann")
        dm = fake.dm(ann)
        root = await fake.say(ann, dm, ALL[0])
        await fake.replies(dm, root.ts)
        for count, text in enumerate(ALL[1:], start=2):
            await fake.say(ann, dm, text, thread_ts=root.ts)
            await fake.until(partial(has, lambda: slack_texts(fake, dm, root.ts), count))
        await fake.say(ann, dm, "Who can't eat cake?", thread_ts=root.ts)
        grown = "Let me look.\n\nTom"
        await fake.until(lambda: slack_texts(fake, dm, root.ts)[-1] == grown)
        assert FACT in found(model)
        gate.set()
        whole = "Let me look.\n\nTom is allergic."
        await fake.until(lambda: slack_texts(fake, dm, root.ts)[-1] == whole)
        assert sum("Tom" in text for text in slack_texts(fake, dm, root.ts)) == 1


async def test_on_slack_stop_in_the_second_call_keeps_what_was_said() -> None:
    model = ScriptedModel(*["Yes."] * len(ALL), searching(), ["Tom is", asyncio.Event()])
    async with FakeSlack() as fake, slack_bot.bot_on(fake, model, **WINDOW):
        ann = fake.person("ann")
        dm = fake.dm(ann)
        root = await fake.say(ann, dm, ALL[0])
        await fake.replies(dm, root.ts)
        for count, text in enumerate(ALL[1:], start=2):
            await fake.say(ann, dm, text, thread_ts=root.ts)
            await fake.until(partial(has, lambda: slack_texts(fake, dm, root.ts), count))
        await fake.say(ann, dm, "Who can't eat cake?", thread_ts=root.ts)
        said = "Let me look.\n\nTom is"
        await fake.until(lambda: slack_texts(fake, dm, root.ts)[-1] == said)
        await fake.press_stop(ann, dm, root.ts)
        await fake.until(lambda: STOPPED in str(answers(fake, dm, root.ts)[-1].blocks))
        assert slack_texts(fake, dm, root.ts)[-1] == said
    model.finish()


async def test_on_discord_both_parts_are_one_message_that_grows() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(*["Yes."] * len(ALL), searching(), ["Tom ", gate, "is allergic."])
    async with FakeDiscord() as fake, discord_bot.bot_on(fake, model, **WINDOW):
        ann = fake.person("ann")
        dm = fake.dm(ann)
        for count, text in enumerate(ALL, start=1):
            await fake.say(ann, dm, text)
            await fake.until(partial(has, lambda: discord_texts(fake, dm), count))
        await fake.say(ann, dm, "Who can't eat cake?")
        grown = f"Let me look.\n\nTom\n{WRITING}"
        await fake.until(lambda: discord_texts(fake, dm)[-1] == grown)
        assert FACT in found(model)
        gate.set()
        whole = "Let me look.\n\nTom is allergic."
        await fake.until(lambda: whole in discord_texts(fake, dm))
        assert sum("Tom" in text for text in discord_texts(fake, dm)) == 1
