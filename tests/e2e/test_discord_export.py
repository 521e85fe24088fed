"""An export on Discord: it fits, is whole, and stands once whatever goes wrong on the way."""

from __future__ import annotations

import errno
import gzip
import random
from typing import TYPE_CHECKING

import pytest

from bots.discord.outbound.files_out import MOST_PARTS, parts_of
from bots.discord.ui.runner import FAILED
from core.commands.export.parts import TooLongError
from core.models.scripted import ScriptedModel
from tests.e2e.discord_bot import bot_on, until_true
from tests.e2e.discord_hands import ANSWER, answer, settled, talk, use
from tests.fakes.discord import Cut, FakeDiscord, Limited, Refused, Slow, Status
from tests.fakes.discord.faults import POST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.discord.faults import Fault

NOISE = random.Random(7).randbytes(120_000).hex()


@pytest.mark.parametrize(
    "fault", [Cut(), Cut(after=False), Status(503), Status(504, after=True), Limited(0.2)]
)
async def test_one_file_arrives(fault: Fault) -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.next(ANSWER, fault)
            said = await use(fake, ann, thread, "export")
            (file,) = said.files
            assert b"> My dog is called Rex." in file.data
            assert fake.shown_to(ann) == [said]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (40005, "larger than Discord allows here. The person who runs me can export"),
        (50013, "An admin of the server can give my role what it lacks"),
        (50001, "An admin of the server can give my role what it lacks"),
        (200000, "An admin of the server can change them"),
        (10014, FAILED),
    ],
)
async def test_or_the_person_is_told_why_not_and_who_can_repair_it(code: int, words: str) -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.next(ANSWER, Refused(code))
            said = await use(fake, ann, thread, "export")
            assert words in said.content
            assert not said.files
            assert ("try again" in said.content) == (words == FAILED)


@pytest.mark.parametrize(
    ("code", "words"), [(50007, "allow direct messages"), (50278, "no longer have a server")]
)
async def test_who_takes_no_direct_messages_is_told_so_where_they_asked(
    code: int, words: str
) -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.next(POST, Refused(code))
            await fake.say(ann, thread, f"{fake.at_bot} export")
            await fake.until(lambda: any(words in m.content for m in fake.said_by_bot(thread)))
            assert not any("ask for it again" in m.content for m in fake.said_by_bot(thread))


async def test_a_disk_that_is_full_is_for_whoever_runs_the_bot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> list[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bots.discord.ui.interactions.parts_of", full)
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            said = await use(fake, ann, thread, "export")
            assert "The person who runs me can check the free space" in said.content


@pytest.mark.parametrize(("limit", "names"), [(50_000, 1), (3_000, 5)])
async def test_above_the_limit_it_is_compressed_or_in_parts(limit: int, names: int) -> None:
    text = "".join(f"{n} and its square {n * n}.\n\n" for n in range(4000))
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, ScriptedModel(text[:90_000])) as bot:
            _, thread = await talk(fake, bot, ann, general, "Squares?")
            fake.upload_limit = 10 * 2**20
            whole = (await use(fake, ann, thread, "export")).files[0].data
            fake.upload_limit = limit if names == 1 else 8_000
            said = await use(fake, ann, thread, "export")
            packed = [file.data for file in said.files]
            assert all(file.name.endswith(".md.gz") for file in said.files)
            assert all(len(each) <= fake.upload_limit for each in packed)
            assert (len(packed) == 1) == (names == 1)
            found = gzip.decompress(b"".join(packed))
            assert found == b"".join(map(gzip.decompress, packed))
            assert found.split(b" at ", 1)[1][40:] == whole.split(b" at ", 1)[1][40:]


async def test_once_the_command_is_over_it_comes_by_direct_message() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake) as bot:
            _, thread = await talk(fake, bot, ann, general, "My dog is called Rex.")
            fake.faults.next(ANSWER, Slow(0.6, then=True))
            asked = await fake.slash(ann, thread, "chatbot export")

            async def dealt() -> bool:
                return bool(fake.faults.dealt)

            await until_true(dealt)
            fake.advance(16 * 60)  # a token is good for 15 minutes
            dm = fake.dm(ann)
            fake.faults.next(POST, Cut())
            (sent,) = await fake.replies(dm)
            assert b"Rex" in sent.files[0].data
            assert asked.shown == []
        assert len(fake.said_by_bot(dm)) == 1


@pytest.mark.parametrize("size", [0, 10, 3_000, 60_000])
def test_parts_are_whole_however_little_fits(tmp_path: Path, size: int) -> None:
    file = tmp_path / "conversation.md"
    text = (NOISE[: size // 2] + "\n" + "é\n" * (size // 4)).encode()
    file.write_bytes(text)
    parts = parts_of(file, max(2_000, size // 8))
    found = [part.read_bytes() for part in parts]
    assert all(len(each) <= max(2_000, size // 8) for each in found)
    whole = b"".join(
        gzip.decompress(e) if p.suffix == ".gz" else e for p, e in zip(parts, found, strict=True)
    )
    assert whole == text


def test_what_is_too_long_even_so_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "conversation.md"
    file.write_text(NOISE)
    with pytest.raises(TooLongError, match="The person who runs me can export it"):
        parts_of(file, len(NOISE) // 2 // (MOST_PARTS + 2))


async def test_a_conversation_that_is_too_long_is_told_to_be() -> None:
    async with FakeDiscord() as fake:
        ann, general = fake.person("ann"), fake.channel("general")
        async with bot_on(fake, ScriptedModel(NOISE[:80_000])) as bot:
            _, thread = await talk(fake, bot, ann, general, "Noise?")
            fake.upload_limit = 2_000
            said = await answer(fake, await fake.slash(ann, thread, "chatbot export"))
            assert "too long to be sent here" in said.content


async def test_an_export_says_where_it_took_place_and_what_people_saw_there() -> None:
    async with FakeDiscord() as fake:
        ann, forum, general = fake.person("ann"), fake.forum("help"), fake.channel("general")
        alert = await fake.webhook("Alerts", general, "web-3: disk full")
        async with bot_on(fake) as bot:
            post = await fake.post(ann, forum, "How do I rotate?", f"{fake.at_bot} see title")
            await fake.replies(post)
            await fake.forward(ann, alert, post)
            await fake.replies(post, 2)
            await settled(bot)
            found = (await use(fake, ann, post, "export")).files[0].data.decode()
    assert f"How do I rotate? (#help in {fake.home.name})" in found.splitlines()[2]
    assert "> How do I rotate?" in found
    assert "> web-3: disk full" in found
