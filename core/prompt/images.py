"""What an image says of itself in its first bytes: its type and its size. Pure, and never raises.

Only what Claude takes is known here. Nothing is decoded: that's left to who has to see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.models.port import ImageType

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels; (0, 0) where they can't be told."""

_NOWHERE: Final = (0, 0)
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_RIFF, _WEBP = b"RIFF", b"WEBP"
_WEBP_HEAD = 25
"""Bytes that even the shortest of WebP's forms has."""
_MARKER = 0xFF
_SEGMENTS = 1_000
"""More segments than photos have before their size, since anybody can make a file."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's segments that hold the size."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG's markers that nothing belongs to."""


def image_type(data: bytes) -> ImageType | None:
    """Return which of the known types the bytes are; None for none."""
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(_JPEG):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "image/webp"
    return None


def dimensions(data: bytes, media_type: ImageType) -> Size:
    """Return the size that an image of this type claims to have."""
    width, height = _READERS[media_type](data)
    return (width, height) if width and height else _NOWHERE


def _png(data: bytes) -> Size:
    if data[12:16] != b"IHDR":
        return _NOWHERE
    return _big(data[16:20]), _big(data[20:24])


def _gif(data: bytes) -> Size:
    return _little(data[6:8]), _little(data[8:10])


def _jpeg(data: bytes) -> Size:
    at = 2
    for _ in range(_SEGMENTS):
        if at + 9 > len(data) or data[at] != _MARKER:
            break
        marker = data[at + 1]
        if marker in _FRAMES:
            return _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7])
        if marker == _MARKER:  # a byte that only fills
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + max(2, _big(data[at + 2 : at + 4]))
    return _NOWHERE


def _webp(data: bytes) -> Size:
    form = data[12:16] if len(data) >= _WEBP_HEAD else b""
    if form == b"VP8X":
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if form == b"VP8L" and data[20:21] == b"\x2f":
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return _NOWHERE


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_READERS: dict[ImageType, Callable[[bytes], Size]] = {
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
