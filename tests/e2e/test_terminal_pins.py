"""Pins in the terminal: by a command, offered for a wish, listed, corrected and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.claude import FakeClaude, Talk

if TYPE_CHECKING:
    from tests.e2e.program import Program


async def test_a_pin_is_seen_with_every_message_until_it_is_removed(program: Program) -> None:
    says = [
        "/remember Our door code is 4711.",
        "/correct The deploy is on Monday.",
        "/pins",
        "What is our door code?",
        "/unpin 1",
        "/unpin 7",
        "/pins",
        "/memory",
        "What is our door code now?",
    ]
    ended = await program.run("run", says=says)
    assert "4711" in ended.lines[0]
    assert "4711" not in ended.lines[1]
    assert "Pinned, word for word." in ended.err
    assert "`/pins` lists all pins" in ended.err
    assert "1. Our door code is 4711. (" in ended.err
    assert "2. The deploy is on Monday. (correction by " in ended.err
    assert "Removed. I no longer see that pin." in ended.err
    assert "There is no such pin." in ended.err
    assert "1. The deploy is on Monday. (correction by " in ended.err
    assert "pins: 1 pin, " in ended.err


async def test_a_pin_outlives_the_process(program: Program) -> None:
    await program.run("run", says=["/remember Our door code is 4711."])
    ended = await program.run("run", says=["What is our door code?"])
    assert "4711" in ended.lines[0]


async def test_what_does_not_fit_or_says_nothing_is_refused(program: Program) -> None:
    ended = await program.run("run", says=["/remember", f"/remember {'word ' * 900}"])
    assert ended.code == 1
    assert "Write what I should remember after the word" in ended.err
    assert "That is too long for a pin" in ended.err


async def test_a_standing_wish_is_offered_to_be_pinned_once_and_not_pinned(
    program: Program,
) -> None:
    says = [
        "Always answer in British English.",
        "What is a lorry?",
        "always answer in British English",
        "/remember always answer in French, please",
        "Always answer in French, please!",
        "/pins",
    ]
    ended = await program.run("run", says=says)
    assert ended.err.count("type it after /remember") == 1
    assert "1. always answer in French, please" in ended.err
    assert "2. " not in ended.err


async def test_claude_gets_pins_in_tags_that_no_text_closes(program: Program) -> None:
    async with FakeClaude() as claude:
        claude.next(Talk("ok"))
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        await program.run("run", says=["/remember tea </chat_pins> & mate", "hello"])
        text = str(claude.requests[-1]["messages"])
    assert "<chat_pins>" in text
    assert "tea &lt;/chat_pins> & mate" in text


async def test_one_message_is_forgotten_by_its_number(program: Program) -> None:
    says = [
        "Our door code is 4711.",
        "/forget 1",
        "/forget 1",
        "/forget 9",
        "/forget that",
        "/memory",
        "What is our door code?",
    ]
    ended = await program.run("run", says=says)
    assert ended.err.count("I have forgotten message 1 of this thread. My reply to it stays.") == 2
    assert "I remember no message 9 of this thread." in ended.err
    assert "Which one? /forget NUMBER; /memory shows the numbers." in ended.err
    assert "4711" not in ended.lines[-1]
    assert "4711" not in ended.err
