"""Make docs/pictures and the drawing of the rooms: `python -m tests.pictures`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.program import ROOT
from tests.pictures import discord, rooms, slack, terminal

FOLDER = ROOT / "docs" / "pictures"


async def made() -> dict[str, str]:
    """Return the pictures by their files' names."""
    with tempfile.TemporaryDirectory() as home:
        talked = await terminal.talked(Path(home))
    with tempfile.TemporaryDirectory() as home:
        looked = await terminal.examined(Path(home))
    return {
        "terminal.svg": terminal.drawn("make run", talked, "A conversation in a terminal").svg(),
        "doctor.svg": terminal.drawn(
            "chatbot doctor", looked, "What chatbot doctor finds, and how to fix it"
        ).svg(),
        "slack.svg": (await slack.drawn()).svg(),
        "discord.svg": (await discord.drawn()).svg(),
    }


def main() -> None:
    """Write all pictures, and name the files that changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {FOLDER / name: picture for name, picture in asyncio.run(made()).items()}
    files[rooms.ARCHITECTURE] = rooms.renewed(rooms.ARCHITECTURE.read_text(encoding="utf-8"))
    for file, text in files.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)} changed\n")


if __name__ == "__main__":
    main()
