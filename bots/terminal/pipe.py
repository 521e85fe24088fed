"""A terminal for programs: one line in, one line out.

stdout carries replies and nothing else, one line each; everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bots.terminal.commands import SEE_MEMORY, SlashCommands, parse_command, unescaped
from bots.terminal.text import inert, one_line
from core.domain.session import AnswerKind
from core.turn.notices import SCISSORS, TRIM_MEANING
from core.turn.sources import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bots.terminal.session import TerminalSession
    from core.domain.session import Answer, Entry

Result = TypeVar("Result")

LIMIT = 64 * 1024
"""Bytes of a line to keep; a message may not be longer either."""
_CHUNK = 64 * 1024


class PipeScreen:
    """Writes replies to one descriptor and explanations to stderr."""

    def __init__(self, descriptor: int) -> None:
        """Write replies to this descriptor."""
        self._descriptor = descriptor
        self.closed = asyncio.Event()
        """Nothing more can be written."""
        self.failed = False
        """An answer could not be written, and not because its reader has enough."""

    async def entry(self, entry: Entry) -> None:
        """Ignore what other people say: the pipe gets the answers to its own lines only."""

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
        await self.tell(*map(readable, answer.notes))

    async def preview(self, text: str) -> None:
        """Ignore a preview: only whole answers are written."""

    async def working(self, *, working: bool) -> None:
        """Ignore it."""

    async def tell(self, *lines: str) -> None:
        """Write explanations to stderr."""
        for line in lines:
            print(inert(line), file=sys.stderr)  # noqa: T201 - stderr is what explanations are for

    async def _write(self, line: str) -> None:
        data = f"{line}\n".encode()
        try:
            await _in_daemon_thread(lambda: _write_all(self._descriptor, data))
        except BrokenPipeError:
            self.closed.set()  # the reader has enough, and the log still has the answer
        except OSError as error:
            why = error.strerror or type(error).__name__
            await self.tell(f"chatbot: stdout can't be written: {why}. The answer is saved.")
            self.failed = True
            self.closed.set()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of input."""

    text: str
    too_long: bool = False
    """It was longer than `LIMIT`, so its text is left out."""
    repaired: bool = False
    """It was not valid UTF-8, so invalid bytes are replaced."""


class PipeLines:
    """Reads lines from a file descriptor, never more than one limit into memory.

    It reads only as far as the line that is asked for.
    """

    def __init__(self, descriptor: int) -> None:
        """Read from this descriptor."""
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._ended = False

    async def read(self) -> Line | None:
        """Return the next line without its line end; None at the end of the input."""
        too_long = False
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            if len(self._buffer) > LIMIT:
                too_long = True
                self._buffer.clear()
            await self._fill()
        if end < 0 and not self._buffer and not too_long:
            return None
        end = len(self._buffer) if end < 0 else end
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if too_long or len(raw.rstrip(b"\r")) > LIMIT:
            return Line("", too_long=True)
        return _decoded(raw.rstrip(b"\r"))

    async def _fill(self) -> None:
        # Not sys.stdin: a thread that waits in it would break the interpreter's shutdown.
        data = await _in_daemon_thread(lambda: os.read(self._descriptor, _CHUNK))
        self._ended = not data
        self._buffer += data


async def serve_pipe(session: TerminalSession, screen: PipeScreen, lines: PipeLines) -> None:
    """Send each line as a message and read the next after its answer, until the input ends."""
    conversation = asyncio.create_task(_converse(session, lines))
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


async def _converse(session: TerminalSession, lines: PipeLines) -> None:
    await session.finish_interrupted()
    commands = SlashCommands(session)
    warned = False
    while (line := await lines.read()) is not None:
        if line.repaired and not warned:
            warned = True
            await session.screen.tell(
                "The input is not all valid UTF-8; I replace invalid bytes with “\ufffd”."
            )
        if not await _take(line, session, commands):
            return


async def _take(line: Line, session: TerminalSession, commands: SlashCommands) -> bool:
    """Do what one line says; return whether to go on."""
    if line.too_long:
        await session.complain(
            f"A line was longer than {LIMIT // 1024} KB, the most a message may have, "
            "so I skipped it."
        )
        return True
    if not line.text.strip():
        return True
    command = parse_command(line.text)
    if command is not None:
        return await commands.run(*command)
    await session.say(unescaped(line.text))
    return True


async def _in_daemon_thread(call: Callable[[], Result]) -> Result:
    """Return what a blocking call returns, without blocking the event loop.

    It runs in a thread that the end of the program does not wait for. asyncio's own threads would
    keep the program alive until someone types a line or reads from the pipe.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def deliver(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # without an error there is one

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001 - raised again in the event loop
            error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            return  # the loop is closed, so no one waits any more

    threading.Thread(target=run, daemon=True).start()
    return await done


def _decoded(raw: bytes) -> Line:
    try:
        return Line(raw.decode())
    except UnicodeDecodeError:
        return Line(raw.decode(errors="replace"), repaired=True)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
