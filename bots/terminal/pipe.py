"""A terminal for programs: a line in, a line out.

stdout carries replies and nothing else, one line each; everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from bots.terminal.commands import SEE_MEMORY, Slash, command_in, said_in
from bots.terminal.outside import outside
from bots.terminal.stdin import LIMIT, StdinLines
from bots.terminal.text import inert, one_line
from core.domain.session import AnswerKind
from core.turn.notices import SCISSORS, TRIM_MEANING

if TYPE_CHECKING:
    from bots.terminal.session import TerminalSession
    from bots.terminal.stdin import Line
    from core.domain.session import Answer, Entry


class PipeScreen:
    """Writes replies to one descriptor and explanations to stderr."""

    def __init__(self, descriptor: int) -> None:
        """Write replies to this descriptor."""
        self._descriptor = descriptor
        self.closed = asyncio.Event()
        """Nobody reads the replies any more."""

    async def entry(self, entry: Entry) -> None:
        """Leave out what others say: the pipe has the answers to its own lines."""

    async def answer(self, answer: Answer, *, mine: bool) -> None:
        """Write an answer as one line; a notice is an explanation."""
        if not mine:
            return
        if answer.kind is AnswerKind.ANSWER:
            await self._write(one_line(answer.text) + (f" {SCISSORS}" if answer.trimmed else ""))
        else:
            await self.tell(*answer.text.splitlines())
        if answer.explain_trim:
            await self.tell(f"{TRIM_MEANING} {SEE_MEMORY}")
        await self.tell(*answer.notes)

    async def preview(self, text: str) -> None:
        """Leave out what is not the whole answer."""

    async def working(self, *, working: bool) -> None:
        """Show nothing."""

    async def tell(self, *lines: str) -> None:
        """Write explanations to stderr."""
        for line in lines:
            print(inert(line), file=sys.stderr)  # noqa: T201 - stderr is what explanations are for

    async def _write(self, line: str) -> None:
        data = f"{line}\n".encode()
        try:
            await outside(lambda: _write_all(self._descriptor, data))
        except OSError:
            self.closed.set()  # the answer stays in the log


async def serve_pipe(seat: TerminalSession, screen: PipeScreen, lines: StdinLines) -> None:
    """Say each line, and read the next when its answer is out; end with the input."""
    conversation = asyncio.create_task(_converse(seat, lines))
    closed = asyncio.create_task(screen.closed.wait())
    try:
        await asyncio.wait({conversation, closed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        closed.cancel()
        if not conversation.done():
            conversation.cancel()
        await asyncio.wait({conversation, closed})
    if not conversation.cancelled():
        conversation.result()


async def _converse(seat: TerminalSession, lines: StdinLines) -> None:
    await seat.finish_interrupted()
    slash = Slash(seat)
    mended = False
    while (line := await lines.read()) is not None:
        if line.mended and not mended:
            mended = True
            await seat.screen.tell(
                "The input is not all UTF-8; what is wrong is replaced by “\ufffd”."
            )
        if not await _take(line, seat, slash):
            return


async def _take(line: Line, seat: TerminalSession, slash: Slash) -> bool:
    """Do what one line says; tell whether to go on."""
    if line.too_long:
        await seat.complain(
            f"A line was longer than {LIMIT // 1024} KB, the most that a message may have; "
            "it was left out."
        )
        return True
    if not line.text.strip():
        return True
    command = command_in(line.text)
    if command is not None:
        return await slash.run(*command)
    await seat.say(said_in(line.text))
    return True


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
