"""What goes wrong between the bot and Slack, and that each answer still comes exactly once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from bots.outgoing import Connector
from core.domain.clock import SystemClock
from core.domain.errors import StoreUnavailableError
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import TRANSPORTS, answers, bot_on, echo
from tests.fakes.slack import Cut, FakeSlack, Limited, Refused, Status
from tests.world import until

if TYPE_CHECKING:
    from core.domain.message import Message as Said
    from core.store.values import Accepted
    from tests.fakes.slack import Channel

both = pytest.mark.parametrize("transport", TRANSPORTS)
POSTS = ("chat.postMessage", "chat.startStream")


class Failing(LocalStore):
    """A store that can't be reached as long as a test says so."""

    down = False

    async def accept(self, message: Said, *arguments: Any) -> Accepted:
        if self.down:
            raise StoreUnavailableError("the store is away")
        return await super().accept(message, *arguments)


async def once_each(fake: FakeSlack, channel: Channel, roots: list[str]) -> None:
    """Wait until each thread has its answer, and see that there is no second."""
    for ts in roots:
        await fake.replies(channel, ts, within=30)
    await fake.settled()
    await asyncio.sleep(0.3)
    for ts in roots:
        assert len(answers(fake, channel, ts)) == 1, [m.text for m in fake.thread(channel, ts)]


@both
async def test_the_store_away_there_is_no_ack_and_slack_sends_it_again(transport: str) -> None:
    store = Failing(SystemClock())
    async with FakeSlack() as fake:
        fake.delivery.pace = 0.01
        fake.socket.patience = 0.2
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, transport=transport, store=store):
            store.down = True
            asked = await fake.say(ann, dm, "hello?")
            (post,) = fake.last
            await until(lambda: post.attempts >= 2)
            assert not post.acked
            store.down = False
            await once_each(fake, dm, [asked.ts])
            assert post.acked


@both
async def test_each_event_twice_and_in_any_order(transport: str) -> None:
    async with FakeSlack() as fake:
        fake.faults.twice, fake.faults.shuffle = True, 0.1
        people = [fake.person(name) for name in ("ann", "bob", "cat")]
        general = fake.channel("general", *people)
        async with bot_on(fake, transport=transport):
            asked = [
                await fake.say(who, general, f"{fake.at_bot} {n}?")
                for n in range(4)
                for who in people
            ]
            await once_each(fake, general, [message.ts for message in asked])
            for message in asked:
                said = answers(fake, general, message.ts)[0].text.removeprefix("re: ")
                assert message.text.endswith(said)


@pytest.mark.parametrize("fault", [Cut(), Status(502, after=True), Status(503)])
async def test_each_answer_of_slack_lost_once(fault: Cut | Status) -> None:
    model = ScriptedModel(["One, ", 0.5, "two."], reply=echo)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model):
            fake.faults.each_once(fault)
            asked = [await fake.say(ann, general, f"{fake.at_bot} {n}?") for n in range(3)]
            await once_each(fake, general, [message.ts for message in asked])
            whole = [answers(fake, general, message.ts)[0].text for message in asked]
        assert "One, two." in whole


async def test_429_on_every_third_call() -> None:
    model = ScriptedModel(["One, ", 0.5, "two."], reply=echo)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, model):
            fake.faults.every(3, Limited(1))
            asked = [await fake.say(ann, general, f"{fake.at_bot} {n}?") for n in range(4)]
            await once_each(fake, general, [message.ts for message in asked])
        assert fake.faults.dealt


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_limit_that_names_no_wait_is_not_met_by_call_upon_call(seconds: float) -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            fake.faults.always("chat.postMessage", Limited(seconds))
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            await until(lambda: bool(fake.faults.dealt))
            await asyncio.sleep(1.5)
            assert len(fake.faults.dealt) <= 3
            fake.faults.well("chat.postMessage")
            await once_each(fake, general, [asked.ts])


async def test_a_post_is_looked_for_before_it_is_repeated() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("chat.postMessage", Cut())
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            asked = await fake.say(ann, general, f"{fake.at_bot} hello?")
            await once_each(fake, general, [asked.ts])
        assert len(fake.web.made("chat.postMessage")) == 1
        assert "hello" not in json.dumps(answers(fake, general, asked.ts)[0].metadata)


async def test_a_socket_that_slack_wants_back_is_replaced_without_a_gap() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake):
            for n in range(3):
                await fake.socket.disconnect("warning")
                asked = [await fake.say(ann, dm, f"{n} {m}?") for m in range(5)]
                await once_each(fake, dm, [message.ts for message in asked])
            assert not fake.socket.lost
            assert fake.socket.opened > 2


async def test_a_connection_whose_session_was_closed_gets_another_that_keeps_to_slack() -> None:
    """slack-sdk retried with the closed one forever, and now makes one that goes anywhere.

    Source: slackapi/python-slack-sdk, issue 1922 and pull request 1966.
    """
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake) as bot:
            sockets = bot.slack.sockets
            assert sockets is not None
            for connection in sockets._open:
                await connection.aiohttp_client_session.close()
            for connected in list(fake.socket.connections):
                connected.abort()
            await until(lambda: not fake.socket.connections)
            await fake.connected(2)
            asked = await fake.say(ann, dm, "hello")
            await fake.replies(dm, asked.ts)
            sessions = [connection.aiohttp_client_session for connection in sockets._open]
            assert [type(session.connector) for session in sessions] == [Connector] * 2


async def test_what_is_said_while_sockets_have_no_successors_is_read_later() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake):
            before = await fake.say(ann, dm, "hello?")
            await once_each(fake, dm, [before.ts])
            fake.faults.next("apps.connections.open", *[Refused("internal_error")] * 2)
            await fake.socket.disconnect()
            meanwhile = await fake.say(ann, dm, "anybody?")
            await once_each(fake, dm, [meanwhile.ts])


@pytest.mark.parametrize("fault", [Limited(0), Cut(), Status(503)])
async def test_slack_that_is_busy_at_the_start_has_refused_no_token(
    fault: Limited | Cut | Status,
) -> None:
    async with FakeSlack() as fake:
        fake.faults.next("apps.connections.open", fault)
        ann = fake.person("ann")
        async with bot_on(fake):
            asked = await fake.say(ann, fake.dm(ann), "hello?")
            await once_each(fake, fake.dm(ann), [asked.ts])
