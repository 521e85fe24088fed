"""How many pages a PDF has, found without a parser. Pure. It never raises.

The pages decide what a PDF costs. They are counted in its plain objects and in the compressed ones
of newer files. A parser would be a larger risk, since anyone can send a file.
"""

from __future__ import annotations

import re
import zlib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = 1024
"""Bytes that may precede the first line of a PDF."""
_PAGE = re.compile(rb"/Type\s{0,9}/Page(?![A-Za-z])")
_TREE = re.compile(rb"/Type\s{0,9}/Pages(?![A-Za-z])")
_PACKED = re.compile(rb"/Type\s{0,9}/ObjStm\b")
_STREAM = re.compile(rb"\bstream\r?\n")
_COUNT = re.compile(rb"/Count\s{1,9}(\d{1,7})")
_LINEAR = re.compile(rb"/Linearized\b[^>]{0,200}?/N\s{1,9}(\d{1,7})")
_LOCKED = re.compile(rb"/Encrypt\s{0,9}(?:\d{1,9}\s{1,9}\d{1,9}\s{1,9}R|<<)")
_BEFORE, _BEHIND = 2_000, 64_000
"""Bytes before and after a page tree's `/Type` that are searched for the rest of the node."""
_BEGINS = 400
"""Bytes within which the content of compressed objects begins."""
_CONTENT = 256 * 1024
"""Compressed bytes of one stream that are read; most streams have a few thousand."""
_LOOKS = 2_000
"""The most nodes and streams that are read, so that no file takes forever."""
_UNPACKED = 16 * 1024 * 1024
"""The most bytes that are decompressed: a small file may expand to a huge one."""


def is_pdf(data: bytes) -> bool:
    """Return whether the bytes are a PDF, and not a text that mentions one."""
    at = data.find(b"%PDF-", 0, _HEAD)
    return at == 0 or (at > 0 and b"%%EOF" in data[-_HEAD:])


def is_whole(data: bytes) -> bool:
    """Return whether its end is there; a model refuses a PDF that was cut off."""
    return b"%%EOF" in data


def is_locked(data: bytes) -> bool:
    """Return whether it is encrypted, even if it opens without a password."""
    return _LOCKED.search(data) is not None


def pages_of(data: bytes) -> int:
    """Return how many pages it has, rather too many than too few; 0 if that is unknown."""
    linear = _LINEAR.search(data, 0, _HEAD)
    pages = _pages_in([data]) or _pages_in(_unpacked(data))
    return max(pages, int(linear[1]) if linear else 0)


def _pages_in(parts: list[bytes] | Iterator[bytes]) -> int:
    pages = counted = 0
    for part in parts:
        pages += sum(1 for _ in _PAGE.finditer(part))
        trees = islice(_TREE.finditer(part), _LOOKS)
        counts = (_count_at(part, tree.start()) for tree in trees)
        counted = max(counted, *counts, 0)
    return max(pages, counted)


def _count_at(data: bytes, at: int) -> int:
    """Return the pages below a node of the page tree."""
    start = max(data.rfind(b"<<", max(0, at - _BEFORE), at), 0)
    end = data.find(b">>", at, at + _BEHIND)
    found = _COUNT.search(data, start, end if end > 0 else at)
    return int(found[1]) if found else 0


def _unpacked(data: bytes) -> Iterator[bytes]:
    room = _UNPACKED
    view = memoryview(data)
    for packed in islice(_PACKED.finditer(data), _LOOKS):
        begin = _STREAM.search(data, packed.end(), packed.end() + _BEGINS)
        if begin is None:
            continue
        content = view[begin.end() : begin.end() + _CONTENT]
        try:
            part = zlib.decompressobj().decompress(content, room)
        except zlib.error:
            continue
        yield part
        room -= len(part)
        if room <= 0:
            return
