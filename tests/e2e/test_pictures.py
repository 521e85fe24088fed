"""The docs show what the program prints and posts today; `make pictures` brings them up to date."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

from tests.e2e.program import ROOT
from tests.pictures.__main__ import made

if TYPE_CHECKING:
    from tests.e2e.program import Program

_EXAMPLE = re.compile(
    r"^\$ printf '%s\\n' '(.+)' '(.+)' \| make -s run 2>/dev/null\n(.+?)```",
    re.DOTALL | re.MULTILINE,
)


_SESSION = re.compile(
    r"^\$ \{ (.+?) \} \| USER=ann CHATBOT_MEMORY=window make -s run 2>&1 \| "
    r"grep -E '(.+)'\n(.+?)```",
    re.DOTALL | re.MULTILINE,
)


async def test_pictures_and_printed_pages_are_up_to_date() -> None:
    for file, text in (await made()).items():
        assert file.read_text(encoding="utf-8") == text, f"run make pictures: {file.name}"


async def test_the_example_in_the_readme_is_what_the_program_prints(program: Program) -> None:
    found = _EXAMPLE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    ended = await program.run("run", says=[found[1], found[2]])
    assert ended.lines == found[3].splitlines()


async def test_the_readme_shows_what_recall_and_pins_print(program: Program) -> None:
    found = _SESSION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    shell = await asyncio.create_subprocess_exec("sh", "-c", found[1], stdout=PIPE)
    said, _ = await shell.communicate()
    program.settings |= {"USER": "ann", "CHATBOT_MEMORY": "window"}
    ended = await program.run("run", says=said)
    printed = [
        line for line in (*ended.lines, *ended.err.splitlines()) if re.search(found[2], line)
    ]
    assert sorted(printed) == sorted(found[3].splitlines())
