"""The loop for a person at a keyboard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from bots.terminal.commands import Slash, command_in, said_in

if TYPE_CHECKING:
    from pathlib import Path

    from prompt_toolkit.history import History

    from bots.terminal.screen import TtyScreen
    from bots.terminal.session import TerminalSession

_WATCH_SECONDS = 0.5


class InterruptError(Exception):
    """The person pressed Ctrl-C."""


async def serve_prompt(seat: TerminalSession, screen: TtyScreen, data: Path) -> None:
    """Ask for a line, say it, show the answer; until the person leaves.

    Raises `InterruptError` for Ctrl-C.
    """
    session: PromptSession[str] = PromptSession(history=_history(data))
    await seat.finish_interrupted()
    slash = Slash(seat)
    watch = asyncio.create_task(seat.watch(_WATCH_SECONDS))
    try:
        while True:
            line = await _ask(session, screen, f"{seat.thread.thread}> ")
            if line is None or not await _take(line, seat, slash):
                return
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _ask(session: PromptSession[str], screen: TtyScreen, prompt: str) -> str | None:
    """Return the line that was typed; None at the end of the input."""
    screen.above = run_in_terminal
    try:
        with patch_stdout(raw=True):  # for logs; what the screen shows goes its own way
            return await session.prompt_async(prompt, handle_sigint=False)
    except EOFError:
        return None
    except KeyboardInterrupt:  # as it is, it would end the event loop at once
        raise InterruptError from None
    finally:
        screen.above = None


async def _take(line: str, seat: TerminalSession, slash: Slash) -> bool:
    """Do what the line says; tell whether to go on."""
    if not line.strip():
        return True
    command = command_in(line)
    if command is not None:
        return await slash.run(*command)
    await seat.screen.working(working=True)
    await seat.say(said_in(line))
    return True


def _history(data: Path) -> History:
    """Return the lines typed so far, kept where only the user can read them."""
    path = data / "history"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
