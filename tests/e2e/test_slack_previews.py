"""What is seen on Slack while an answer is being made: streams, edits, the status, Stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bots.slack.inbound.events import NAME
from core.delivery.port import DeliveryTarget
from core.domain.errors import ModelBusyError, ModelRefusedError
from core.domain.message import Kind, ThreadKey
from core.models.scripted import ScriptedModel
from core.turn.notices import STOPPED
from tests.e2e.slack_bot import answers, bot_on
from tests.fakes.slack import Cut, FakeSlack, Limited, Refused

if TYPE_CHECKING:
    from core.models.scripted import Step
    from tests.fakes.slack import Channel, Message


async def ask(fake: FakeSlack, text: str = "hello?") -> tuple[Channel, Message]:
    ann = fake.person("ann")
    general = fake.channel("general", ann)
    return general, await fake.say(ann, general, f"{fake.at_bot} {text}")


def shown(fake: FakeSlack, channel: Channel, ts: str) -> list[str]:
    return [m.text.strip() for m in answers(fake, channel, ts)]


async def finished(fake: FakeSlack, channel: Channel, ts: str, text: str) -> Message:
    """Wait until one answer stands there, whole."""
    await fake.until(lambda: shown(fake, channel, ts) == [text])
    (answer,) = answers(fake, channel, ts)
    await fake.until(lambda: answer.blocks and answer.blocks[0]["type"] == "markdown")
    await fake.until(lambda: fake.session(channel, ts) in {"", "active"})
    return answer


async def test_an_answer_that_takes_its_time_is_streamed_and_ends_as_a_whole() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    async with FakeSlack() as fake:
        async with bot_on(fake, ScriptedModel(["One, ", first, "two, ", second, "three."])):
            general, asked = await ask(fake)
            await fake.until(lambda: shown(fake, general, asked.ts) == ["One,"])
            assert answers(fake, general, asked.ts)[0].streaming
            assert fake.session(general, asked.ts) == "processing"
            first.set()
            await fake.until(lambda: shown(fake, general, asked.ts) == ["One, two,"])
            second.set()
            answer = await finished(fake, general, asked.ts, "One, two, three.")
        assert not fake.web.made("chat.postMessage")
        assert answer.metadata is not None
        assert "two" not in str(answer.metadata)


async def test_a_workspace_without_streaming_gets_a_post_and_edits() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        fake.faults.no_streaming()
        async with bot_on(fake, ScriptedModel(["One, ", gate, "two."], ["Three ", 0.4, "four."])):
            general, asked = await ask(fake)
            await fake.until(lambda: shown(fake, general, asked.ts) == ["One,"])
            gate.set()
            await finished(fake, general, asked.ts, "One, two.")
            general, asked = await ask(fake)
            await finished(fake, general, asked.ts, "Three four.")
        assert len(fake.web.made("chat.startStream")) == 1  # it has learnt


async def test_several_people_see_edits_since_only_one_would_see_a_stream() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        async with bot_on(fake, ScriptedModel("Hi.", ["One, ", gate, "two."])):
            asked = await fake.say(ann, general, f"{fake.at_bot} hi")
            await fake.replies(general, asked.ts)
            await fake.say(bob, general, f"{fake.at_bot} count", asked.ts)
            await fake.until(lambda: shown(fake, general, asked.ts)[1:] == ["One,"])
            gate.set()
            await fake.until(lambda: shown(fake, general, asked.ts)[1:] == ["One, two."])
        assert not fake.web.made("chat.startStream")


async def test_a_stream_that_gets_old_goes_on_as_edits() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        model = ScriptedModel(["One, ", 0.8, "two, ", gate, "three."])
        async with bot_on(fake, model, stream_life=0.3):
            general, asked = await ask(fake)
            await fake.until(lambda: shown(fake, general, asked.ts) == ["One, two,"])
            await fake.until(lambda: not answers(fake, general, asked.ts)[0].streaming)
            gate.set()
            await finished(fake, general, asked.ts, "One, two, three.")


async def test_a_stream_that_slack_has_ended_goes_on_as_edits() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(["One, ", gate, "two, ", 0.3, "three."])
    async with FakeSlack() as fake, bot_on(fake, model):
        general, asked = await ask(fake)
        await fake.until(lambda: shown(fake, general, asked.ts) == ["One,"])
        fake.advance(301)
        gate.set()
        await finished(fake, general, asked.ts, "One, two, three.")


async def test_an_append_whose_answer_is_lost_is_not_said_twice() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(["One, ", gate, "two, ", 0.3, "three."])
    async with FakeSlack() as fake, bot_on(fake, model):
        general, asked = await ask(fake)
        await fake.until(lambda: shown(fake, general, asked.ts) == ["One,"])
        fake.faults.next("chat.appendStream", Cut())
        gate.set()
        await finished(fake, general, asked.ts, "One, two, three.")


async def test_a_stream_whose_beginning_is_unclear_is_found_again() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("chat.startStream", Cut())
        async with bot_on(fake, ScriptedModel(["One, ", 0.6, "two."])):
            general, asked = await ask(fake)
            await finished(fake, general, asked.ts, "One, two.")
            await asyncio.sleep(0.1)
        assert len(answers(fake, general, asked.ts)) == 1


async def test_previews_give_way_where_slack_is_called_too_often() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("chat.appendStream", *[Limited(60)] * 3)
        async with bot_on(fake, ScriptedModel(["One, ", 0.5, "two, ", 0.2, "three."])):
            general, asked = await ask(fake)
            await finished(fake, general, asked.ts, "One, two, three.")
        assert len(fake.web.made("chat.appendStream")) == 0


async def test_native_stop_ends_the_answer_with_what_has_come() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel(["Half an answer", asyncio.Event()])):
            asked = await fake.say(ann, dm, "tell me")
            await fake.until(lambda: shown(fake, dm, asked.ts) == ["Half an answer"])
            await fake.press_stop(ann, dm, asked.ts)
            await fake.until(lambda: STOPPED in str(answers(fake, dm, asked.ts)[0].blocks))
            await fake.until(lambda: fake.session(dm, asked.ts) == "active")
        assert shown(fake, dm, asked.ts) == ["Half an answer"]


async def test_stopped_where_no_event_tells_the_stream_does() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, ScriptedModel(["Half ", gate, "more", asyncio.Event()])):
            asked = await fake.say(ann, dm, "tell me")
            await fake.until(lambda: shown(fake, dm, asked.ts) == ["Half"])
            fake.faults.next("chat.appendStream", Refused("stopped_by_user"))
            gate.set()
            await fake.until(lambda: STOPPED in str(answers(fake, dm, asked.ts)[0].blocks))


async def test_the_status_shows_and_goes_also_where_there_are_no_agent_sessions() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        fake.faults.unsupported.add("agents.sessions.setStatus")
        fake.faults.next("assistant.threads.setStatus", Cut())
        async with bot_on(fake, ScriptedModel([gate, "Done."])):
            general, asked = await ask(fake)
            await fake.until(lambda: fake.status(general, asked.ts))
            gate.set()
            await finished(fake, general, asked.ts, "Done.")
            await fake.until(lambda: not fake.status(general, asked.ts))


async def test_a_turn_that_is_taken_up_again_says_so_at_once() -> None:
    async with FakeSlack() as fake:
        fake.faults.unsupported.add("agents.sessions.setStatus")
        async with bot_on(fake, ScriptedModel("Done.")) as bot:
            general, asked = await ask(fake)
            await finished(fake, general, asked.ts, "Done.")
            thread = ThreadKey(NAME, f"{fake.team}/{general.id}", asked.ts)
            target = DeliveryTarget(
                thread=thread, kind=Kind.THREAD, turn="", trigger=asked.ts, answer_in=asked.ts
            )
            await bot.slack.platform.working(target, working=True, again=True)
            await fake.until(lambda: fake.status(general, asked.ts))
            assert fake.status(general, asked.ts) == "was interrupted, and is writing this again…"
            await bot.slack.platform.working(target, working=False)
            await fake.until(lambda: not fake.status(general, asked.ts))


@pytest.mark.parametrize("end", ["refused", "busy", "shut down"])
async def test_the_status_goes_however_the_turn_ends(end: str) -> None:
    ends: dict[str, Step] = {
        "refused": ModelRefusedError("The model refused."),
        "busy": ModelBusyError("The model is busy."),
        "shut down": 60.0,
    }
    async with FakeSlack() as fake:
        async with bot_on(fake, ScriptedModel(reply=lambda _: [0.5, ends[end]])):
            general, asked = await ask(fake)
            await fake.until(lambda: fake.session(general, asked.ts) == "processing")
            if end == "refused":
                await fake.until(lambda: fake.session(general, asked.ts) == "active")
        assert fake.session(general, asked.ts) == "active"
        assert fake.sessions[general.id, asked.ts].history[-1] == "active"


async def test_a_quick_answer_shows_no_status_at_all() -> None:
    async with FakeSlack() as fake:
        async with bot_on(fake, ScriptedModel("Done.")):
            general, asked = await ask(fake)
            await finished(fake, general, asked.ts, "Done.")
            await asyncio.sleep(0.4)
        assert fake.sessions[general.id, asked.ts].history == ["active"]  # made for its title
        assert {call.name for call in fake.web.calls} == {
            "agents.sessions.setStatus",
            "apps.connections.open",
            "auth.test",
            "chat.postMessage",
            "conversations.info",  # what the channel is called
            "users.conversations",
            "users.info",
        }
