"""Files on Discord: by reference, and with an address that is still good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.fakes.discord import FakeDiscord
from tests.paper import png

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.fakes.discord.model import File


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


async def shown(file: File, fake: FakeDiscord) -> ModelRequest:
    """Return what the model gets when a file is sent."""
    model = ScriptedModel("I see.")
    ann = fake.person("ann")
    dm = fake.dm(ann)
    async with bot_on(fake, model):
        await fake.say(ann, dm, "What is it?", files=[file])
        await fake.replies(dm, 1)
    return model.calls[0]


@pytest.mark.parametrize(
    "facts",
    [
        {"width": 12_000, "height": 9_000},
        {"width": 9_000, "height": 12_000, "size": 30 * 1024 * 1024},
        {"width": 900, "height": 600, "size": 30 * 1024 * 1024},
    ],
)
async def test_of_a_picture_that_is_too_large_discord_has_a_smaller_copy(
    facts: dict[str, int],
) -> None:
    async with FakeDiscord() as fake:
        file = fake.file("map.png", b"a file of 200 MB")
        file.facts, file.smaller = facts, png(8, 6)
        request = await shown(file, fake)
    assert [block.data for block in request.messages[-1].media] == [png(8, 6)]
    assert """note="Discord's smaller copy of it"/>""" in request.messages[-1].text


@pytest.mark.parametrize(
    ("name", "facts", "words"),
    [
        ("film.mp4", {"size": 900_000_000, "width": 1920, "height": 1080}, "(859 MB; I can read"),
        ("IMG_1.heic", {"size": 21 * 1024 * 1024}, "(21 MB; I can read 20 MB)"),
        ("big.log", {"size": 20 * 1024 * 1024 + 1}, "(20,971,521 bytes; I can read 20,971,520 by"),
    ],
)
async def test_what_is_too_large_is_named_with_both_sizes(
    name: str, facts: dict[str, int], words: str
) -> None:
    async with FakeDiscord() as fake:
        file = fake.file(name, "x")
        file.facts = facts
        request = await shown(file, fake)
    said = f'<chat_file name="{name}" note="could not be read: it is too large {words}'
    assert said in request.messages[-1].text


async def test_a_name_is_shown_as_people_see_it() -> None:
    async with FakeDiscord() as fake:
        file = fake.file("_.csv", "name,amount")
        file.facts = {"title": "売上"}
        request = await shown(file, fake)
    assert '<chat_file name="売上.csv"' in request.messages[-1].text
