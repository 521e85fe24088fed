"""What a service or a container may lack: an open stream, room on the disk, UTF-8."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import PATIENCE, REX, Ended, Program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
FULL = "No space left on device"


async def shell(program: Program, script: str, says: bytes = b"hello\n") -> Ended:
    """Run a line of a shell in which `chatbot` is the program."""
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        script.replace("chatbot", f"{sys.executable} -m bots"),
        env=program.environment,
        cwd=program.home,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate(says)
    assert process.returncode is not None
    return Ended(process.returncode, out, err.decode())


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store in which something was said."""
    program = on_sqlite(Program(tmp_path_factory.mktemp("talked")))
    ended = asyncio.run(program.run("chat", says=["Grüße 😀 und ✂️", *REX]))
    assert ended.code == 0, ended
    return program.home


@pytest.fixture
def talked(program: Program, conversation: Path) -> Program:
    for file in conversation.glob("chat.db*"):
        shutil.copy(file, program.home)
    return on_sqlite(program)


def on_sqlite(program: Program) -> Program:
    """Let a program keep everything in its home."""
    program.settings["CHATBOT_STORE"] = f"sqlite:///{program.home}/chat.db"
    return program


def told(ended: Ended) -> str:
    """Return what the program says last; fail if it shows a trace."""
    assert "Traceback" not in ended.err
    return ended.err.splitlines()[-1] if ended.err else ""


async def test_a_closed_stdin(talked: Program) -> None:
    ended = await shell(talked, "chatbot chat <&-")
    assert (ended.code, ended.out) == (2, b"")
    assert told(ended).startswith("chatbot: stdin is closed, so there is nothing to read")
    assert (await shell(talked, "chatbot stats <&-")).code == 0


@pytest.mark.parametrize("command", ["chat", "run", "stats", "doctor", "export main", "--help"])
async def test_a_closed_stdout(talked: Program, command: str) -> None:
    ended = await shell(talked, f"chatbot {command} >&-")
    assert ended.code == 2
    assert told(ended).startswith("chatbot: stdout is closed, so nothing can be written")


async def test_an_export_to_a_file_needs_no_stdout(talked: Program) -> None:
    ended = await shell(talked, "chatbot export main out.md >&- <&-")
    assert ended.code == 0, ended
    assert "Grüße 😀" in (talked.home / "out.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
async def test_without_stderr_answers_still_come(talked: Program, stderr: str) -> None:
    ended = await shell(talked, f"chatbot chat {stderr}", b"What is my dog called?\n")
    assert ended.code == 0
    (line,) = ended.lines
    assert "Rex" in line


@pytest.mark.parametrize(
    "command", ["chat", "export main", "export --json main", "stats", "doctor", "--version"]
)
async def test_a_full_stdout(talked: Program, command: str) -> None:
    ended = await shell(talked, f"chatbot {command} >/dev/full")
    assert ended.code == 1
    assert f"chatbot: stdout can't be written: {FULL}" in told(ended)


async def test_a_reader_that_has_enough(talked: Program) -> None:
    ended = await shell(talked, "chatbot export main | head -1")
    assert ended.code == 0
    assert ended.out.startswith(b"# terminal:")
    assert told(ended) == ""


@pytest.mark.parametrize("name", ["~nobody-there/x", "x/y.md"])
async def test_a_file_that_can_not_be_made(talked: Program, name: str) -> None:
    ended = await shell(talked, f"chatbot export main '{name}'")
    assert ended.code == 1
    assert told(ended).startswith("chatbot: ")


@pytest.mark.parametrize(
    "locale",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "POSIX"}],
)
@pytest.mark.parametrize("command", ["export main", "export --json main", "buried", "stats"])
async def test_programs_get_utf_8_in_any_locale(
    talked: Program, locale: dict[str, str], command: str
) -> None:
    talked.settings |= {**locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = await shell(talked, f"chatbot {command}")
    assert ended.code == 0, ended
    told(ended)
    if "export" in command:
        assert "Grüße 😀 und ✂️" in ended.out.decode()
