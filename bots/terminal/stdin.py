"""Lines from a pipe, one at a time, whatever it holds; never more than one limit in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bots.terminal.outside import outside

LIMIT = 64 * 1024
"""Bytes of a line that are kept; a message may not be longer either."""
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read."""

    text: str
    too_long: bool = False
    """It was longer than `LIMIT`, and is not here."""
    mended: bool = False
    """It was not UTF-8; what was wrong is replaced."""


class StdinLines:
    """Reads the lines of a file descriptor. Reads no further than the line that is asked for."""

    def __init__(self, descriptor: int) -> None:
        """Read from this descriptor."""
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._ended = False

    async def read(self) -> Line | None:
        """Return the next line without its end; None when there is none any more."""
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
        # Not sys.stdin: a thread that waits in it would break the interpreter's end.
        data = await outside(lambda: os.read(self._descriptor, _CHUNK))
        self._ended = not data
        self._buffer += data


def _decoded(raw: bytes) -> Line:
    try:
        return Line(raw.decode())
    except UnicodeDecodeError:
        return Line(raw.decode(errors="replace"), mended=True)
