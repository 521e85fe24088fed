"""What people said while the bot was away."""

from __future__ import annotations

import asyncio

import pytest

from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import answers, bot_on
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Fault, Limited, Status


async def test_after_a_downtime_what_was_missed_is_answered_once() -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, store=store):
            known = await fake.say(ann, general, f"{fake.at_bot} first?")
            await fake.replies(general, known.ts)
            await fake.settled()
        in_thread = await fake.say(ann, general, "second?", known.ts)
        mention = await fake.say(bob, general, f"{fake.at_bot} third?")
        dm = await fake.say(bob, fake.dm(bob), "fourth?")
        await fake.say(bob, general, "Lunch?")
        await fake.settled()
        assert fake.socket.lost
        for _ in range(2):
            async with bot_on(fake, store=store):
                await fake.replies(general, known.ts, 2)
                await fake.replies(general, mention.ts)
                await fake.replies(fake.dm(bob), dm.ts)
                await asyncio.sleep(0.3)
        assert [m.text for m in answers(fake, general, known.ts)] == ["re: first?", "re: second?"]
        assert [m.text for m in answers(fake, general, mention.ts)] == ["re: third?"]
        assert len(fake.said_by_app()) == 4
        assert in_thread.ts > known.ts


@pytest.mark.parametrize("fault", [None, Status(503), Limited(0.2)])
async def test_a_first_message_in_one_of_many_direct_messages_is_answered(
    fault: Fault | None,
) -> None:
    """They come in pages of 200, and a page that fails is read again.

    Sources: Fergana-Labs/stash, pull request 927; duck8823/Slack-RTM-Bot, pull request 26.
    """
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        people = [fake.person(f"p{number}") for number in range(205)]
        dms = [fake.dm(who) for who in people]
        first, last = people[0], people[-1]
        async with bot_on(fake, store=store):
            other = fake.channel("general", first)
            said = await fake.say(first, other, f"{fake.at_bot} hello")
            await fake.replies(other, said.ts)
            await asyncio.sleep(0.2)
        for who, dm in ((first, dms[0]), (last, dms[-1])):
            await fake.say(who, dm, "hello from a new person")
        await fake.settled()
        if fault is not None:
            fake.faults.next("users.conversations", fault, fault, fault, fault)
        async with bot_on(fake, store=store):
            await fake.until(lambda: all(fake.said_by_app(dm) for dm in (dms[0], dms[-1])))
        listed = [call.args for call in fake.web.made("users.conversations")]
        assert any(each.get("cursor") for each in listed)
        assert len(fake.said_by_app()) == 3


async def test_what_is_too_old_gets_one_line() -> None:
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, store=store):
            first = await fake.say(ann, dm, "hello")
            await fake.replies(dm, first.ts)
            await fake.settled()
        old = await fake.say(ann, dm, "urgent!")
        await fake.say(ann, dm, "are you there?", old.ts)
        for _ in range(2):
            async with bot_on(fake, ScriptedModel(), store=store, slack_catch_up_hours=0):
                await fake.replies(dm, old.ts)
                await asyncio.sleep(0.3)
        (line,) = answers(fake, dm, old.ts)
        assert "too old to answer now" in line.text


async def test_a_first_start_answers_nothing_from_before() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        await fake.say(ann, dm, "anybody?")
        async with bot_on(fake, ScriptedModel()):
            await asyncio.sleep(0.3)
        assert not fake.said_by_app()


async def test_lines_that_were_cut_are_caught_up_with() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake) as bot:
            assert bot.slack.sockets is not None
            first = await fake.say(ann, dm, "hello?")
            await fake.replies(dm, first.ts)
            fake.socket.drop()
            await fake.until(lambda: not fake.socket.connections)
            missed = await fake.say(ann, dm, "are you there?")
            await fake.settled()
            assert fake.socket.lost
            await fake.replies(dm, missed.ts, within=20)


async def test_what_was_said_before_the_bot_was_asked_in_is_not_answered_later() -> None:
    """Nobody spoke to it: where it could not read that at once, it is nothing that was missed."""
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, store=store, overhear=False):
            root = await fake.say(ann, general, "I wonder.")
            await fake.say(ann, general, "Or shall I ask?", root.ts)
            await fake.say(ann, general, f"{fake.at_bot} one?", root.ts)
            await fake.replies(general, root.ts)
            await fake.settled()
        await fake.say(ann, general, "two?", root.ts)
        async with bot_on(fake, store=store, overhear=False):
            await fake.replies(general, root.ts, 2)
            await asyncio.sleep(0.3)
        assert [m.text for m in answers(fake, general, root.ts)] == ["re: one?", "re: two?"]
