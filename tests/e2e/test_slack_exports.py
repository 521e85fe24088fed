"""Exports of more than one thread on Slack: all of mine, a channel, all; by whom, and how."""

from __future__ import annotations

import io
import json
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

from bots.slack.ui import views
from core.commands.audit import EVERY
from core.commands.export import writing
from core.commands.export.exports import NOT_ADMIN, NOTHING_THEN
from core.commands.export.request import UNREAD, ExportOf
from core.domain.message import ThreadKey
from core.models.scripted import ScriptedModel
from tests.e2e.slack_bot import bot_on
from tests.e2e.slack_hands import files_in, filled, shown, talk, told
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from tests.fakes.slack.model import File, User


async def sent(fake: FakeSlack, who: User, count: int = 1) -> File:
    """Wait for this many files in a person's direct messages; return the last."""
    dm = fake.dm(who)
    await fake.until(lambda: len(files_in(fake, dm)) == count)
    return files_in(fake, dm)[-1]


def texts_in(file: File) -> list[str]:
    document = json.loads(file.data)
    return [r["text"] for c in document["conversations"] for r in c["records"][:1]]


async def test_all_of_mine_by_slash_by_button_by_home_and_by_word() -> None:
    async with FakeSlack() as fake:
        ann, bob = fake.person("ann", tz="Asia/Tokyo"), fake.person("bob")
        general, other = fake.channel("general", ann, bob), fake.channel("other", ann)
        async with bot_on(fake):
            asked = await talk(fake, ann, general, "My dog is Rex.")
            await talk(fake, ann, other, "My cat is Tom.")
            await talk(fake, bob, general, "The code is 1234.")
            await fake.slash(ann, general, "/chatbot export all of mine json")
            assert sorted(texts_in(await sent(fake, ann))) == ["My cat is Tom.", "My dog is Rex."]
            await fake.slash(ann, general, "/chatbot export json")
            modal = await filled(fake, ann)
            assert "All conversations that you took part in" in shown(modal)
            mine = modal.body["blocks"][-1]["accessory"]["value"]
            assert mine == f"{views.NOWHERE} mine json"
            await fake.press(ann, "thread_export", modal, value=mine)
            assert len(texts_in(await sent(fake, ann, 2))) == 2
            await fake.say(ann, general, f"{fake.at_bot} export mine zip", asked.ts)
            assert "sent it to you" in (await fake.replies(general, asked.ts, 2))[1].text
            file = await sent(fake, ann, 3)
            assert file.name == "conversations.zip"
            with zipfile.ZipFile(io.BytesIO(file.data)) as packed:
                markdown = packed.read("conversations.md").decode()
            assert "# #general\n" in markdown
            assert "(Asia/Tokyo)" in markdown
            link = f"https://acme.slack.com/archives/{general.id}/p{asked.ts.replace('.', '')}"
            assert f"]({link}" in markdown
            assert "1234" not in markdown
            await fake.leave(ann, other)
            await fake.slash(ann, general, "/chatbot export mine json since 2026-01-01")
            assert texts_in(await sent(fake, ann, 4)) == ["My dog is Rex."]
            await fake.slash(ann, general, "/chatbot export mine since 2999-01-01")
            await told(fake, ann, NOTHING_THEN)
            assert not files_in(fake, general)


async def test_a_channel_and_everything_are_for_admins_and_audited() -> None:
    async with FakeSlack() as fake:
        ann, root = fake.person("ann"), fake.person("root", admin=True)
        general, other = fake.channel("general", ann, root), fake.channel("other", ann, root)
        secret = fake.channel("secret", ann, kind="private")
        async with bot_on(fake) as bot:
            for place, text in ((general, "one"), (other, "two"), (secret, "three")):
                await talk(fake, ann, place, text)
            private = await fake.say(ann, fake.dm(ann), "four")
            await fake.replies(fake.dm(ann), private.ts)
            for of, line in ((ExportOf.CHANNEL, "channel"), (ExportOf.ALL, "all")):
                await fake.slash(ann, general, f"/chatbot export {line}")
                await told(fake, ann, NOT_ADMIN[of].split(".")[0])
            assert not files_in(fake, fake.dm(ann))
            assert await bot.store.audited() == ()
            await fake.slash(root, general, "/chatbot export channel json")
            assert texts_in(await sent(fake, root)) == ["one"]
            await fake.slash(root, fake.dm(root), "/chatbot export all json")
            assert sorted(texts_in(await sent(fake, root, 2))) == ["one", "two"]
            deeds = await bot.store.audited()
            assert [(d.by, d.thread.thread) for d in deeds] == [(root.id, EVERY)] * 2
            assert deeds[0].thread.channel.endswith(general.id)
            root.is_admin = False  # a moment ago
            await fake.slash(root, general, "/chatbot export all")
            await told(fake, root, "Only admins can export everything")


@pytest.mark.parametrize("words", ["channel json", "all json", "thread json", "mine json"])
async def test_a_crafted_button_gives_no_more_than_the_right_to_it(words: str) -> None:
    async with FakeSlack() as fake:
        ann, eve = fake.person("ann"), fake.person("eve")
        general = fake.channel("general", ann, eve)
        async with bot_on(fake) as bot:
            asked = await talk(fake, ann, general, "The code is 1234.")
            place = (await bot.store.threads()).threads[0].thread.channel
            await talk(fake, eve, general, "hello")
            await fake.slash(eve, general, "/chatbot export")
            modal = await filled(fake, eve)
            for thread in (
                ThreadKey("slack", place, asked.ts),
                ThreadKey("slack", f"T0OTHER/{general.id}", asked.ts),
                ThreadKey("discord", "1/2", "3"),
            ):
                await fake.press(eve, "thread_export", modal, value=f"{thread} {words}")
            dm = fake.dm(eve)
            await fake.until(lambda: len(fake.said_by_app(dm)) == 3)  # a file or a refusal each
            found = b"".join(file.data for file in files_in(fake, fake.dm(eve)))
            assert b"1234" not in found
            assert (b"hello" in found) == words.startswith("mine")
            assert await bot.store.audited() == ()


async def test_what_can_not_be_read_as_an_export_says_how_to_ask() -> None:
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            for line in ("since yesterday", "mine mine", "mine until 2026-02-30"):
                await fake.slash(ann, general, f"/chatbot export {line}")
                assert fake.shown_to(ann)[-1].text == UNREAD
            assert not fake.said_by_app(fake.dm(ann))


@pytest.mark.parametrize(("limit", "names"), [(2_000, ["md.gz", "json.gz"]), (400, [])])
async def test_what_is_too_large_comes_in_parts_or_the_person_is_told_what_to_ask_for(
    limit: int, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.slack.ui.replies.LARGEST", limit)
    monkeypatch.setattr("bots.slack.ui.replies.MOST_PARTS", 2)
    noise = random.Random(7).randbytes(700).hex()
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake, ScriptedModel(noise)):
            asked = await talk(fake, ann, general, "Noise?")
            await fake.slash(ann, general, "/chatbot export mine zip")
            await fake.say(ann, general, f"{fake.at_bot} export zip", asked.ts)
            said = (await fake.replies(general, asked.ts, 2))[1].text
            if names:
                await sent(fake, ann, 4)
                found = {file.name for file in files_in(fake, fake.dm(ann))}
                assert found == {f"conversation{s}.{name}" for s in ("", "s") for name in names}
                await told(fake, ann, "too large for one file here, so it comes in 2")
            else:
                assert "Ask for less" in said
                await told(fake, ann, "Ask for less")
                assert not files_in(fake, fake.dm(ann))


async def test_a_long_export_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "EVERY", 0.0)
    monkeypatch.setattr(writing, "_LOOK", 1)
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        async with bot_on(fake):
            await talk(fake, ann, general, "My dog is Rex.")
            await fake.slash(ann, general, "/chatbot export mine")
            await sent(fake, ann)
            said = [m.text for m in fake.said_by_app(fake.dm(ann)) if not m.files]
            assert said == [
                "I am writing your export: 1 conversation, 2 messages and answers so far."
            ]
