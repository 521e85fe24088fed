"""The docs show what the program prints and posts today; `make pictures` brings them up to date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.program import ROOT
from tests.pictures.__main__ import made

if TYPE_CHECKING:
    from tests.e2e.program import Program

_EXAMPLE = re.compile(
    r"^\$ printf '%s\\n' '(.+)' '(.+)' \| make -s run 2>/dev/null\n(.+?)```",
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
