"""The terminal from a pipe: a line in, a line out."""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import REX
from tests.fakes.claude import FakeClaude, Talk

if TYPE_CHECKING:
    from tests.e2e.program import Program


# --- a conversation -------------------------------------------------------------------------------


async def test_it_answers_from_memory_and_says_how_to_use_claude(program: Program) -> None:
    ended = await program.run("run", says=REX)
    assert ended.code == 0
    assert len(ended.lines) == 2
    assert "Rex" in ended.lines[1]
    told = [line for line in ended.err.splitlines() if "ANTHROPIC_API_KEY" in line]
    assert len(told) == 1
    assert "not a language model" in told[0]
    assert "Traceback" not in ended.err


async def test_it_goes_on_with_the_last_thread_after_a_restart(program: Program) -> None:
    await program.run("chat", "--thread", "dogs", says=REX[:1])
    ended = await program.run("run", says=REX[1:])
    assert len(ended.lines) == 1
    assert "Rex" in ended.lines[0]


async def test_another_thread_knows_nothing_of_it(program: Program) -> None:
    await program.run("run", says=REX[:1])
    ended = await program.run("chat", "--thread", "cats", says=REX[1:])
    assert "Rex" not in ended.lines[0]


async def test_a_line_without_its_end_is_a_line(program: Program) -> None:
    ended = await program.run("run", says="\n".join(REX).encode())
    assert len(ended.lines) == 2


async def test_lines_may_come_from_a_file(program: Program) -> None:
    source = program.home / "lines.txt"
    source.write_text("\n".join(REX))
    command = f"exec {sys.executable} -m bots run < lines.txt"
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=program.home,
        env=program.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.count(b"\n") == 2


async def test_the_next_line_is_read_after_the_reply_to_the_last(program: Program) -> None:
    running = await program.start("run")
    await running.say(REX[0])
    assert await running.hear()
    await running.say(REX[1])
    assert "Rex" in await running.hear()
    ended = await running.end()
    assert (ended.code, ended.out) == (0, b"")


async def test_sixty_turns_later_hybrid_and_recall_still_know_and_a_window_alone_does_not(
    program: Program,
) -> None:
    program.settings |= {"CHATBOT_MEMORY_HIGH": "2000", "CHATBOT_MEMORY_LOW": "600"}
    talk = [f"The weather on day {n} was {'rainy and cold ' * 8}again." for n in range(60)]
    says = [REX[0], *talk, REX[1]]
    hybrid = await program.run("chat", "--thread", "hybrid", says=says)
    assert len(hybrid.lines) == 62
    assert "Rex" in hybrid.lines[-1]
    trimmed = [n for n, line in enumerate(hybrid.lines) if line.endswith(" ✂️")]
    assert 1 <= len(trimmed) < 20
    assert hybrid.err.count("✂️ means") == 1
    program.settings["CHATBOT_MEMORY"] = "window"
    recalls = await program.run("chat", "--thread", "recall", says=says)
    assert "Rex" in recalls.lines[-1]
    program.settings["CHATBOT_RECALL_TOKENS"] = "0"
    window = await program.run("chat", "--thread", "window", says=says)
    assert "Rex" not in window.lines[-1]


# --- stdout and stderr ----------------------------------------------------------------------------


async def test_a_reply_is_one_line_whatever_is_in_it(program: Program) -> None:
    async with FakeClaude() as claude:
        claude.next(Talk("one\ntwo\\three\x1b[31mred\x07\r\nfour\u2028five\ttab"))
        program.settings |= {"ANTHROPIC_API_KEY": claude.key, "ANTHROPIC_BASE_URL": claude.url}
        ended = await program.run("run", says=["Hello"])
    assert ended.out.decode() == "one\\ntwo\\\\three[31mred\\nfour\\nfive\ttab\n"


async def test_commands_answer_on_stderr_and_reach_no_model(program: Program) -> None:
    says = [REX[0], "/memory", "/threads", "/help", "/export talk.md", "/export talk.json"]
    ended = await program.run("run", says=says)
    assert (ended.code, len(ended.lines)) == (0, 1)
    assert "hybrid" in ended.err
    assert "* main: 1 reply, just now" in ended.err
    assert "/switch NAME" in ended.err
    assert "My dog is called Rex." in (program.home / "talk.md").read_text()
    exported = json.loads((program.home / "talk.json").read_text())
    assert [record["said_by"] for record in exported["records"]] == ["person", "bot"]


async def test_all_threads_of_mine_are_exported_and_the_days_may_be_limited(
    program: Program,
) -> None:
    says = [
        *(REX[0], "/new cats", "My cat is called Tom.", "/privacy"),
        *("/export all of it.json mine", "/export all.zip mine", "/export now.md since 2020-01-01"),
        *("/export none.md until 2020-01-01", "/export", "/export all.zip", "/export no/where.md"),
    ]
    ended = await program.run("run", says=says)
    document = json.loads((program.home / "all of it.json").read_text())
    texts = [record["text"] for each in document["conversations"] for record in each["records"]]
    assert {"My dog is called Rex.", "My cat is called Tom."} <= {*texts}
    with zipfile.ZipFile(program.home / "all.zip") as packed:
        assert json.loads(packed.read("all.json")) == document
        assert "My dog is called Rex." in packed.read("all.md").decode()
    assert "My cat is called Tom." in (program.home / "now.md").read_text()
    assert "called" not in (program.home / "none.md").read_text()
    for words in (
        *("Written to all.zip: 2 conversations, 4 messages and answers.", "Where to? /export FILE"),
        *("all.zip can't be written: File exists.", "no/where.md can't be written: No such file"),
        "What I keep: What you say to me",
    ):
        assert words in ended.err
    names = {path.name for path in program.home.iterdir()}
    assert not [name for name in names if ".part" in name]


async def test_threads_can_be_made_left_and_come_back_to(program: Program) -> None:
    says = [REX[0], "/new cats", REX[1], "/switch main", REX[1], "/new", "/threads"]
    ended = await program.run("run", says=says)
    assert ["Rex" in line for line in ended.lines] == [False, False, True] or [
        "Rex" in line for line in ended.lines
    ] == [True, False, True]
    assert "* thread-2: nothing said yet" in ended.err


async def test_what_is_forgotten_is_gone_and_the_thread_goes_on(program: Program) -> None:
    ended = await program.run("run", says=[REX[0], "/forget", REX[1], "/forget", "Hello"])
    assert ended.code == 0
    assert len(ended.lines) == 3
    assert "Rex" not in ended.lines[1]


async def test_a_slash_can_be_said(program: Program) -> None:
    ended = await program.run("run", says=["/etc/hosts is a file", "//memory is a word"])
    assert (ended.code, len(ended.lines)) == (0, 2)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/foo", "There is no command /foo: /help lists what there is."),
        ("/memry", "There is no command /memry: did you mean /memory?"),
        ("/switch nowhere", "There is no thread “nowhere”: /threads lists yours."),
        ("/switch", "Which one?"),
        ("/new main", "There is already a thread “main”: /switch main"),
        ("/new " + "x" * 65, "A thread's name has 1 to 64 characters"),
        ("/export", "Where to?"),
        ("/export mine", "Where to?"),
        ("/export json since 2026-11-01", "Where to?"),
        ("/export /no/such/directory/x.md", "can't be written: No such file or directory."),
        ("/export .", "can't be written"),
    ],
)
async def test_a_command_that_can_not_be_done_is_told_in_one_sentence(
    program: Program, line: str, says: str
) -> None:
    ended = await program.run("run", says=["Hello", line, "Hello again"])
    assert ended.code == 1
    assert len(ended.lines) == 2
    assert says in ended.err
    assert "Traceback" not in ended.err
