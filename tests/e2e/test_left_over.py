"""No half of an answer stands for good, whatever the platform refuses to do with it."""

from __future__ import annotations

import asyncio

import pytest

from core.delivery.port import HALF_STAYS, LEFT_OVER
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on as discord_bot
from tests.e2e.slack_bot import answers
from tests.e2e.slack_bot import bot_on as slack_bot
from tests.fakes import discord as on_discord
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.faults import DELETE, EDIT
from tests.fakes.slack import FakeSlack, Refused

STOP, GROW, UPDATE, REMOVE = (
    "chat.stopStream",
    "chat.appendStream",
    "chat.update",
    "chat.delete",
)


@pytest.mark.parametrize(
    ("streams", "refused", "first"),
    [
        (True, {STOP: "access_denied"}, f"One, \n\n{LEFT_OVER}"),
        (True, {STOP: "access_denied", GROW: "access_denied"}, "One, "),
        (False, {UPDATE: "edit_window_closed", REMOVE: "cant_delete_message"}, "One, "),
        (False, {UPDATE: "cant_update_message", REMOVE: "compliance_exports_prevent_deletion"}, ""),
    ],
    ids=["a stream", "a stream that takes nothing", "a post", "a post under compliance"],
)
async def test_slack_keeps_a_half_and_people_learn_that_it_does_not_count(
    *, streams: bool, refused: dict[str, str], first: str
) -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        if not streams:
            fake.faults.no_streaming()
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, ScriptedModel(["One, ", gate, "two."])):
            asked = await fake.say(ann, general, f"{fake.at_bot} count")
            await fake.until(lambda: bool(answers(fake, general, asked.ts)))
            for method, code in refused.items():
                fake.faults.always(method, Refused(code))
            gate.set()
            says_it_itself = LEFT_OVER in first
            most = 2 if says_it_itself else 3
            await fake.until(lambda: len(answers(fake, general, asked.ts)) == most)
        texts = [each.text.strip() for each in answers(fake, general, asked.ts)]
        assert texts[0] == (first or "One, ").strip()
        assert texts[1] == "One, two."
        assert texts[2:] == ([] if says_it_itself else [HALF_STAYS])


async def test_slack_deletes_nothing_and_the_half_says_that_it_is_none() -> None:
    gate = asyncio.Event()
    async with FakeSlack() as fake:
        fake.faults.no_streaming()
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with slack_bot(fake, ScriptedModel(["One, ", gate, "two."])):
            asked = await fake.say(ann, general, f"{fake.at_bot} count")
            await fake.until(lambda: bool(answers(fake, general, asked.ts)))
            fake.faults.next(UPDATE, Refused("edit_window_closed"))
            fake.faults.always(REMOVE, Refused("cant_delete_message"))
            gate.set()
            await fake.until(lambda: len(answers(fake, general, asked.ts)) == 2)
        assert [m.text for m in answers(fake, general, asked.ts)] == [LEFT_OVER, "One, two."]


@pytest.mark.parametrize("is_changed", [True, False])
async def test_discord_keeps_a_half_and_people_learn_that_it_does_not_count(
    *, is_changed: bool
) -> None:
    gate = asyncio.Event()
    refusal = on_discord.Refused(50021)
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with discord_bot(fake, ScriptedModel(["One, ", gate, "two."])):
            await fake.say(ann, dm, "count")
            await fake.replies(dm, 1)
            fake.faults.always(DELETE, refusal)
            if is_changed:
                fake.faults.next(EDIT, refusal)
            else:
                fake.faults.always(EDIT, refusal)
            gate.set()
            last = "One, two." if is_changed else HALF_STAYS
            await fake.until(lambda: fake.texts(dm)[-1] == last)
        texts = fake.texts(dm)
        assert "One, two." in texts
        assert (LEFT_OVER in texts) == is_changed
