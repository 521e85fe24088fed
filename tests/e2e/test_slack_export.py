"""An export on Slack: whatever goes wrong on the way, one file arrives or the person is told."""

from __future__ import annotations

import asyncio
import errno
import tracemalloc
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.api import Api
from bots.slack.outbound import files_out
from bots.slack.pace import Pace
from core.commands.authorized import NOT_MEMBER
from core.domain.clock import SystemClock
from tests.e2e.slack_bot import bot_on
from tests.e2e.slack_hands import files_in, talk, told
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.faults import Cut, Fault, Limited, Refused, Status
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.slack.model import Channel, Message, User

URL, BYTES, DONE = "files.getUploadURLExternal", "files.upload", "files.completeUploadExternal"
AGAIN = "Please try again"


async def ask(fake: FakeSlack) -> tuple[User, Channel, Message]:
    """Let ann talk in a channel, and tell where."""
    ann = fake.person("ann")
    general = fake.channel("general", ann)
    return ann, general, await talk(fake, ann, general, "My dog is called Rex.")


async def export(fake: FakeSlack, ann: User, asked: Message) -> None:
    link = f"https://acme.slack.com/archives/{asked.channel}/p{asked.ts.replace('.', '')}"
    await fake.slash(ann, fake.dm(ann), f"/chatbot export {link}")


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (URL, Limited(1)),
        (URL, Cut()),
        (URL, Cut(after=False)),
        (BYTES, Limited(1)),
        (BYTES, Cut()),
        (BYTES, Cut(after=False)),
        (BYTES, Status(503)),
        (DONE, Limited(1)),
        (DONE, Cut()),
        (DONE, Status(504, after=True)),
    ],
)
async def test_one_file_arrives(method: str, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_out, "_PAUSE", 0.05)
    async with FakeSlack() as fake, bot_on(fake):
        ann, _, asked = await ask(fake)
        fake.faults.next(method, fault)
        await export(fake, ann, asked)
        dm = fake.dm(ann)
        await fake.until(lambda: files_in(fake, dm))
        await asyncio.sleep(0.3)
        (file,) = files_in(fake, dm)
        assert b"> My dog is called Rex." in file.data
        assert len(fake.said_by_app(dm)) == 1


@pytest.mark.parametrize("fault", [Cut(after=False), Status(503)])
async def test_or_the_person_is_told_to_ask_again(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_out, "_PAUSE", 0.01)
    async with FakeSlack() as fake, bot_on(fake):
        ann, _, asked = await ask(fake)
        fake.faults.next(DONE, fault)
        await export(fake, ann, asked)
        await told(fake, ann, AGAIN)
        assert not files_in(fake, fake.dm(ann))
        await export(fake, ann, asked)
        await fake.until(lambda: files_in(fake, fake.dm(ann)))


async def test_a_file_that_slack_shares_late_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files_out, "_PAUSE", 0.1)
    async with FakeSlack() as fake, bot_on(fake):
        ann, _, asked = await ask(fake)
        fake.share_seconds = 0.4
        fake.faults.next(DONE, Cut())
        await export(fake, ann, asked)
        await fake.until(lambda: files_in(fake, fake.dm(ann)))
        await asyncio.sleep(0.3)
        assert len(fake.said_by_app(fake.dm(ann))) == 1


async def test_after_a_mention_it_says_under_it_how_it_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files_out, "_PAUSE", 0.01)
    async with FakeSlack() as fake, bot_on(fake):
        ann, general, asked = await ask(fake)
        fake.faults.next(DONE, Cut(after=False))
        await fake.say(ann, general, f"{fake.at_bot} export", asked.ts)
        assert "ask for it again" in (await fake.replies(general, asked.ts, 2))[1].text
        await fake.say(ann, general, f"{fake.at_bot} export json", asked.ts)
        assert "sent it to you" in (await fake.replies(general, asked.ts, 3))[2].text
        (file,) = files_in(fake, fake.dm(ann))
        assert file.name == "conversation.json"


async def test_a_large_file_is_read_while_it_is_sent(tmp_path: Path) -> None:
    size, taken = 64 * 1024 * 1024, 0
    file = tmp_path / "conversation.md"
    with file.open("wb") as content:
        content.truncate(size)

    async def take(request: web.Request) -> web.Response:
        nonlocal taken
        assert request.content_length == size
        async for part in request.content.iter_chunked(1 << 20):
            taken += len(part)
        return web.Response(text="OK")

    app, port = web.Application(), free_port()
    app.router.add_post("/upload", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    tracemalloc.start()
    try:
        async with aiohttp.ClientSession() as session:
            clock = SystemClock()
            client = AsyncWebClient("xoxb-1", session=session)
            api = Api(client, Pace(clock, seconds=0), clock, timeout=8)
            assert await files_out._post(api, f"http://127.0.0.1:{port}/upload", file) == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await runner.cleanup()
    assert taken == size
    assert peak < size / 4


@pytest.mark.parametrize(
    ("method", "code", "words"),
    [
        (URL, "missing_scope", "The person who runs me can add it to the app and reinstall it"),
        (URL, "not_allowed_token_type", "says which permission is missing"),
        (URL, "file_upload_size_restricted", "with “chatbot export”"),
        (DONE, "file_uploads_disabled", "A workspace admin can allow them"),
        (DONE, "storage_limit_reached", "A workspace admin can free some"),
        (DONE, "not_in_channel", "Invite me there"),
        (DONE, "restricted_action", "A workspace admin can change that"),
        (DONE, "file_not_found", AGAIN),
    ],
)
@pytest.mark.parametrize("spoken", [False, True])
async def test_or_the_person_is_told_why_not_and_who_can_repair_it(
    method: str, code: str, words: str, *, spoken: bool
) -> None:
    async with FakeSlack() as fake, bot_on(fake):
        ann, general, asked = await ask(fake)
        fake.faults.next(method, Refused(code))
        if spoken:
            await fake.say(ann, general, f"{fake.at_bot} export", asked.ts)
        else:
            await export(fake, ann, asked)
        place = general if spoken else fake.dm(ann)
        words = "ask for it again" if spoken and words == AGAIN else words
        await fake.until(lambda: any(words in m.text for m in fake.said_by_app(place)))
        told_again = [m for m in fake.said_by_app(place) if "again" in m.text and AGAIN in m.text]
        assert bool(told_again) == (words == AGAIN)


async def test_who_can_not_be_written_to_directly_is_told_so_where_they_asked() -> None:
    async with FakeSlack() as fake, bot_on(fake):
        ann, general, asked = await ask(fake)
        link = f"https://acme.slack.com/archives/{asked.channel}/p{asked.ts.replace('.', '')}"
        closed = Refused("messages_tab_disabled")
        fake.faults.next(DONE, closed)
        fake.faults.next("chat.postMessage", closed)
        await fake.slash(ann, general, f"/chatbot export {link}")
        await fake.until(lambda: any("messages tab is off" in m.text for m in fake.ephemerals))


async def test_what_is_for_one_person_is_said_where_they_asked_if_their_dms_are_closed() -> None:
    async with FakeSlack() as fake, bot_on(fake):
        ann, general, asked = await ask(fake)
        bob = fake.person("bob")
        await fake.join(bob, general)
        for code in ("cannot_dm_bot", "messages_tab_disabled"):
            fake.faults.next("conversations.open", Refused(code))
            count = len(fake.ephemerals)
            await fake.say(bob, general, f"{fake.at_bot} reset", asked.ts)
            await fake.until(lambda count=count: len(fake.ephemerals) > count)  # type: ignore[misc]
            said = fake.ephemerals[-1]
            assert (said.user, said.text, said.thread_ts) == (bob.id, NOT_MEMBER, asked.ts)
            fake.faults.next("conversations.open", Refused(code))
            await fake.slash(ann, general, "/chatbot stats")
            await fake.until(lambda: fake.ephemerals[-1].text.startswith("Conversations: 1"))
            assert fake.ephemerals[-1].user == ann.id
    assert fake.said_by_app(fake.dm(ann)) == []


async def test_a_disk_that_is_full_is_for_whoever_runs_the_bot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.commands.export.exports.export_to", full)
    async with FakeSlack() as fake, bot_on(fake):
        ann, _, asked = await ask(fake)
        await export(fake, ann, asked)
        await told(fake, ann, "The person who runs me can check the free space")
