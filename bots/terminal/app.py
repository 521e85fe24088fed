"""The terminal, for a person or for a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bots.terminal.pipe import PipeScreen, serve_pipe
from bots.terminal.platform import TerminalPlatform
from bots.terminal.screen import TtyScreen
from bots.terminal.session import TerminalSession
from bots.terminal.stdin import StdinLines

if TYPE_CHECKING:
    from pathlib import Path

    from bots.terminal.session import Bot

FAILED = 1
"""The exit code when something that was asked for did not happen."""
INTERRUPTED = 130
"""The exit code for Ctrl-C, as shells have it."""


class Terminal:
    """One terminal: its platform first, then who sits at it."""

    def __init__(self, data: Path) -> None:
        """Keep the lines that were typed in this directory."""
        self._data = data
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self.platform = TerminalPlatform(previews=self._interactive)
        self._seat: TerminalSession | None = None

    async def open(self, bot: Bot, name: str) -> None:
        """Open a thread, the last used one where the name is empty."""
        screen = TtyScreen() if self._interactive else PipeScreen(sys.stdout.fileno())
        self._seat = self.platform.viewer = TerminalSession(bot, screen)
        await self._seat.open(name)

    async def serve(self) -> int:
        """Serve until the person or the input ends; return the exit code."""
        seat = self._seat
        assert seat is not None  # noqa: S101 - for the type checker: it was opened
        if isinstance(seat.screen, PipeScreen):
            await serve_pipe(seat, seat.screen, StdinLines(sys.stdin.fileno()))
            return FAILED if seat.failed else 0
        return await self._serve_person(seat)

    async def _serve_person(self, seat: TerminalSession) -> int:
        # Here, since a pipe starts faster without.
        from bots.terminal.prompt import InterruptError, serve_prompt  # noqa: PLC0415

        assert isinstance(seat.screen, TtyScreen)  # noqa: S101 - the other kind there is
        try:
            await serve_prompt(seat, seat.screen, self._data)
        except InterruptError:
            return INTERRUPTED
        return 0
