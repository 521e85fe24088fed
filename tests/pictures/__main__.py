"""Make docs/pictures and the drawing of the rooms: `python -m tests.pictures`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.program import ROOT
from tests.pictures import discord, pages, request, rooms, slack, terminal

FOLDER = ROOT / "docs" / "pictures"


async def made() -> dict[Path, str]:
    """Return all that is made, by its files."""
    with tempfile.TemporaryDirectory() as home:
        talked = await terminal.talked(Path(home))
    with tempfile.TemporaryDirectory() as home:
        looked = await terminal.examined(Path(home))
    with tempfile.TemporaryDirectory() as home:
        helped = await terminal.helped(Path(home))
    doctor = "What chatbot doctor finds, and how to fix it"
    drawings = {
        "terminal": terminal.drawn("make run", talked, "A conversation in a terminal"),
        "doctor": terminal.drawn("chatbot doctor", looked, doctor),
        "slack": await slack.drawn(),
        "slack-commands": await slack.commanded(),
        "slack-settings": await slack.configured(),
        "discord": await discord.drawn(),
    }
    found = {FOLDER / f"{name}.svg": drawing.svg() for name, drawing in drawings.items()}
    for page, name, body in (
        (pages.PEOPLE, "help", helped),
        (pages.ARCHITECTURE, "rooms", rooms.drawn()),
        (pages.MEMORY, "request", await request.printed()),
    ):
        found[page] = pages.renewed(page.read_text(encoding="utf-8"), name, body)
    return found


def main() -> None:
    """Write all pictures, and name the files that changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in asyncio.run(made()).items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)} changed\n")


if __name__ == "__main__":
    main()
