"""Sixty turns on Slack and on Discord: what was said early is known in the end, with its source."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from core.models.claude import ClaudeModel
from tests import long_talk
from tests.e2e import discord_bot, slack_bot
from tests.fakes.claude import KEY, FakeClaude
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.shapes import link
from tests.long_talk import (
    SECRET,
    SETTINGS,
    TURNS,
    UNKNOWN,
    LongTalk,
    is_reply,
    mind,
    take_place,
    texts_in,
)
from tests.world import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.worker.worker import Worker

SOURCES = "Sources: "


async def rest(worker: Worker) -> None:
    """Wait until nothing is answered, summed up or indexed."""
    await until(lambda: not worker._turns and not worker._compaction.jobs)
    await worker._runner._pipeline.recall.indexes.settled()


@dataclass
class OnSlack:
    fake: FakeSlack
    worker: Worker
    people: dict[str, Any]
    channel: Any
    root: str = ""
    said: dict[str, Any] = field(default_factory=dict)

    async def say(self, who: str, text: str, *, file: tuple[str, str] | None = None) -> str:
        fake, person, channel = self.fake, self.people[who], self.channel
        files = [fake.file(person, *file)] if file else []
        before = len(slack_bot.answers(fake, channel, self.root)) if self.root else 0
        words = f"{fake.at_bot} {text}"
        message = await fake.say(person, channel, words, self.root or None, files=files)
        self.root = self.root or message.ts
        self.said[message.ts] = message
        await fake.replies(channel, self.root, before + 1)
        await until(lambda: not self.worker._turns)
        return message.ts

    async def delete(self, message: str) -> None:
        await self.fake.delete(self.said[message])
        await self.fake.settled()

    async def rest(self) -> None:
        await rest(self.worker)

    def answer(self) -> tuple[str, str]:
        last = slack_bot.answers(self.fake, self.channel, self.root)[-1]
        notes = [e["text"] for b in last.blocks if b["type"] == "context" for e in b["elements"]]
        return last.text, next((note for note in notes if note.startswith(SOURCES)), "")

    def link(self, message: str) -> str:
        address = link(self.fake, self.channel, self.said[message])
        return f"<{address.replace('&', '&amp;')}|"


@dataclass
class OnDiscord:
    fake: FakeDiscord
    worker: Worker
    people: dict[str, Any]
    channel: Any
    thread: Any = None
    said: dict[str, Any] = field(default_factory=dict)

    async def say(self, who: str, text: str, *, file: tuple[str, str] | None = None) -> str:
        fake = self.fake
        where = self.thread or self.channel
        before = len(fake.said_by_bot(where)) if self.thread else 0
        files = [fake.file(*file)] if file else []
        words = f"{fake.at_bot} {text}"
        message = await fake.say(self.people[who], where, words, files=files)
        self.thread = self.thread or await fake.thread(message)
        self.said[message.id] = message
        await fake.replies(self.thread, before + 1)
        await until(lambda: not self.worker._turns)
        return str(message.id)

    async def delete(self, message: str) -> None:
        await self.fake.delete(self.said[message])
        await asyncio.sleep(0.5)  # so that the bot has heard of it

    async def rest(self) -> None:
        await rest(self.worker)

    def answer(self) -> tuple[str, str]:
        said = [message.content for message in self.fake.said_by_bot(self.thread)]
        sources = said.pop() if said[-1].startswith("-# ") else ""
        return said[-1], sources.removeprefix("-# ")

    def link(self, message: str) -> str:
        found = self.said[message]
        guild = self.fake.channels[found.channel].guild
        return f"(https://discord.com/channels/{guild}/{found.channel}/{message})"


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with FakeClaude(mind) as server:
        yield server


def judged(talk: LongTalk, stage: OnSlack | OnDiscord, claude: FakeClaude) -> None:
    """Hold the answers, their sources and the requests to what was said."""
    right = {
        "fact": "It is at Rua do Salitre 48.",
        "correction": "The dinner is on Thursday.",
        "deletion": UNKNOWN,
        "pin": "You wanted prices in euros.",
        "file": "It is packing-lisbon.txt.",
    }
    assert {name: talk.answers[name][0] for name in right} == right
    assert talk.answers["date"][0].startswith("You did on ")
    for name in ("fact", "correction", "file"):  # the date is today's, which the window shows, too
        line = talk.answers[name][1]
        assert line.startswith(SOURCES), name
        assert stage.link(talk.said[name]) in line, name
        assert line.count("https://") <= 3
    assert talk.answers["deletion"][1] == ""
    replies = [body for body in claude.requests if is_reply(body)]
    assert len(replies) == TURNS - 1  # all but the wish, which is a command
    secret = SECRET.split()[-1]
    shown = [secret in "".join(texts_in(body)) for body in replies]
    assert any(shown)
    assert not any(shown[6:])
    assert long_talk.FACT not in "".join(
        text for text in texts_in(replies[-7]) if "chat_recalled" not in text
    )


async def test_sixty_turns_on_slack(claude: FakeClaude) -> None:
    model = ClaudeModel(claude.key, base_url=claude.url)
    async with FakeSlack() as fake:
        people = {name: fake.person(name) for name in ("ann", "bob")}
        channel = fake.channel("trip", *people.values())
        more = {**SETTINGS, "ANTHROPIC_API_KEY": KEY}
        async with slack_bot.bot_on(fake, model, **more) as bot:
            stage = OnSlack(fake, bot.worker, people, channel)
            talk = await take_place(stage)
    await model.close()
    judged(talk, stage, claude)


async def test_sixty_turns_on_discord(claude: FakeClaude) -> None:
    model = ClaudeModel(claude.key, base_url=claude.url)
    async with FakeDiscord() as fake:
        people = {name: fake.person(name) for name in ("ann", "bob")}
        channel = fake.channel("trip")
        more = {**SETTINGS, "ANTHROPIC_API_KEY": KEY}
        async with discord_bot.bot_on(fake, model, **more) as bot:
            stage = OnDiscord(fake, bot.worker, people, channel)
            talk = await take_place(stage)
    await model.close()
    judged(talk, stage, claude)
