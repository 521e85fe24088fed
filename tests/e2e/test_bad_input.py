"""What can't be used is told in one sentence, and nothing else is lost."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import REX
from tests.fakes.claude import FakeClaude, Refusal

if TYPE_CHECKING:
    from tests.e2e.program import Program


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "replies", "code", "says"),
    [
        (b"", 0, 0, ""),
        (b"  \t ", 0, 0, ""),
        (b"\x00 and \x01", 1, 0, ""),
        (b"caf\xe9", 1, 0, "not all valid UTF-8"),
        (b"\xed\xa0\x80 is a lone surrogate", 1, 0, "not all valid UTF-8"),
        (b"x" * 1_000_000, 0, 1, "longer than 64 KB"),
        (b"x" * 65_537, 0, 1, "longer than 64 KB"),
        (b"x " * 32_768, 1, 0, ""),
    ],
    ids=["empty", "blank", "nul", "latin-1", "surrogate", "1 MB", "64 KB + 1", "64 KB"],
)
async def test_bad_input_is_told_of_and_nothing_else_is_lost(
    program: Program, line: bytes, replies: int, code: int, says: str
) -> None:
    rex = [line.encode() for line in REX]
    ended = await program.run("run", says=b"\n".join([rex[0], line, rex[1], b""]))
    assert ended.code == code
    assert len(ended.lines) == 2 + replies
    assert "Rex" in ended.lines[-1]
    assert says in ended.err
    assert "Traceback" not in ended.err


async def test_no_input_at_all_is_no_error(program: Program) -> None:
    ended = await program.run("run")
    assert (ended.code, ended.out) == (0, b"")


async def test_when_nobody_reads_it_ends_and_the_answer_stays_in_the_log(program: Program) -> None:
    reader, writer = os.pipe()
    running = await program.start("run", out=writer)
    os.close(writer)
    os.close(reader)
    await running.say(REX[0])
    await asyncio.wait_for(running.process.wait(), 30)
    assert running.process.returncode == 0
    ended = await program.run("export", "main")
    assert ended.out.count(b"**bot**") == 1


# --- what can't be used ---------------------------------------------------------------------------


async def test_an_unknown_program_command_is_told_of(program: Program) -> None:
    ended = await program.run("walk")
    assert ended.code == 2
    assert "walk" in ended.err
    assert "Traceback" not in ended.err


async def test_wrong_settings_are_told_at_once(program: Program) -> None:
    program.settings |= {"CHATBOT_MEMORY": "none", "CHATBOT_STROE": "memory://"}
    ended = await program.run("run", says=REX)
    assert (ended.code, ended.out) == (2, b"")
    assert len(ended.err.splitlines()) == 2


@pytest.mark.parametrize(
    "store",
    [
        "redis://localhost:1/0",
        "rediss://localhost:1/0",
        "sqlite:////proc/nowhere/chat.db",
        "sqlite:////dev/null",
    ],
)
async def test_a_store_that_can_not_be_used_is_told_in_one_sentence(
    program: Program, store: str
) -> None:
    program.settings["CHATBOT_STORE"] = store
    ended = await program.run("run", says=REX)
    assert (ended.code, ended.out) == (2, b"")
    assert len(ended.err.splitlines()) == 1, ended.err
    assert "Traceback" not in ended.err


async def test_a_damaged_file_ends_what_waits_for_an_answer_with_a_sentence(
    program: Program,
) -> None:
    path = program.home / "chat.db"
    program.settings["CHATBOT_STORE"] = f"sqlite:///{path}"
    await program.run("run", says=["My dog is called Rex. " * 50] * 8)
    good = path.read_bytes()
    path.write_bytes(good[: 4096 * 3] + b"\xff" * (4096 * 3) + good[4096 * 6 :])
    ended = await program.run("run", says=REX[1:])
    assert (ended.code, ended.out) == (2, b"")
    last = ended.err.splitlines()[-1]
    assert str(path) in last
    assert "put a backup in its place" in last
    assert ended.err.count("Retrying until") <= 1
    assert "works again" not in ended.err
    assert "Traceback" not in ended.err


async def test_a_wrong_key_is_told_for_each_message_and_nothing_is_lost(program: Program) -> None:
    async with FakeClaude() as claude:
        claude.next(Refusal(401, "authentication_error", "invalid x-api-key"))
        program.settings |= {"ANTHROPIC_API_KEY": "sk-wrong", "ANTHROPIC_BASE_URL": claude.url}
        ended = await program.run("run", says=["My dog is called Rex."])
    assert (ended.code, ended.out) == (1, b"")
    assert "key" in ended.err
    assert "Traceback" not in ended.err
    assert "sk-wrong" not in ended.err
    del program.settings["ANTHROPIC_API_KEY"]
    assert "Rex" in (await program.run("run", says=REX[1:])).lines[0]


async def test_an_unknown_model_is_told(program: Program) -> None:
    async with FakeClaude() as claude:
        program.settings |= {
            "ANTHROPIC_API_KEY": claude.key,
            "ANTHROPIC_BASE_URL": claude.url,
            "CHATBOT_MODEL": "claude-nonesuch",
        }
        ended = await program.run("run", says=["Hello"])
    assert (ended.code, ended.out) == (1, b"")
    assert "claude-nonesuch" in ended.err
