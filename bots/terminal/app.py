"""The terminal: for a person at a keyboard, or for a program at a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from bots.signals import INTERRUPTED
from bots.terminal.pipe import PipeLines, PipeScreen, serve_pipe
from bots.terminal.platform import TerminalPlatform
from bots.terminal.screen import TtyScreen
from bots.terminal.session import TerminalSession

if TYPE_CHECKING:
    from pathlib import Path

    from bots.terminal.session import BotParts

FAILED = 1
"""The exit code if something that was asked for did not happen."""


class Terminal:
    """This process's terminal: its screen, the session at it, and its platform."""

    def __init__(self, parts: BotParts, data: Path | None) -> None:
        """Create it; `data` is the directory that keeps the lines a person typed, if any."""
        interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._data = data
        self._screen = TtyScreen() if interactive else PipeScreen(sys.stdout.fileno())
        self._session = TerminalSession(parts, self._screen)
        self.platform = TerminalPlatform(self._session, previews=interactive)

    @classmethod
    async def open(cls, parts: BotParts, data: Path | None, thread: str) -> Self:
        """Create a terminal that shows a thread: the named one, or the last used if empty.

        Open it before the worker starts, which may finish an interrupted reply at once.
        """
        terminal = cls(parts, data)
        await terminal._session.open(thread)
        return terminal

    async def serve(self) -> int:
        """Serve until the person leaves or the input ends; return the exit code."""
        if isinstance(self._screen, PipeScreen):
            await serve_pipe(self._session, self._screen, PipeLines(sys.stdin.fileno()))
            return FAILED if self._session.failed or self._screen.failed else 0
        # Imported late, since a pipe starts faster without it.
        from bots.terminal.prompt import InterruptError, serve_prompt  # noqa: PLC0415

        try:
            await serve_prompt(self._session, self._screen, self._data)
        except InterruptError:
            return INTERRUPTED
        return 0
