"""Files that the bot sends: as they are if they fit, else compressed, else compressed in parts.

Each part holds whole lines and is compressed by itself, so it can be read alone; concatenated, the
parts form one compressed file (RFC 1952, 2.2). No file is held in memory as a whole.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import discord

from core.domain.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

MOST_PARTS = 10
"""Files of one message (docs: resources/message, "Create Message")."""
DEFAULT_LIMIT = 10 * 2**20
"""Bytes of a file if Discord states no other limit (docs: reference, "Uploading Files")."""
_CHUNK = 64 * 1024
_OVERHEAD = 64
_GZIP = 31
"""zlib's window bits for a gzip file with the largest window."""


class TooLongError(PlatformError):
    """A file is too long for one message, even in parts; the text is for the person who asked."""


def parts_of(file: Path, limit: int) -> list[Path]:
    """Return files of at most `limit` bytes with the content of `file`, in the same folder.

    Raises:
        TooLongError: One message can't hold them.
        OSError: They can't be written.
    """
    if file.stat().st_size <= limit:
        return [file]
    whole = file.with_name(f"{file.name}.gz")
    with file.open("rb") as source, gzip.open(whole, "wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    if whole.stat().st_size <= limit:
        return [whole]
    whole.unlink()
    found: list[Path] = []
    with file.open("rb") as source:
        chunks = _chunks_of_lines(source, limit)
        ahead = next(chunks, b"")
        while ahead:
            if len(found) == MOST_PARTS:
                raise TooLongError(
                    "This conversation is too long to be sent here. The person who runs me can "
                    "export it with “chatbot export”."
                )
            part = file.with_name(f"{file.stem}.{len(found) + 1}{file.suffix}.gz")
            ahead = _fill(part, ahead, chunks, limit)
            found.append(part)
    return found


@contextmanager
def opened(files: Sequence[Path]) -> Iterator[list[discord.File]]:
    """Open files to be sent; they are read during the upload."""
    with ExitStack() as stack:
        found = []
        for file in files:
            found.append(discord.File(file))
            stack.callback(found[-1].close)
        yield found


def _chunks_of_lines(source: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield whole lines, several at a time; a line that is too long for that in pieces."""
    most = min(_CHUNK, limit // 4)
    while lines := b"".join(source.readlines(most)):
        step = most if len(lines) > limit // 2 else len(lines)
        for start in range(0, len(lines), step):
            yield lines[start : start + step]


def _fill(part: Path, ahead: bytes, chunks: Iterator[bytes], limit: int) -> bytes:
    """Write as many chunks into a part as fit; return the first that does not."""
    packer = zlib.compressobj(wbits=_GZIP)
    with part.open("wb") as target:
        while ahead:
            # Incompressible data grows by five bytes in 16,383 (zlib's technical details).
            bound = len(ahead) + len(ahead) // 1000 + _OVERHEAD
            if target.tell() and target.tell() + bound > limit:
                break
            target.write(packer.compress(ahead) + packer.flush(zlib.Z_SYNC_FLUSH))
            ahead = next(chunks, b"")
        target.write(packer.flush())
    return ahead
