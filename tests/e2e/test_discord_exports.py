"""Exports of more than one conversation on Discord: by whom, by what, and within what it takes."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

from core.commands.audit import EVERY
from core.commands.export import writing
from core.commands.export.exports import NOT_ADMIN, NOTHING_THEN
from core.commands.export.request import NO_DAYS, ExportOf
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import settled, talk, use
from tests.fakes.discord import FakeDiscord, Permission

if TYPE_CHECKING:
    from tests.fakes.discord import Interaction, Message


def texts_in(said: Message) -> list[str]:
    (file,) = said.files
    document = json.loads(file.data)
    return sorted(r["text"] for c in document["conversations"] for r in c["records"][:1])


async def refused(fake: FakeDiscord, made: Interaction) -> None:
    await fake.until(lambda: any("only" in m.content.lower() for m in made.shown))


async def test_all_of_mine_by_slash_and_by_word() -> None:
    async with FakeDiscord() as fake:
        ann, bob = fake.person("ann"), fake.person("bob")
        general, other = fake.channel("general"), fake.channel("other")
        async with bot_on(fake) as bot:
            asked, thread = await talk(fake, bot, ann, general, "My dog is Rex.")
            await talk(fake, bot, ann, other, "My cat is Tom.")
            await talk(fake, bot, bob, general, "The code is 1234.")
            said = await use(fake, ann, general, "export", which="mine", format="json")
            assert texts_in(said) == ["My cat is Tom.", "My dog is Rex."]
            assert said.content.endswith("Only you can see this.")
            said = await use(fake, ann, thread, "export", which="mine", format="zip")
            with zipfile.ZipFile(io.BytesIO(said.files[0].data)) as packed:
                markdown = packed.read("conversations.md").decode()
            link = f"https://discord.com/channels/{general.guild}/{general.id}/{asked.id}"
            assert f"]({link})" in markdown
            assert "1234" not in markdown
            await fake.deny(other, Permission.VIEW_CHANNEL, ann)
            said = await use(fake, ann, fake.dm(ann), "export", which="mine", format="json")
            assert texts_in(said) == ["My dog is Rex."]
            for since, until, words in (
                ("2999-01-01", "", NOTHING_THEN),
                ("yesterday", "", NO_DAYS),
                ("2026-11-30", "2026-11-01", NO_DAYS),
            ):
                days = {"since": since, "until": until} if until else {"since": since}
                assert (await use(fake, ann, thread, "export", **days)).content == words
            await fake.say(ann, thread, f"{fake.at_bot} export mine json")
            (sent,) = await fake.replies(fake.dm(ann))
            assert texts_in(sent) == ["My dog is Rex."]


async def test_a_channel_and_a_server_are_for_its_admins_and_audited() -> None:
    async with FakeDiscord() as fake:
        ann, root = fake.person("ann"), fake.person("root")
        fake.role("managers", Permission.MANAGE_GUILD, None, root)
        general, other = fake.channel("general"), fake.channel("other")
        async with bot_on(fake, discord_admins="server") as bot:
            _, thread = await talk(fake, bot, ann, general, "one")
            await talk(fake, bot, ann, other, "two")
            await fake.say(ann, fake.dm(ann), "three")
            await fake.replies(fake.dm(ann))
            await settled(bot)
            for place in (general, thread, fake.dm(ann)):
                for of in (ExportOf.CHANNEL, ExportOf.ALL):
                    said = await use(fake, ann, place, "export", which=of.value)
                    assert (said.content, said.files) == (NOT_ADMIN[of], [])
            said = await use(fake, root, fake.dm(root), "export", which="all")
            assert said.content == NOT_ADMIN[ExportOf.ALL]  # a DM belongs to no server
            assert await bot.store.audited() == ()
            said = await use(fake, root, thread, "export", which="channel", format="json")
            assert texts_in(said) == ["one"]
            said = await use(fake, root, general, "export", which="all", format="json")
            assert texts_in(said) == ["one", "two"]
            deeds = await bot.store.audited()
            assert [(d.by, d.thread.channel, d.thread.thread) for d in deeds] == [
                (root.id, f"{general.guild}/{general.id}", EVERY),
                (root.id, general.guild, EVERY),
            ]


async def test_a_list_keeps_the_form_and_the_days_and_nothing_in_it_is_trusted() -> None:
    async with FakeDiscord() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "The code is 1234.")
            said = await use(fake, ann, general, "export", format="zip", since="2026-01-01")
            key = f"discord:{general.guild}%2F{general.id}:{thread.id}"
            custom_id = "chatbot:choose:export:thread zip since 2026-01-01"
            await fake.press(ann, said, custom_id, key)
            await fake.until(lambda: fake.shown_to(ann)[-1].files)
            assert [f.name for f in fake.shown_to(ann)[-1].files] == ["conversation.zip"]
            await talk(fake, bot, eve, general, "hello")
            theirs = await use(fake, eve, general, "export")
            for of in ("channel", "all", "thread"):
                data = {"custom_id": f"chatbot:choose:export:{of} json", "component_type": 3}
                made = fake._interact(3, eve, general, data | {"values": [key]}, theirs)
                await refused(fake, made)
                assert made.shown[-1].files == []
            assert await bot.store.audited() == ()


@pytest.mark.parametrize("limit", [200_000, 30_000, 6_000])
async def test_a_zip_that_is_too_large_comes_as_its_documents_or_their_parts(limit: int) -> None:
    noise = random.Random(7).randbytes(40_000).hex()
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, ScriptedModel(noise[:80_000])) as bot:
            _, thread = await talk(fake, bot, ann, general, "Noise?")
            fake.upload_limit = limit
            said = await use(fake, ann, thread, "export", format="zip")
            names = [file.name for file in said.files]
            if limit == 200_000:
                assert names == ["conversation.zip"]
            elif limit == 6_000:
                assert "Ask for less" in said.content
                assert names == []
            else:
                assert all(len(file.data) <= limit for file in said.files)
                assert names == [
                    *("conversation.1.md.gz", "conversation.2.md.gz"),
                    *("conversation.1.json.gz", "conversation.2.json.gz"),
                ]
                assert "so it comes in 4. Each is compressed" in said.content
                packed = b"".join(f.data for f in said.files if ".json" in f.name)
                assert json.loads(gzip.decompress(packed))["records"][1]["text"] == noise[:80_000]


async def test_a_long_export_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "EVERY", 0.0)
    monkeypatch.setattr(writing, "_LOOK", 1)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is Rex.")
            said = await use(fake, ann, thread, "export", which="mine")
            so_far = "I am writing your export: 1 conversation, 1 message or answer so far."
            assert so_far in said.content or said.files
            await fake.until(lambda: fake.shown_to(ann)[-1].files)
