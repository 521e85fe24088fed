"""The agent container around conversations on Slack, and the legacy pane: prompts and titles."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.fakes.slack import Channel

both = pytest.mark.parametrize("transport", TRANSPORTS)
STATUS = "agents.sessions.setStatus"
LONG = "Tell me about the family 👨‍👩‍👧‍👦" + "👨‍👩‍👧‍👦" * 40


def titles(fake: FakeSlack) -> list[str]:
    return [session.title for session in fake.sessions.values()]


async def offered(fake: FakeSlack, dm: Channel, thread: str | None) -> list[dict[str, str]]:
    """Wait until prompts are offered, and return them."""
    await fake.until(lambda: (dm.id, thread) in fake.prompts)
    prompts: list[dict[str, str]] = fake.prompts.pop((dm.id, thread))["prompts"]
    return prompts


async def said(fake: FakeSlack, dm: Channel, thread: str, text: str) -> None:
    """Wait until the bot has said this in a thread, and nothing else."""
    await fake.until(lambda: [m.text for m in answers(fake, dm, thread)] == [text])


@both
async def test_who_opens_the_dm_is_offered_prompts_that_fit(transport: str) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        async with bot_on(fake, transport=transport):
            dm = await fake.open_dm(ann)
            first = await offered(fake, dm, None)
            assert "What can you do?" in [prompt["title"] for prompt in first]
            assert not any("our conversation" in prompt["message"] for prompt in first)
            asked = await fake.say(ann, dm, first[0]["message"])
            await fake.replies(dm, asked.ts)
            await fake.open_dm(ann)
            then = await offered(fake, dm, None)
            assert len(then) <= 4
            assert any("our conversation" in prompt["message"] for prompt in then)
        assert len(fake.said_by_app()) == 1


async def test_the_home_tab_offers_no_prompts() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        async with bot_on(fake):
            await fake.open_home(ann)
            await fake.until(lambda: ann.id in fake.homes)
            await fake.settled()
        assert not fake.prompts


@both
async def test_a_session_is_named_once_after_how_it_began(transport: str) -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general, dm = fake.channel("general", ann), fake.dm(ann)
        model = ScriptedModel("Rex.", "Yes.", [gate, "It is late."])
        async with bot_on(fake, model, transport=transport):
            asked = await fake.say(ann, general, f"{fake.at_bot} what is\nmy dog called? <!here>")
            await fake.until(lambda: titles(fake) == ["what is my dog called? @\u2060here"])
            await fake.say(ann, general, "Really?", asked.ts)
            await fake.replies(general, asked.ts, 2)
            private = await fake.say(ann, dm, LONG)
            await fake.until(lambda: fake.session(dm, private.ts) == "processing")
            gate.set()
            await fake.until(lambda: len(titles(fake)) == 2 and titles(fake)[1])
            await fake.until(lambda: fake.session(dm, private.ts) == "active")
        first, second = titles(fake)
        assert first.startswith("what is my dog")
        assert len(second) <= 200
        assert second.removesuffix("…") == LONG[: len(second) - 1]
        assert LONG[len(second) - 1 :].startswith("👨‍👩‍👧‍👦")  # between two families
        assert len(fake.web.made("agents.sessions.rename")) == 1  # the other was made with one


async def test_a_status_goes_at_once_although_other_threads_have_used_the_minute_up() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel([gate, "Rex."], "No."), slack_pace=1) as bot:
            asked = await fake.say(ann, dm, "What is my dog called?")
            await fake.until(lambda: fake.session(dm, asked.ts) == "processing")
            pace = bot.slack._api.pace
            while pace.spares(STATUS, ""):
                pace.made(STATUS, "")
            gate.set()
            await said(fake, dm, asked.ts, "Rex.")
            await fake.until(lambda: fake.session(dm, asked.ts) == "active", within=10)


@pytest.mark.parametrize("heard", [True, False], ids=["by this process", "by another"])
async def test_a_title_that_a_person_gave_stays(heard: bool) -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        if not heard:
            fake.events.discard("agent_session_title_changed")
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel([gate, "Done."])):
            asked = await fake.say(ann, dm, "What about the trip?")
            await fake.until(lambda: fake.session(dm, asked.ts) == "processing")
            await fake.rename_session(ann, dm, asked.ts, "Bora Bora")
            await fake.settled()
            gate.set()
            await fake.replies(dm, asked.ts)
            await fake.until(lambda: fake.session(dm, asked.ts) == "active")
        assert titles(fake) == ["Bora Bora"]
        named = [
            call for call in fake.web.made("agents.sessions.setStatus") if "title" in call.args
        ]
        assert bool(named) != heard


async def test_a_title_that_can_not_be_given_is_no_reason_not_to_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeSlack() as fake:
        fake.faults.unsupported |= {
            *("agents.sessions.setStatus", "agents.sessions.rename"),
            *("assistant.threads.setStatus", "assistant.threads.setTitle"),
        }
        fake.install.scopes.discard("assistant:write")
        ann = fake.person("ann")
        dm = fake.dm(ann)
        with caplog.at_level(logging.WARNING, "bots.slack"):
            async with bot_on(fake, ScriptedModel([0.5, "1"], [0.5, "2"], [0.5, "3"])):
                for text in ("1", "2", "3"):
                    await fake.open_dm(ann)
                    asked = await fake.say(ann, dm, text)
                    await said(fake, dm, asked.ts, text)
        for ended in ("no titles", "no status", "no prompts"):
            assert [ended in record.getMessage() for record in caplog.records].count(True) == 1


async def test_the_pane_of_an_app_that_has_not_moved_yet() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        fake.agent = False
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel([gate, "Rex."], "Max.")):
            for text, answer in (("What is my dog called?", "Rex."), ("And my cat?", "Max.")):
                thread = await fake.open_assistant(ann, {"channel_id": "C1"})
                await offered(fake, dm, thread)
                await fake.change_assistant(ann, thread, {"channel_id": "C2"})
                await offered(fake, dm, thread)
                await fake.say(ann, dm, text, thread)
                if answer == "Rex.":
                    await fake.until(lambda: fake.statuses)
                    gate.set()
                await said(fake, dm, thread, answer)
                await fake.until(lambda: text in fake.titles.values())  # noqa: B023 - awaited here
                assert fake.titles[dm.id, thread] == text
                assert not fake.status(dm, thread)
