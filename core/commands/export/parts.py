"""Exports that a platform takes: as they are, else compressed, else compressed in parts.

Each part holds whole lines and is compressed by itself, so it can be read alone; concatenated, the
parts form one compressed file (RFC 1952, 2.2). No file is held in memory as a whole.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

from core.domain.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

_CHUNK = 64 * 1024
_OVERHEAD = 64
_GZIP = 31
"""zlib's window bits for a gzip file with the largest window."""
_TOO_LONG = (
    "This export is too long to be sent here. Ask for less: one conversation, or some days "
    "(`since 2026-11-01`). The person who runs me can export it with “chatbot export”."
)


class TooLongError(PlatformError):
    """A file is too long to be sent, even in parts; the text is for the person who asked."""


def split_file(file: Path, limit: int, most: int) -> list[Path]:
    """Return files of at most `limit` bytes with the content of `file`, in the same folder.

    Those of a ZIP are its documents, or parts of them: a ZIP in parts can't be opened.

    Raises:
        TooLongError: They would be more than `most` files.
        OSError: They can't be written.
    """
    if file.stat().st_size <= limit:
        return [file]
    if file.suffix != ".zip":
        return _compressed(file, limit, most)
    found: list[Path] = []
    for document in _unpacked(file):
        found += _compressed(document, limit, most - len(found))
    return found


def about_parts(parts: Sequence[Path]) -> str:
    """Return a sentence on files that a file came in; empty if it came as it is."""
    if len(parts) == 1:
        return " It is compressed, because it is large." if parts[0].suffix == ".gz" else ""
    return (
        f" It is too large for one file here, so it comes in {len(parts)}. Each is compressed by "
        "itself and opens alone."
    )


def _unpacked(file: Path) -> list[Path]:
    """Write the documents of a ZIP beside it."""
    found: list[Path] = []
    with zipfile.ZipFile(file) as packed:
        for about in packed.infolist():
            path = file.with_suffix(f".{about.filename.rpartition('.')[2]}")
            with packed.open(about) as source, path.open("xb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            found.append(path)
    return found


def _compressed(file: Path, limit: int, most: int) -> list[Path]:
    whole = file.with_name(f"{file.name}.gz")
    with file.open("rb") as source, gzip.open(whole, "wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
    if whole.stat().st_size <= limit and most > 0:
        return [whole]
    whole.unlink()
    found: list[Path] = []
    with file.open("rb") as source:
        chunks = _chunks_of_lines(source, limit)
        ahead = next(chunks, b"")
        while ahead:
            if len(found) >= most:
                raise TooLongError(_TOO_LONG)
            part = file.with_name(f"{file.stem}.{len(found) + 1}{file.suffix}.gz")
            ahead = _fill(part, ahead, chunks, limit)
            found.append(part)
    return found


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
