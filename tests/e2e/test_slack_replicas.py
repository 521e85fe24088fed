"""Two replicas of the bot on one store: what is told to one of them counts for both."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.clock import SystemClock
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.turn.notices import STOPPED
from tests.e2e.slack_bot import Bot, answers, bot_on
from tests.e2e.slack_hands import files_in, talk
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LEASE_SECONDS = 1.5


@asynccontextmanager
async def two_on(
    fake: FakeSlack, model: ScriptedModel, **more: Any
) -> AsyncGenerator[tuple[Bot, Bot], None]:
    """Run two bots on one store; either may be told of anything."""
    store = LocalStore(SystemClock(), lease_seconds=LEASE_SECONDS)
    async with AsyncExitStack() as stack:
        more = {"lease_seconds": LEASE_SECONDS, **more}
        first = await stack.enter_async_context(bot_on(fake, model, store=store, **more))
        yield first, await stack.enter_async_context(bot_on(fake, model, store=store, **more))


def idle(bots: tuple[Bot, Bot]) -> Bot:
    """Return the one that runs no turn."""
    (bot,) = (bot for bot in bots if not bot.worker._runner.deliveries)
    return bot


# --- stop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["Half an answer", ""])
async def test_a_stop_reaches_the_replica_that_runs_the_turn(said: str) -> None:
    hanging = asyncio.Event()
    model = ScriptedModel([said, hanging] if said else [hanging], "next")
    async with FakeSlack() as fake:
        fake.faults.no_streaming()
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with two_on(fake, model) as bots:
            asked = await fake.say(ann, dm, "tell me")
            await fake.until(lambda: len(model.calls) == 1)
            if said:
                await fake.until(lambda: [m.text for m in answers(fake, dm, asked.ts)] == [said])
            event = {
                "type": "agent_session_stopped",
                "channel": dm.id,
                "thread_ts": asked.ts,
                "user": ann.id,
            }
            assert await idle(bots).slack.reception.take({"event": event})
            await fake.until(lambda: STOPPED in str([m.blocks for m in fake.thread(dm, asked.ts)]))
            assert len(answers(fake, dm, asked.ts)) == 1
            again = await fake.say(ann, dm, "and now?")
            await fake.replies(dm, again.ts)
            assert answers(fake, dm, again.ts)[0].text == "next", "a stop ends one turn"


async def test_a_stop_of_another_turn_ends_nothing() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        model = ScriptedModel("first", ["Half ", gate, "and whole."])
        async with two_on(fake, model) as bots:
            first = await fake.say(ann, dm, "one")
            await fake.replies(dm, first.ts)
            second = await fake.say(ann, dm, "two")
            await fake.until(lambda: len(model.calls) == 2)
            event = {"type": "agent_session_stopped", "channel": dm.id, "user": ann.id}
            for bot in bots:
                await bot.slack.reception.take({"event": event | {"thread_ts": first.ts}})
            await asyncio.sleep(LEASE_SECONDS)
            gate.set()
            await fake.until(lambda: answers(fake, dm, second.ts)[0].text == "Half and whole.")


async def test_a_stop_that_is_told_late_ends_no_later_turn() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        model = ScriptedModel("first", ["Half ", gate, "and whole."])
        async with two_on(fake, model) as bots:
            asked = await talk(fake, ann, general, "one")
            stopped = {"type": "agent_session_stopped", "channel": general.id, "user": ann.id}
            stopped |= {"thread_ts": asked.ts, "event_ts": fake.stamp()}
            await fake.say(ann, general, "two", asked.ts)
            await fake.until(lambda: len(model.calls) == 2)
            for bot in bots:
                await bot.slack.reception.take({"event": stopped})
            await asyncio.sleep(LEASE_SECONDS)
            gate.set()
            await fake.until(lambda: answers(fake, general, asked.ts)[-1].text == "Half and whole.")


async def test_a_stop_that_is_told_twice_ends_one_turn() -> None:
    hanging, gate = asyncio.Event(), asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        model = ScriptedModel(["Half", hanging], ["Half ", gate, "and whole."])
        async with two_on(fake, model) as bots:
            asked = await fake.say(ann, general, f"{fake.at_bot} one")
            await fake.until(lambda: len(model.calls) == 1)
            await fake.say(ann, general, "two", asked.ts)
            await fake.settled()
            stopped = {"type": "agent_session_stopped", "channel": general.id, "user": ann.id}
            stopped |= {"thread_ts": asked.ts, "event_ts": fake.stamp()}
            for bot in bots:
                await bot.slack.reception.take({"event": stopped})
            await fake.until(lambda: len(model.calls) == 2)
            for bot in bots:
                await bot.slack.reception.take({"event": stopped})
            await asyncio.sleep(LEASE_SECONDS)
            gate.set()
            await fake.until(lambda: answers(fake, general, asked.ts)[-1].text == "Half and whole.")


# --- commands -------------------------------------------------------------------------------------


async def test_a_command_that_both_hear_is_answered_once() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with two_on(fake, ScriptedModel(reply=lambda _: "ok")) as bots:
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            fake.faults.twice = True
            for count, word in enumerate(("help", "quiet", "memory", "export", "reset"), start=2):
                await fake.say(ann, general, f"{fake.at_bot} {word}", asked.ts)
                await fake.replies(general, asked.ts, count)
            await fake.settled()
            await asyncio.sleep(0.3)
            del bots
        said = [m.text for m in answers(fake, general, asked.ts)]
        assert len(said) == 6, said
        assert len(files_in(fake, fake.dm(ann))) == 1


async def test_a_reset_that_comes_again_takes_nothing_that_was_said_since() -> None:
    model = ScriptedModel(reply=lambda _: "ok")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with two_on(fake, model) as bots:
            asked = await talk(fake, ann, general, "My dog is called Rex.")
            await fake.say(ann, general, f"{fake.at_bot} reset", asked.ts)
            bodies = [post.payload for post in fake.last]
            await fake.replies(general, asked.ts, 2)
            await talk(fake, ann, general, "My cat is called Tom.", asked)
            for bot in bots:  # as if it had been lost on the way to being marked as heard
                bot.slack.reception._intake._taken.clear()
                store = bot.store
                assert isinstance(store, LocalStore)
                store.seen.clear()
                for body in bodies:
                    await bot.slack.reception.take(body)
            await talk(fake, ann, general, "Who is it?", asked)
        seen = "\n".join(message.text for message in model.calls[-1].messages)
        assert "Tom" in seen
        assert "Rex" not in seen
