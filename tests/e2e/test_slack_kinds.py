"""The kinds of places, messages and commands on Slack that are not the usual ones."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from core.models.scripted import ScriptedModel
from core.store.redis import RedisStore
from tests.e2e.program import Program
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on
from tests.e2e.slack_hands import talk
from tests.fakes.claude import KEY, FakeClaude, Talk
from tests.fakes.slack import FakeSlack
from tests.prompts import messages_in, newest_in
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from core.models.port import ModelRequest
    from tests.e2e.program import Running
    from tests.fakes.slack import Channel, Message

both = pytest.mark.parametrize("transport", TRANSPORTS)


def shown(request: ModelRequest) -> str:
    return "\n".join(message.text for message in request.messages)


# --- places ---------------------------------------------------------------------------------------


@both
async def test_in_a_group_dm_a_mention_opens_a_thread_of_its_people(transport: str) -> None:
    model = ScriptedModel("Noted.", "Rex.")
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        group = fake.group_dm(ann, bob)
        async with bot_on(fake, model, transport=transport):
            await fake.say(bob, group, "Where is Ann?")
            asked = await fake.say(ann, group, f"{fake.at_bot} my dog is called Rex")
            assert [post.event["type"] for post in fake.last] == ["message"]  # slack.md 2.9
            await fake.replies(group, asked.ts)
            await fake.say(bob, group, f"{fake.at_bot} what is it called?", asked.ts)
            await fake.replies(group, asked.ts, 2)
            await fake.settled()
        assert [m.text for m in fake.said_by_app()] == ["Noted.", "Rex."]
    assert "Where is Ann?" not in shown(model.calls[0])
    assert "my dog is called Rex" in shown(model.calls[1])
    assert 'from="bob"' in shown(model.calls[1])


async def test_with_a_scope_of_threads_each_thread_of_a_dm_is_a_conversation() -> None:
    model = ScriptedModel("Hello Ann.", "You are Ann.", "I don't know.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model, slack_dm_scope="thread"):
            first = await fake.say(ann, dm, "I am Ann.")
            await fake.replies(dm, first.ts)
            await fake.say(ann, dm, "Who am I?", first.ts)
            await fake.replies(dm, first.ts, 2)
            other = await fake.say(ann, dm, "Who am I?")
            await fake.replies(dm, other.ts)
    assert "I am Ann." in shown(model.calls[1])
    assert "I am Ann." not in shown(model.calls[2])


# --- messages -------------------------------------------------------------------------------------


async def test_what_somebody_says_of_themselves_is_said() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake):
            asked = await fake.say(ann, dm, "waves", subtype="me_message")
            assert (await fake.replies(dm, asked.ts))[0].text == "re: waves"


@both
async def test_a_reply_that_is_shown_in_the_channel_too_is_answered_once_in_its_thread(
    transport: str,
) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, transport=transport):
            asked = await talk(fake, ann, general, "one")
            for text in ("two", f"{fake.at_bot} three"):
                await fake.say(ann, general, text, asked.ts, subtype="thread_broadcast")
                await fake.replies(general, asked.ts, len(answers(fake, general, asked.ts)) + 1)
                await fake.settled()
        found = [m.text for m in answers(fake, general, asked.ts)]
        assert found == ["re: one", "re: two", "re: three"]
        assert len(fake.said_by_app()) == 3


# --- commands after `!` ---------------------------------------------------------------------------


@both
async def test_a_word_after_an_exclamation_mark_is_a_command_where_the_bot_is(
    transport: str,
) -> None:
    model = ScriptedModel("ok", "Important?", "I don't know.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model, transport=transport):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(ann, general, "!important", asked.ts)
            assert (await fake.replies(general, asked.ts, 2))[1].text == "Important?"
            await fake.settled()
            await fake.say(ann, general, "!reset", asked.ts)
            offer = (await fake.replies(general, asked.ts, 3))[2]
            assert "I ask before I reset" in offer.text
            await fake.press(ann, "thread_reset", offer)
            said = (await fake.replies(general, asked.ts, 4))[3].text
            assert "I no longer use anything above this line" in said
            await talk(fake, ann, general, "What is my dog called?", asked)
            await fake.settled()
    assert "!important" in shown(model.calls[1])
    assert "Rex" not in shown(model.calls[2])


async def test_a_reset_that_may_be_meant_for_another_bot_destroys_nothing() -> None:
    model = ScriptedModel("Noted.", "Rex.", "In private.", "I don't know.")
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, model):
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(bob, general, "lol", asked.ts)
            for count, text in enumerate(("!reset", "!reset.", f"{fake.at_bot} reset?"), start=2):
                await fake.say(bob, general, text, asked.ts)
                await fake.replies(general, asked.ts, count)
            await talk(fake, ann, general, "What is my dog called?", asked)
            assert "Rex" in shown(model.calls[1])
            dm = fake.dm(ann)
            await fake.say(ann, dm, "My cat is called Tom.")
            await fake.until(lambda: fake.said_by_app(dm))
            await asyncio.sleep(0.1)  # a reset would take back an answer that isn't settled
            await fake.say(ann, dm, "!reset")
            await fake.until(lambda: "no longer use" in fake.said_by_app(dm)[-1].text)
    offers = answers(fake, general, asked.ts)[1:4]
    assert all("I ask before I reset" in offer.text for offer in offers)


async def test_a_word_after_an_exclamation_mark_is_nothing_to_the_bot_elsewhere() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            alone = await fake.say(ann, general, "!help")
            await fake.say(ann, general, "!reset", alone.ts)
            asked = await talk(fake, ann, general, "hello")  # what came before is done by now
        assert [m.thread_ts for m in fake.said_by_app()] == [asked.ts]


# --- two replicas of the program ------------------------------------------------------------------


@asynccontextmanager
async def replicas(
    home: Path, fake: FakeSlack, claude: FakeClaude, store: str
) -> AsyncGenerator[list[Running], None]:
    """Run the program twice on one Redis; Slack gives each event to one of them."""
    running: list[Running] = []
    try:
        for name in ("one", "two"):
            (home / name).mkdir()
            program = Program(home / name)
            program.settings |= {
                "ANTHROPIC_API_KEY": KEY,
                "ANTHROPIC_BASE_URL": claude.url,
                "CHATBOT_LEASE_SECONDS": "1",
                "CHATBOT_SLACK_BASE_URL": fake.api_url,
                "CHATBOT_SLACK_PACE": "0",
                "CHATBOT_STORE": store,
                "SLACK_APP_TOKEN": fake.app_token,
                "SLACK_BOT_TOKEN": fake.bot_token,
            }
            running.append(await program.start("run"))
            await fake.connected(2 * len(running), within=30)
        yield running
    finally:
        for each in running:
            await each.kill()


async def test_of_two_replicas_one_dies_in_mid_reply_and_the_other_answers_all(
    tmp_path: Path,
) -> None:
    gate = asyncio.Event()

    def think(request: dict[str, Any]) -> Talk:
        (said,) = messages_in(newest_in(request))
        return Talk(f"re: {said.text}", gate=gate)

    async with FakeSlack() as fake, FakeClaude(think) as claude:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        asked: list[Message] = []

        async def ask(count: int) -> None:
            for _ in range(count):
                asked.append(await fake.say(ann, general, f"{fake.at_bot} {len(asked)}?"))
            await fake.settled()

        with redis_server(directory=tmp_path) as server:
            async with replicas(tmp_path, fake, claude, server.url) as (first, _):
                for ones in (fake.socket.connections[:2], fake.socket.connections[2:]):
                    for connection in fake.socket.connections:
                        connection.leaving = connection not in ones  # the rest hears nothing now
                    await ask(4)
                await fake.until(lambda: all(answers(fake, general, m.ts) for m in asked), 20)
                await first.kill()
                for connection in fake.socket.connections:
                    connection.leaving = False
                await ask(2)
                gate.set()
                for message in asked:
                    await fake.replies(general, message.ts, within=20)
                await fake.until(lambda: texts(fake, general, asked) == expected(asked), 20)
                await nothing_waits(server.url)
        assert texts(fake, general, asked) == expected(asked)
        assert len(claude.requests) == len(asked) + 4


def texts(fake: FakeSlack, channel: Channel, asked: list[Message]) -> list[list[str]]:
    return [[each.text for each in answers(fake, channel, m.ts)] for m in asked]


def expected(asked: list[Message]) -> list[list[str]]:
    return [[f"re: {number}?"] for number in range(len(asked))]


async def nothing_waits(url: str) -> None:
    """Wait until every turn is settled."""
    store = RedisStore.from_url(url, lease_seconds=1)
    try:
        async with asyncio.timeout(20):
            for info in (await store.threads()).threads:
                while (work := await store.peek(info.thread)) is None or work.lease.turn:
                    await asyncio.sleep(0.02)
    finally:
        await store.close()
