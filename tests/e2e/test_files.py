"""Files that people send, from the platform to the wire, through the real SDK and a real socket."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.errors import FileUnreadableError
from core.domain.message import Attachment
from core.models.claude import ClaudeModel
from tests.fakes.claude import FakeClaude, Refusal, Talk
from tests.paper import CSV, pdf, png
from tests.world import World, message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.intake.intake import Intake

MODEL = "claude-sonnet-5-5"
CAT, PLAN = png(300, 200), pdf(3)


@dataclass
class Chat:
    """A person who sends files, and what reaches the model of them."""

    world: World
    claude: FakeClaude
    intake: Intake
    said: int = 0

    async def say(self, text: str, **files: bytes | Exception | None) -> Any:
        """Send a message with files; return what the model got as its last message."""
        number = self.said
        self.said += 1
        attachments = []
        for stem, data in files.items():
            name = stem.replace("_", ".")
            attachments.append(
                Attachment(id=name, name=name, media_type="image/png", size=len(str(data)))
            )
            if data is not None:
                self.world.platform.files[name] = data
        await self.intake.take(replace(message(number, text), attachments=tuple(attachments)))
        await self.world.settled()
        return self.claude.requests[-1]["messages"][-1]["content"] if self.claude.requests else []

    async def notes(self) -> tuple[str, ...]:
        """Return what was said beside the last answer."""
        return (await self.world.answers())[-1].notes


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with FakeClaude() as server:
        yield server


@asynccontextmanager
async def chatting(claude: FakeClaude, world: World | None = None) -> AsyncIterator[Chat]:
    model = ClaudeModel(claude.key, base_url=claude.url, read_timeout=5)
    world = world or World(model_name=MODEL)
    world.model = model
    async with world.worker() as worker:
        yield Chat(world, claude, world.intake(worker))
    await model.close()


@pytest.fixture
async def chat(claude: FakeClaude) -> AsyncIterator[Chat]:
    async with chatting(claude) as chat:
        yield chat


def bytes_in(content: list[Any]) -> list[bytes]:
    return [base64.b64decode(b["source"]["data"]) for b in content if "source" in b]


def bare(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block without its cache breakpoint."""
    return {key: value for key, value in block.items() if key != "cache_control"}


async def test_an_image_a_pdf_and_a_table_reach_the_model(chat: Chat) -> None:
    content = await chat.say("What is this?", cat_png=CAT, plan_pdf=PLAN, people_csv=CSV)
    assert [block["type"] for block in content] == ["image", "document", "text", "text"]
    assert bytes_in(content) == [CAT, PLAN]
    assert "Ann;41" in content[-2]["text"]
    assert await chat.notes() == ()


async def test_the_next_question_sends_the_same_bytes_and_fetches_nothing(chat: Chat) -> None:
    first = await chat.say("What is this?", cat_png=CAT, plan_pdf=PLAN, people_csv=CSV)
    await chat.say("And in one word?")
    await chat.say("In French?")
    for body in chat.claude.requests[1:]:
        again = body["messages"][0]["content"]
        assert again == [bare(block) for block in first[:-1]]  # all but the scene, which varies
    assert sorted(chat.world.platform.fetched) == ["cat.png", "people.csv", "plan.pdf"]
    usage = (await chat.world.answers())[-1].usage
    assert usage is not None
    assert usage.cache_read > 3 * 2_300


async def test_a_file_that_vanished_is_named_and_no_error(claude: FakeClaude) -> None:
    async with chatting(claude) as chat:
        await chat.say("What is this?", cat_png=CAT, plan_pdf=PLAN)
    del chat.world.platform.files["cat.png"]
    async with chatting(claude, chat.world) as restarted:
        restarted.said = chat.said
        await restarted.say("And in one word?")
        first = claude.requests[-1]["messages"][0]["content"]
        assert bytes_in(first) == [PLAN]
        note = '<chat_file name="cat.png" note="could not be read: it was deleted"/>'
        assert note in first[-1]["text"]
        assert await restarted.notes() == ()
        await restarted.say("And this?", gone_png=None)
        assert await restarted.notes() == ("I could not read gone.png: it was deleted.",)


async def test_files_that_cannot_be_read_are_said_to_be_so(chat: Chat) -> None:
    content = await chat.say(
        "See?",
        huge_png=png(20_000, 20_000),
        mine_pdf=pdf(extra=b"<< /Encrypt 1 0 R >>"),
        data_zip=b"PK\x03\x04\0\0",
        late_txt=TimeoutError(),
        secret_txt=FileUnreadableError("it is not shared with me."),
    )
    assert [block["type"] for block in content] == ["text", "text"]
    assert content[-2]["text"].count("could not be read: ") == 5
    notes = await chat.notes()
    assert len(notes) == 5
    assert notes[0] == "I could not read huge.png: it has too many pixels: send a smaller copy."
    assert notes[-1] == "I could not read secret.txt: it is not shared with me."
    assert (await chat.world.answers())[-1].text.startswith("You said:")


async def test_images_that_are_too_large_are_shown_scaled_down(chat: Chat) -> None:
    content = await chat.say("See?", huge_png=png(padding=4_000_000), wide_png=png(9_000, 1))
    assert [block["type"] for block in content] == ["image", "image", "text", "text"]
    assert max(len(data) for data in bytes_in(content)) < 1_000
    assert 'note="scaled down from 9,000 x 1 to 2,576 x 1 pixels"' in content[-2]["text"]
    assert await chat.notes() == ()


async def test_what_a_file_is_said_to_be_decides_nothing(chat: Chat) -> None:
    content = await chat.say("See?", a_txt=PLAN, b_pdf=CAT, c_png=CSV)
    assert [b.get("source", {}).get("media_type") for b in content] == [
        "application/pdf", "image/png", None, None,
    ]  # fmt: skip
    assert "Ann;41" in content[-2]["text"]


async def test_a_busy_model_is_asked_again_with_the_same_files(chat: Chat) -> None:
    chat.claude.next(Refusal(429, "rate_limit_error", headers={"retry-after": "0"}), Talk("A cat."))
    await chat.say("What is this?", cat_png=CAT)
    first, second = chat.claude.requests
    assert first == second
    assert chat.world.platform.texts() == ["A cat."]
    assert chat.world.platform.fetched == ["cat.png"]


async def test_a_file_that_the_model_refuses_does_not_end_the_thread(chat: Chat) -> None:
    await chat.say("First.", plan_pdf=PLAN)
    broken = png(50, 50) + b"junk" * 9  # its head and its end are well
    content = await chat.say("What is this?", cat_png=broken)
    assert bytes_in(content) == []
    assert await chat.notes() == ("I could not read cat.png: the model rejected it.",)
    before = len(chat.claude.requests)
    await chat.say("And the plan?")
    messages = chat.claude.requests[-1]["messages"]
    assert bytes_in(messages[0]["content"]) == [PLAN]
    assert bytes_in(messages[2]["content"]) == []
    assert len(chat.claude.requests) == before + 1


async def test_a_refused_key_is_not_blamed_on_files(chat: Chat) -> None:
    chat.claude.next(Refusal(401, "authentication_error"))
    await chat.say("What is this?", cat_png=CAT)
    assert len(chat.claude.requests) == 1
    assert "API key" in chat.world.platform.texts()[0]


async def test_more_images_than_a_request_takes(chat: Chat) -> None:
    for part in range(2):
        files = {f"i{part}x{n}_png": png(2 + n, 2 + part) for n in range(12)}
        content = await chat.say("See?", **files)
    messages = chat.claude.requests[-1]["messages"]
    assert len(bytes_in(content)) == 12
    assert len(bytes_in(messages[0]["content"])) == 8
    note = 'i0x0.png" note="could not be read: newer files left no room'
    assert note in str(messages[0]["content"])
    (note,) = await chat.notes()
    assert note.startswith("Newer files left no room for these earlier ones: i0x0.png, i0x1.png")


async def test_a_large_file_leaves_the_window_and_its_name_and_start_stay(chat: Chat) -> None:
    chat.claude.next(*[Talk("The first one.")] * 9)
    await chat.say("What is slow?", app_log=b"INFO request took 31 ms\n" * 5_000)
    for number in range(8):
        await chat.say(f"And in line {number}?")
    first, *further = [json.dumps(body["messages"]) for body in chat.claude.requests]
    assert len(first) > 100_000
    assert [len(text) > 100_000 for text in further] == [True] * 4 + [False] * 4
    assert all('name=\\"app.log\\"' in text for text in further)
    assert "took 31 ms" in further[-1]
    assert await chat.notes() == ()
