"""A file of long ago, on Slack and on Discord: the right passage, its source, and its removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core.models.scripted import ScriptedModel
from tests.e2e import discord_bot, slack_bot
from tests.e2e.discord_hands import settled
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.shapes import link
from tests.world import until

if TYPE_CHECKING:
    from core.models.port import ModelRequest

FACT = "The spare key of the windmill hangs behind the barometer in the chapel."
ANSWER = "It hangs behind the barometer in the chapel."
UNSEEN = "I can't see that."
ASKED = "Where does the spare key of the windmill hang?"
LINES = [f"Part {n} of the crane is oiled by shift {n % 7} on day {n % 30}." for n in range(700)]
MANUAL = "\n".join([*LINES[:350], FACT, *LINES[350:]])
TALK = (
    "The tram was late",
    "Soup was cold",
    "The printer is slow",
    "My plants are dry",
    "It rains",
)
SETTINGS: dict[str, Any] = {"memory": "window", "memory_pairs": 3}


def text_of(request: ModelRequest) -> str:
    return "\n".join(block.text for message in request.messages for block in message.blocks)


def recalled(request: ModelRequest) -> str:
    return text_of(request).partition("<chat_recalled>")[2].partition("</chat_recalled>")[0]


def mind(request: ModelRequest) -> str:
    if "spare key" not in request.messages[-1].text:
        return "I see."
    return ANSWER if FACT in text_of(request) else UNSEEN


async def idle(bot: Any) -> None:
    await until(lambda: not bot.worker._turns)
    await bot.worker._runner._pipeline.recall.indexes.settled()


def holds_nothing(bot: Any) -> None:
    """Hold a process to having no byte of a file, and no file in its index."""
    pipeline = bot.worker._runner._pipeline
    assert pipeline.files._cache.used == 0
    for kept in pipeline.recall.indexes._kept.values():
        assert kept.files is None or not kept.files.numbers


@pytest.mark.parametrize("how", ["deleted", "forgotten"])
async def test_a_file_on_slack_is_found_after_thirty_turns_until_it_is_gone(how: str) -> None:
    model = ScriptedModel(reply=mind)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with slack_bot.bot_on(fake, model, **SETTINGS) as bot:
            root = ""

            async def say(text: str, *, who: Any = ann, files: Any = ()) -> Any:
                before = len(slack_bot.answers(fake, general, root)) if root else 0
                words = f"{fake.at_bot} {text}"
                said = await fake.say(who, general, words, root or None, files=files)
                await fake.replies(general, root or said.ts, before + 1)
                await idle(bot)
                return said

            first = await say("Hello.")
            root = first.ts
            file = fake.file(bob, "handbook.txt", MANUAL)
            sent = await say("Here is the handbook.", who=bob, files=[file])
            for number in range(30):
                await say(f"{TALK[number % len(TALK)]}, for the {number}. time.")
            assert FACT not in text_of(model.calls[-1])
            await say(ASKED)
            shown = recalled(model.calls[-1])
            assert FACT in shown
            assert '<chat_file name="handbook.txt" part="yes">' in shown
            assert 'from="bob"' in shown
            last = slack_bot.answers(fake, general, root)[-1]
            assert last.text == ANSWER
            notes = [
                e["text"] for b in last.blocks if b["type"] == "context" for e in b["elements"]
            ]
            address = link(fake, general, sent).replace("&", "&amp;")
            assert any(note.startswith("Sources: ") and f"<{address}|" in note for note in notes)

            if how == "deleted":
                fake.delete_file(file)
            else:
                await fake.say(ann, general, f"{fake.at_bot} reset", root)
            await fake.settled()
            await until(lambda: not bot.worker.files._cache.used)
            await idle(bot)
            await say("So where does the spare key of the windmill hang?")
            assert FACT not in text_of(model.calls[-1])
            assert slack_bot.answers(fake, general, root)[-1].text == UNSEEN
            holds_nothing(bot)


async def test_a_file_on_discord_is_found_with_its_source_until_it_is_taken_out() -> None:
    model = ScriptedModel(reply=mind)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        general = fake.channel("general")
        async with discord_bot.bot_on(fake, model, **SETTINGS) as bot:
            files = [fake.file("handbook.txt", MANUAL)]
            words = f"{fake.at_bot} here is the handbook."
            sent = await fake.say(ann, general, words, files=files)
            thread = await fake.thread(sent)
            said = 1

            async def say(text: str) -> None:
                nonlocal said
                await fake.replies(thread, said)
                await settled(bot)
                await idle(bot)
                said = len(fake.said_by_bot(thread)) + 1
                await fake.say(ann, thread, f"{fake.at_bot} {text}")
                await fake.replies(thread, said)
                await settled(bot)
                await idle(bot)

            for text in TALK:
                await say(text)
            await say(ASKED)
            shown = recalled(model.calls[-1])
            assert FACT in shown
            assert '<chat_file name="handbook.txt" part="yes">' in shown
            contents = [each.content for each in fake.said_by_bot(thread)]
            address = f"/{sent.channel}/{sent.id})"
            assert address in contents[-1].partition("-# Sources: ")[2]
            await fake.attach(sent)
            await until(lambda: not bot.worker.files._cache.used)
            await say("So where does the spare key of the windmill hang?")
            assert FACT not in text_of(model.calls[-1])
            holds_nothing(bot)
