"""Files on Discord: by reference, and with an address that is still good."""

from __future__ import annotations

import asyncio

from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.fakes.discord import FakeDiscord
from tests.paper import png


async def test_a_text_file_reaches_the_model_also_when_its_address_has_expired() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "first"], "second")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            await fake.say(ann, dm, "wait")
            file = fake.file("plan.txt", "The plan is to dance.")
            await fake.say(ann, dm, "What is the plan?", files=[file])
            fake.advance(2 * fake.cdn_life)
            gate.set()
            await fake.replies(dm, 2)
    assert "The plan is to dance." in str(model.calls[1].messages[-1])


async def test_an_image_reaches_the_model() -> None:
    model = ScriptedModel("a picture")
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, model):
            file = fake.file("a.png", png(8, 8))
            asked = await fake.say(ann, general, f"{fake.at_bot} what is it?", files=[file])
            await fake.replies(await fake.thread(asked))
    kinds = {type(block).__name__ for block in model.calls[0].messages[-1].blocks}
    assert kinds - {"TextBlock", "Text"}


async def test_a_file_whose_message_is_gone_is_named() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "first"], "second")
    async with FakeDiscord() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        async with bot_on(fake, model):
            await fake.say(ann, dm, "wait")
            file = fake.file("plan.txt", "The plan is to dance.")
            said = await fake.say(ann, dm, "What is the plan?", files=[file])
            said.files.clear()
            gate.set()
            await fake.until(lambda: any("plan.txt" in m.content for m in fake.said_by_bot(dm)))
    assert "dance" not in str(model.calls[1].messages[-1])
