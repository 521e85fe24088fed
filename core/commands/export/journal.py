"""What an interrupted export has written, so that the same call goes on from there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from core.domain.message import ThreadKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from core.store.port import Store

_VERSION = 1
"""The version of journals; one of another version is not continued."""
_BATCH = 100
"""Conversations whose revisions are asked for at once."""


class Written(NamedTuple):
    """What still stands of an earlier export."""

    threads: frozenset[str] = frozenset()
    """The conversations that are written."""
    sizes: tuple[int, ...] = ()
    """How many bytes of each document hold them; empty if nothing stands."""
    journal: int = 0
    """How many bytes of the journal do."""


class _Line(NamedTuple):
    thread: str
    revision: str
    sizes: tuple[int, ...]
    end: int
    """Where the line ends in the journal."""


def first_line(request: str) -> str:
    """Return the line with which the journal of this request begins."""
    return json.dumps({"version": _VERSION, "request": request}) + "\n"


def line_for(thread: ThreadKey, revision: str, sizes: Sequence[int]) -> str:
    """Return the line of a conversation that is written, as of this revision."""
    return json.dumps([str(thread), revision, list(sizes)]) + "\n"


async def written(path: Path, request: str, documents: Sequence[Path], store: Store) -> Written:
    """Return what stands of an earlier export of this request.

    A conversation stands if it was not edited, reset or erased since, and so do all before it.

    Raises:
        OSError: The journal can't be read.
        StoreError: The store can't be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Written()
    with file:
        if file.readline() != first_line(request).encode():
            return Written()
        most = [document.stat().st_size if document.exists() else 0 for document in documents]
        last: _Line | None = None
        threads: set[str] = set()
        async for line in _standing(file, store):
            if len(line.sizes) != len(most) or any(map(int.__gt__, line.sizes, most)):
                break
            threads.add(line.thread)
            last = line
    return Written(frozenset(threads), last.sizes, last.end) if last else Written()


async def _standing(file: BinaryIO, store: Store) -> AsyncIterator[_Line]:
    """Yield the lines up to the first whose conversation has changed since."""
    while lines := _batch(file):
        revisions = await store.revisions([ThreadKey.parse(line.thread) for line in lines])
        for line, revision in zip(lines, revisions, strict=True):
            if line.revision != revision:
                return
            yield line


def _batch(file: BinaryIO) -> list[_Line]:
    lines: list[_Line] = []
    while len(lines) < _BATCH and (text := file.readline()):
        line = _line_in(text, file.tell())
        if line is None:
            file.seek(0, os.SEEK_END)
            break
        lines.append(line)
    return lines


def _line_in(text: bytes, end: int) -> _Line | None:
    """Return a line of the journal; None if its writing was interrupted."""
    try:
        thread, revision, sizes = json.loads(text)
        ThreadKey.parse(thread)
        return _Line(thread, revision, tuple(map(int, sizes)), end)
    except (TypeError, ValueError, AttributeError):
        return None
