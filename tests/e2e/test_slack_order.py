"""What Slack tells while something else is taken in, or what another process left half done."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import said
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import answers, bot_on
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Slow
from tests.world import until

if TYPE_CHECKING:
    from tests.fakes.slack import Channel


def texts(fake: FakeSlack, channel: Channel, ts: str) -> list[str]:
    return [message.text for message in answers(fake, channel, ts)]


async def test_an_edit_that_comes_while_its_message_is_taken_in_counts() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        root = await fake.say(ann, general, "When is the launch?")
        model = ScriptedModel(["Friday", 0.5, "."], "Monday.")
        async with bot_on(fake, model, transport="http"):
            fake.faults.next("conversations.replies", Slow(0.5))
            asked = await fake.say(ann, general, f"{fake.at_bot} on Friday?", root.ts)
            await until(lambda: bool(fake.faults.dealt))  # it reads what was said before
            await fake.edit(asked, f"{fake.at_bot} on Monday?")
            await fake.until(
                lambda: [m.text for m in answers(fake, general, root.ts)] == ["Monday."]
            )


async def test_what_was_read_of_a_thread_only_in_part_is_read_again() -> None:
    """Another process is reading it, or was killed as it did."""
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general = fake.channel("general", ann, bob)
        model = ScriptedModel("Friday.")
        async with bot_on(fake, model) as bot:
            root = await fake.say(ann, general, "When is the launch?")
            first = said(fake.delivery.of("message")[-1].payload, bot.slack.platform.me)
            assert first is not None
            assert await bot.intake.overhear(first)
            await fake.say(bob, general, "On Friday, I heard.", root.ts)
            await fake.say(ann, general, f"{fake.at_bot} when is it?", root.ts)
            await fake.replies(general, root.ts)
        seen = model.calls[0].messages[-1].text
        assert (
            seen.index("When is the launch?") < seen.index("On Friday") < seen.index("when is it?")
        )


async def test_nothing_overtakes_what_waits_for_a_name() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        model = ScriptedModel(["Hello", 1.0, "."], "All read.")
        async with bot_on(fake, model) as bot:
            root = await fake.say(ann, general, f"{fake.at_bot} hello")
            await until(lambda: bool(model.calls))
            (told,) = [e.payload for e in fake.delivery.of("message") if e.payload["event"]["text"]]
            fake.faults.next("users.info", *[Slow(0.2)] * 4)
            events = [
                message_event(told, fake, number, root.ts, named=number % 3 == 0)
                for number in range(12)
            ]
            await asyncio.gather(*map(bot.slack.reception.take, events))
            await fake.until(lambda: texts(fake, general, root.ts) == ["Hello.", "All read."])
        seen = "".join(block.text for block in model.calls[1].messages[-1].blocks)
        assert re.findall(r"number (\d\d)", seen) == [f"{number:02}" for number in range(12)]
        assert "number 09 @p9" in seen


def message_event(
    told: dict[str, Any], fake: FakeSlack, number: int, root: str, *, named: bool
) -> dict[str, Any]:
    """Return the event of one more message in the thread, after an event that was delivered."""
    whom = f" <@{fake.person(f'p{number}').id}>" if named else ""
    text = f"{fake.at_bot} number {number:02}{whom}"
    said = {"text": text, "ts": fake.stamp(), "thread_ts": root, "client_msg_id": f"c{number}"}
    event = {part: told["event"][part] for part in ("type", "user", "channel", "channel_type")}
    return {**told, "event_id": f"Ev{number}", "event": {**event, **said}}
