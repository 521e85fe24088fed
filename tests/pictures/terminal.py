"""The terminal: the real program on a pseudo-terminal, and what stood on the screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bots.slack.setup.manifest import manifest
from tests.e2e.keyboard import Keyboard
from tests.e2e.program import ROOT, Program
from tests.fakes.slack import FakeSlack
from tests.pictures.drawing import WIDTH, Drawing, wrapped
from tests.pictures.scene import BEGAN, ENVIRONMENT
from tests.pictures.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

_SAID = (
    "Our offsite is in Lisbon, from 12 to 14 May.",
    "Ben books the flights.",
    "Where is our offsite?",
)
_LATER = f"""\
import time
now, off = time.time, {BEGAN} - time.time()
time.time = lambda: now() + off
"""
"""Lets Python's clock begin at the same time whenever it starts: a weekday's name has tokens."""
_COLUMNS = 90


async def talked(home: Path) -> list[tuple[str, bool]]:
    """Talk to the program in its terminal; return what stood there."""
    program = Program(home)
    (home / "sitecustomize.py").write_text(_LATER)
    program.settings = {
        "CHATBOT_TIMEZONE": "UTC",
        "CHATBOT_USER": "ann",
        "PYTHONPATH": f"{home}{os.pathsep}{ROOT}",
        **ENVIRONMENT,
    }
    async with Keyboard(program, "run") as person:
        for line in _SAID:
            await person.type(line)
            await person.shows("bot> ")
        await person.shows("main>")
        await person.type("/memory")
        await person.shows("word for word")
        await person.shows("main>")
        screen = Screen()
        screen.write(person._seen)
    shown = [(line.replace(str(home), "~"), dim) for line, dim in screen.lines()]
    return shown[:-1] if shown and shown[-1][0].startswith("main>") else shown


async def examined(home: Path) -> list[tuple[str, bool]]:
    """Let the doctor look at a workspace in which one scope is missing; return what it says."""
    program = Program(home)
    async with FakeSlack() as slack:
        slack.configure(manifest("socket"))
        slack.channel("general", slack.person("ann"))
        slack.install.scopes.discard("files:read")
        program.settings = {
            "CHATBOT_SLACK_BASE_URL": slack.api_url,
            "CHATBOT_STORE": "sqlite:///chat.db",
            **ENVIRONMENT,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_BOT_TOKEN": slack.bot_token,
        }
        ended = await program.run("doctor")
    return [(line, False) for line in ended.lines]


async def helped(home: Path) -> str:
    """Return what /help shows, as a block of a page."""
    ended = await Program(home).run("run", says=["/help"])
    lines = [line for line in ended.err.splitlines() if line.startswith("/")]
    return "\n".join(["```", *lines, "```"])


def drawn(command: str, shown: list[tuple[str, bool]], label: str) -> Drawing:
    """Draw what stood on a screen."""
    drawing = Drawing(label)
    drawing.box(0.5, WIDTH - 1, 32, "bar", down=0.5, round_=8)
    for index in range(3):
        drawing.box(16 + 20 * index, 12, 12, "button", down=10, round_=6)
    drawing.y = 48
    drawing.lines(20, f"$ {command}", "ink", "mono", step=8)
    for line, dim in shown:
        for part in wrapped(line, _COLUMNS):
            drawing.y += 18
            if part:
                drawing.text(20, part, "dim" if dim else "ink", "mono")
    return drawing
