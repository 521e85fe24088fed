"""Text that a model sends with halves of characters in it, or signs that no store takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.claude import FakeClaude, Talk

if TYPE_CHECKING:
    from tests.e2e.program import Program

GRIN, LOST = "\N{GRINNING FACE}", "\N{REPLACEMENT CHARACTER}"

PIECES = {
    "an emoji in two pieces": (("hi \ud83d", "\ude00 there"), f"hi {GRIN} there"),
    "half an emoji": (("hi \ud83d there",), f"hi {LOST} there"),
    "half an emoji at the end": (("hi ", "\ud83d"), f"hi {LOST}"),
    "NUL": (("a\0b",), f"a{LOST}b"),
}


@pytest.mark.parametrize(("pieces", "text"), PIECES.values(), ids=PIECES)
async def test_it_is_answered_once_and_remembered(
    program: Program, pieces: tuple[str, ...], text: str
) -> None:
    async with FakeClaude() as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        claude.next(Talk("hi", pieces=pieces), Talk("second"))
        ended = await program.run("run", says=["first", "next"])
    assert (ended.code, ended.lines) == (0, [text, "second"])
    assert "Traceback" not in ended.err
    assert len(claude.requests) == 2
    (remembered,) = (m for m in claude.requests[1]["messages"] if m["role"] == "assistant")
    assert remembered["content"][0]["text"] == text


@pytest.mark.parametrize(
    "text", ["\n\n", "\N{ZERO WIDTH SPACE}", "\ufeff \N{BRAILLE PATTERN BLANK}"]
)
async def test_an_answer_that_nobody_sees_is_said_to_be_none(program: Program, text: str) -> None:
    async with FakeClaude() as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        claude.next(Talk(text, pieces=(text,)), Talk("second"))
        ended = await program.run("run", says=["first", "next"])
    assert ended.lines == ["second"]
    assert "The model gave no answer this time." in ended.err


async def test_what_broke_off_within_an_emoji_is_shown_up_to_there(program: Program) -> None:
    async with FakeClaude() as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        claude.next(*[Talk("hi", pieces=("hi \ud83d",), then="cut")] * 4, Talk("second"))
        ended = await program.run("run", says=["first", "next"])
    assert ended.lines == ["second"]
    assert "hi\n\n[The answer broke off here." in ended.err
    assert "Traceback" not in ended.err


async def test_a_summary_with_such_text_is_kept(program: Program) -> None:
    def is_summary(request: dict[str, Any]) -> bool:
        return "You keep the memory" in request["system"][0]["text"]

    def script(request: dict[str, Any]) -> Talk:
        if is_summary(request):
            return Talk("Sum", pieces=("Ann \ud83d", "\ude00 \0"))
        return Talk(f"Answer {len(claude.requests)}.")

    async with FakeClaude(script) as claude:
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        program.settings["CHATBOT_MEMORY"] = "summary"
        running = await program.start("run")
        async with asyncio.timeout(20):
            for n in range(100):  # until a reply is made with it
                await running.say(f"message {n}")
                assert (await running.hear()).startswith("Answer")
                if f"Ann {GRIN} {LOST}" in str(claude.requests[-1]["messages"]):
                    break
        ended = await running.end()
    assert "Traceback" not in ended.err
    assert "stays as it was" not in ended.err
