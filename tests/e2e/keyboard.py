"""A person at a keyboard: the real program on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import sys
import termios
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from tests.e2e.program import Program

PATIENCE = 20
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")


def _take_terminal() -> None:
    """Make the pseudo-terminal the one whose Ctrl-C reaches this process."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Keyboard:
    """Types, and reads what stands on the screen."""

    def __init__(self, program: Program, *arguments: str, prompt: str = "main>") -> None:
        """Name what to start; entering the context starts it."""
        self._prompt = prompt
        self._program = program
        self._arguments = arguments
        self._ready = False
        """The prompt was waited for last."""
        self._seen = ""
        self._read = 0
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._master, slave = pty.openpty()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bots",
            *self._arguments,
            env=self._program.environment | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            cwd=self._program.home,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._take)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    @property
    def screen(self) -> str:
        """Return all that was written so far, without what only moves the cursor."""
        return _CONTROL.sub("", self._seen)

    async def type(self, text: str) -> None:
        """Wait for the prompt, type a line, and press Enter."""
        if not self._ready:
            await self.shows(self._prompt)
        os.write(self._master, text.encode())
        await self.shows(text)
        os.write(self._master, b"\r")

    def press(self, key: str) -> None:
        """Press keys as they are."""
        os.write(self._master, key.encode())

    async def shows(self, words: str) -> str:
        """Wait until these words come after what was waited for last; return what led there."""
        async with asyncio.timeout(PATIENCE):
            while (at := self.screen.find(words, self._read)) < 0:
                self._more.clear()
                await self._more.wait()
        self._ready = words == self._prompt
        before, self._read = self._read, at + len(words)
        return self.screen[before : self._read]

    async def ends(self) -> int:
        """Wait for the program's end; return its exit code."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    def _take(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self._seen += data.decode(errors="replace")
        self._more.set()
