"""The loop for a person at a keyboard: prompt, message, answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from bots.terminal.commands import SlashCommands, parse_command, unescaped

if TYPE_CHECKING:
    from pathlib import Path

    from prompt_toolkit.history import History

    from bots.terminal.screen import TtyScreen
    from bots.terminal.session import TerminalSession

_WATCH_SECONDS = 0.5


class InterruptError(Exception):
    """The person pressed Ctrl-C."""


async def serve_prompt(session: TerminalSession, screen: TtyScreen, data: Path | None) -> None:
    """Read a line, send it and show the answer, until the person leaves.

    The directory `data` keeps the lines, if there is one. Raises `InterruptError` for Ctrl-C.
    """
    prompt: PromptSession[str] = PromptSession(history=_history(data))
    await session.finish_interrupted()
    commands = SlashCommands(session)
    watch = asyncio.create_task(session.watch(_WATCH_SECONDS))
    try:
        while True:
            line = await _ask(prompt, screen, f"{session.thread.thread}> ")
            if line is None or not await _take(line, session, commands):
                return
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _ask(prompt: PromptSession[str], screen: TtyScreen, label: str) -> str | None:
    """Return the line that the person typed; None at the end of the input."""
    screen.above = run_in_terminal
    try:
        with patch_stdout(raw=True):  # for the log; the screen writes by `above`
            return await prompt.prompt_async(label, handle_sigint=False)
    except EOFError:
        return None
    except KeyboardInterrupt:  # it would end the event loop at once
        raise InterruptError from None
    finally:
        screen.above = None


async def _take(line: str, session: TerminalSession, commands: SlashCommands) -> bool:
    """Do what a line says; return whether to go on."""
    if not line.strip():
        return True
    command = parse_command(line)
    if command is not None:
        return await commands.run(*command)
    await session.screen.working(working=True)
    await session.say(unescaped(line))
    return True


def _history(data: Path | None) -> History:
    """Return the history of typed lines, in a file that only the user can read."""
    if data is None:
        return InMemoryHistory()
    path = data / "history"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
