"""What a terminal is sent does nothing but stand there."""

from __future__ import annotations

import os
import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.terminal.commands import parse_command, unescaped
from bots.terminal.liveness import is_abandoned, message_id
from bots.terminal.pipe import LIMIT, Line, PipeLines
from bots.terminal.text import inert, is_name, name_of, one_line


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07", "]0;title"),
        ("a\rb\r\nc", "a\nb\nc"),
        ("\x9b31m", "31m"),
        ("tab\tstays", "tab\tstays"),
        ("ab\u202ecd\u2066", "abcd"),
        ("ä 🐕\u200d🦺 עברית", "ä 🐕\u200d🦺 עברית"),
    ],
)
def test_a_terminal_obeys_nothing_in_a_text(text: str, stands: str) -> None:
    assert inert(text) == stands


@given(st.text())
def test_no_control_is_left(text: str) -> None:
    left = {char for char in inert(text) if unicodedata.category(char) == "Cc"}
    assert left <= {"\n", "\t"}


@given(st.text())
def test_one_line_is_one_line_and_can_be_undone(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    undone = line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
    assert undone == inert(text)


def test_a_name_is_one_line_and_never_empty() -> None:
    assert name_of("Ada\nLovelace\x1b[1m") == "Ada Lovelace[1m"
    assert name_of("\x1b") == "someone"


@pytest.mark.parametrize("name", ["main", "my dog", "größe", "x" * 64])
def test_names_that_a_thread_may_have(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "a\tb", "\x1b", "x" * 65, "a\u2028b"])
def test_names_that_no_thread_may_have(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/help", ("help", "")),
        ("  /Switch  my dog ", ("switch", "my dog")),
        ("/etc/hosts", None),
        ("//help", None),
        ("/", None),
        ("/ help", None),
        ("1/2", None),
    ],
)
def test_what_is_a_command(line: str, command: tuple[str, str] | None) -> None:
    assert parse_command(line) == command


def test_two_slashes_say_one() -> None:
    assert unescaped("//help") == "/help"
    assert unescaped("/etc/hosts") == "/etc/hosts"


async def lines_of(data: bytes) -> list[Line]:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0), os.fdopen(writer, "wb", buffering=0) as end:
        lines = PipeLines(reader)

        def write() -> None:  # beside the reading, as a pipe holds less than a long line
            end.write(data)
            end.close()

        thread = threading.Thread(target=write)
        thread.start()
        found = []
        while (line := await lines.read()) is not None:
            found.append(line)
        thread.join()
    return found


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        ("ä\n🐕".encode(), ["ä", "🐕"]),
    ],
)
async def test_lines_are_read_as_they_stand(data: bytes, texts: list[str]) -> None:
    assert [line.text for line in await lines_of(data)] == texts


async def test_a_line_that_is_no_text_is_mended_and_said_so() -> None:
    assert await lines_of(b"caf\xe9\nok\n") == [Line("caf\ufffd", repaired=True), Line("ok")]


@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT + 7])
@pytest.mark.parametrize("end", [b"", b"\nnext\n"])
async def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read(
    size: int, end: bytes
) -> None:
    found = await lines_of(b"before\n" + b"x" * size + end)
    after = [Line("next")] if end else []
    assert found == [Line("before"), Line("", too_long=True), *after]


async def test_a_line_of_the_greatest_length_is_read() -> None:
    found = await lines_of(b"x" * LIMIT + b"\n")
    assert found == [Line("x" * LIMIT)]


def test_a_message_of_a_process_that_is_gone_is_abandoned() -> None:
    mine = message_id()
    host, pid, _ = mine.split(".")
    assert is_abandoned(mine)  # nothing of this run stands in a thread that is only just opened
    assert not is_abandoned(f"{host}.1.abc")
    assert is_abandoned(f"{host}.999999999.abc")
    assert not is_abandoned(f"elsewhere.{pid}.abc")
    assert not is_abandoned("171234.5678")
