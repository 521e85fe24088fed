"""What people take back is gone at once, from the summary too, and nobody else's memory with it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from bots.slack.ui.commands import EXPORT_SHORTCUT, FORGET_SHORTCUT
from core.domain.clock import SystemClock
from core.memory import compaction
from core.models.port import Block, Purpose
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.store.urls import open_store
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.discord_bot import until_true
from tests.e2e.discord_hands import settled
from tests.e2e.discord_hands import talk as talk_on_discord
from tests.e2e.slack_bot import bot_on as slack_bot
from tests.e2e.slack_hands import filled, talk, told
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack, Slow

if TYPE_CHECKING:
    from pathlib import Path

    from core.domain.summary import Summary
    from core.models.port import ModelRequest
    from core.models.scripted import Script
    from core.store.port import Store
    from tests.e2e.program import Program

SMALL: dict[str, Any] = {"memory_high": 300, "memory_low": 100, "keep_exchanges": 1}
WORD, SUM = "ANNSAIDZEBRA", "SUMMARYQUAGGA"
CHATTER = "tea " * 40


def text_of(request: ModelRequest) -> str:
    blocks = [block for message in request.messages for block in message.blocks]
    return "\n".join(block.text for block in blocks if isinstance(block, Block))


class Mind:
    """What a model answers; its summaries tell whether they were made of Ann's word."""

    def __init__(self) -> None:
        self.model = ScriptedModel(reply=self._reply)
        self.summaries: list[str] = []
        self.gate: asyncio.Event | None = None
        """Where set, summaries wait for it."""

    def _reply(self, request: ModelRequest) -> Script:
        text = text_of(request)
        if request.purpose is not Purpose.SUMMARY:
            return f"ok {'word ' * 30}"
        self.summaries.append(text)
        said = f"Ann said {SUM}." if WORD in text or SUM in text else "Bob said MAPLE."
        return said if self.gate is None else [self.gate, said]

    @property
    def last(self) -> str:
        """Return what the last answer was asked with."""
        return text_of([c for c in self.model.calls if c.purpose is not Purpose.SUMMARY][-1])


async def summary(store: Store) -> Summary:
    (info,) = (await store.threads()).threads
    work = await store.peek(info.thread)
    assert work is not None
    return work.summary


async def until_it_says(store: Store, text: str) -> None:
    """Wait until a summary that is whole says this, in one of its parts."""

    async def holds() -> bool:
        made = await summary(store)
        return text in made.text.splitlines() and not made.withheld

    await until_true(holds)


def on_disk(folder: Path, *words: str) -> set[str]:
    """Return which words are anywhere in the store's files."""
    found = [file.read_bytes() for file in folder.iterdir()]
    return {word for word in words if any(word.encode() in part for part in found)}


@pytest.mark.parametrize("speaks", [True, False])
async def test_what_one_forgets_on_slack_leaves_the_summary_at_once_and_the_others_stay(
    tmp_path: Path, speaks: bool
) -> None:
    mind = Mind()
    url = f"sqlite:///{tmp_path}/chat.db"
    store = await open_store(url, clock=SystemClock(), lease_seconds=15)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with slack_bot(fake, mind.model, store=store, **SMALL):
            asked = await talk(fake, ann, general, f"{WORD} {CHATTER}")
            await talk(fake, bob, general, f"MAPLE {CHATTER}", asked)
            for _ in range(4):
                await talk(fake, ann, general, f"{WORD} {CHATTER}", asked)
            await until_it_says(store, f"Ann said {SUM}.")
            made, mind.gate = len(mind.summaries), asyncio.Event()
            await fake.shortcut(ann, asked, FORGET_SHORTCUT)
            await fake.submit(ann, await filled(fake, ann))
            await told(fake, ann, "I have forgotten")
            assert on_disk(tmp_path, WORD, SUM) == set()
            if speaks:
                await talk(fake, bob, general, "what did I say?", asked)
                assert "MAPLE" in mind.last
                assert WORD not in mind.last
                assert SUM not in mind.last
            mind.gate.set()
            await until_it_says(store, "Bob said MAPLE.")
            assert not any(WORD in text or SUM in text for text in mind.summaries[made:])
            await talk(fake, bob, general, "and now?", asked)
            assert "Bob said MAPLE." in mind.last
        await store.close()
    assert on_disk(tmp_path, WORD, SUM) == set()


async def test_a_message_that_is_deleted_on_discord_blanks_nobodys_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the process ends that was to make the summary again; another one makes it."""
    monkeypatch.setattr(compaction, "FIRST_PAUSE", 1.0)
    mind = Mind()
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeDiscord() as fake:
        ann, bob, general = fake.person("ann"), fake.person("bob"), fake.channel("general")
        async with discord_bot(fake, mind.model, store=store, **SMALL) as bot:
            _, thread = await talk_on_discord(fake, bot, bob, general, f"MAPLE {CHATTER}")
            secret = await fake.say(ann, thread, f"{fake.at_bot} {WORD} {CHATTER}")
            await fake.replies(thread, 2)
            for number in range(3, 7):
                await settled(bot)  # what explains a trim is a message, too
                count = len(fake.said_by_bot(thread))
                await fake.say(bob, thread, f"{fake.at_bot} OAK{number} {CHATTER}")
                await fake.replies(thread, count + 1)
            await until_it_says(store, f"Ann said {SUM}.")
            await settled(bot)
            mind.gate = asyncio.Event()
            await fake.delete(secret)

            async def withheld() -> bool:
                return (await summary(store)).withheld

            await until_true(withheld)
            count = len(fake.said_by_bot(thread))
            await fake.say(bob, thread, f"{fake.at_bot} what did I say?")
            said = (await fake.replies(thread, count + 1))[count]
            assert all(word in mind.last for word in ("MAPLE", "OAK6"))
            # A part of the summary that the deletion did not touch may stand for it.
            assert "OAK3" in mind.last or "Bob said MAPLE." in mind.last
            assert WORD not in mind.last
            assert SUM not in mind.last
            assert "leaves out" not in said.content
            await settled(bot)
        assert (await summary(store)).withheld, "the process ended before it was made again"
        mind.gate = None
        async with discord_bot(fake, mind.model, store=store, **SMALL) as bot:
            await fake.say(bob, thread, f"{fake.at_bot} and now?")
            await fake.replies(thread, 8)
            assert "MAPLE" in mind.last
            await until_it_says(store, "Bob said MAPLE.")


async def test_what_does_not_fit_while_a_summary_is_rebuilt_is_said_to_be_left_out() -> None:
    mind = Mind()
    # Without recall, which would show again what does not fit.
    marks: dict[str, Any] = {"memory_high": 2000, "memory_low": 100, "recall_tokens": 0}
    store = LocalStore(SystemClock(), lease_seconds=15)
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with slack_bot(fake, mind.model, store=store, input_tokens=3200, **marks):
            asked = await talk(fake, bob, general, f"MAPLE {CHATTER}")
            secret = await talk(fake, ann, general, f"{WORD} {CHATTER}", asked)
            for number in range(12):
                await talk(fake, bob, general, f"OAK{number} {CHATTER}", asked)
            mind.gate = asyncio.Event()
            await fake.delete(secret)

            async def withheld() -> bool:
                return (await summary(store)).withheld

            await until_true(withheld)
            await talk(fake, bob, general, "what did I say?", asked)
            assert "OAK11" in mind.last
            assert "MAPLE" not in mind.last
            assert "The summary of these messages is being rebuilt" in mind.last
            said = "\n".join(str(m.blocks) for m in fake.said_by_app(general)[-1:])
            assert "This answer leaves out" in said
            assert "My summary of them is being rebuilt because a message was deleted." in said


async def test_an_export_that_a_killed_process_has_left_is_gone_after_a_restart(
    program: Program, tmp_path: Path
) -> None:
    """And what another process left behind meanwhile is gone after a `forget`."""
    folder = tmp_path / "temporary"
    folder.mkdir()

    def exports() -> list[Path]:
        return [path for path in folder.glob("chatbot-*/*") if WORD in path.read_text()]

    async with FakeSlack() as fake:
        program.settings |= {
            "CHATBOT_MODEL": "offline",
            "CHATBOT_STORE": f"sqlite:///{tmp_path}/chat.db",
            "SLACK_BOT_TOKEN": fake.bot_token,
            "SLACK_APP_TOKEN": fake.app_token,
            "CHATBOT_SLACK_BASE_URL": fake.api_url,
            "CHATBOT_SLACK_PACE": "0",
            "TMPDIR": str(folder),
        }
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        running = await program.start("run")
        try:
            await fake.connected(2, within=30)
            asked = await fake.say(ann, general, f"{fake.at_bot} {WORD} is my word")
            await fake.replies(general, asked.ts, within=30)
            fake.faults.next("files.getUploadURLExternal", Slow(60))
            await fake.shortcut(ann, asked, EXPORT_SHORTCUT)

            async def made() -> bool:
                return bool(exports())

            await until_true(made)
            await running.kill()
            assert exports()
            running = await program.start("run")
            await fake.connected(2, within=30)
            assert list(folder.iterdir()) == []
            left = folder / f"chatbot-{os.geteuid()}-aaaaaaaa"
            left.mkdir()
            (left / "conversation.md").write_text(WORD)
            await fake.shortcut(ann, asked, FORGET_SHORTCUT)
            await fake.submit(ann, await filled(fake, ann))
            await told(fake, ann, "I have forgotten")
            assert list(folder.iterdir()) == []
        finally:
            await running.kill()
