"""What the fake of the Claude API says to images and PDFs: as strict as the real one."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

IMAGE_BASE64 = 5 * 2**20
"""Anthropic/claude-code issue 10612: the limit is on the base64, and the message names it."""
PAGES = 100
MANY_IMAGES = 20
"""Documentation of vision: beyond this many, each may have 2,000 pixels a side only."""
_MAGIC = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
    "application/pdf": b"%PDF-",
}
_KEYS = {
    "image": {"type", "source", "cache_control", "transformations"},
    "document": {"type", "source", "cache_control", "citations", "context", "title"},
}
_TYPES = {
    "image": {"image/png", "image/jpeg", "image/gif", "image/webp"},
    "document": {"application/pdf"},
}


class MediaError(Exception):
    """What is wrong with a block."""


def check(block: Json, role: str) -> None:
    """Raise `MediaError` for what the API refuses in one block."""
    kind = block["type"]
    if role != "user":
        raise MediaError(f"messages: {role} messages may not have {kind} blocks")
    if not block.keys() <= _KEYS[kind]:
        raise MediaError(f"{kind}: Extra inputs are not permitted: {sorted(block)}")
    source = block.get("source")
    if not isinstance(source, dict) or source.keys() != {"type", "media_type", "data"}:
        raise MediaError(f"{kind}.source: must have a type, media_type and data, and only these")
    if source["type"] != "base64" or source["media_type"] not in _TYPES[kind]:
        raise MediaError(f"{kind}.source.media_type: Input should be one of {_TYPES[kind]}")
    data = data_of(block)
    if not data.startswith(_MAGIC[source["media_type"]]):
        raise MediaError(f"The {kind} does not appear to be a {source['media_type']}")
    if kind == "image":
        _check_image(source["data"], data)
    else:
        _check_document(block, data)


def check_all(blocks: Iterable[Json]) -> None:
    """Raise `MediaError` for what the API refuses in all blocks together."""
    media = [block for block in blocks if block["type"] in _KEYS]
    images = [data_of(block) for block in media if block["type"] == "image"]
    if len(images) > MANY_IMAGES and any(max(_size(data)) > 2_000 for data in images):
        raise MediaError("image dimensions exceed max allowed size for many-image requests")
    pages = sum(data_of(b).count(b"/Type /Page ") for b in media if b["type"] == "document")
    if pages > PAGES:
        raise MediaError(f"A maximum of {PAGES} PDF pages may be provided.")


def tokens_of(block: Json) -> int:
    """Return what a block costs: patches of 28 pixels, or a page's text and picture."""
    data = data_of(block)
    if block["type"] == "document":
        return 2_300 * max(1, data.count(b"/Type /Page "))
    width, height = _size(data)
    for shown in range(min(width, 2_576 * width // max(width, height)), 0, -1):
        patches = -(-shown // 28) * -(-(shown * height // width or 1) // 28)
        if patches <= 4_784:
            return patches
    return 1


def data_of(block: Json) -> bytes:
    """Return the bytes of a block."""
    try:
        return base64.b64decode(block["source"]["data"], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MediaError("source.base64.data: invalid base64 data") from error


def _check_image(encoded: str, data: bytes) -> None:
    if len(encoded) > IMAGE_BASE64:
        raise MediaError(
            f"image.source.base64: image exceeds 5 MB maximum: {len(encoded)} bytes > "
            f"{IMAGE_BASE64} bytes"
        )
    if max(_size(data)) > 8_000:
        raise MediaError(
            "At least one of the image dimensions exceed max allowed size: 8000 pixels"
        )
    if data.startswith(_MAGIC["image/png"]) and b"IEND" not in data[-12:]:
        raise MediaError("Could not process image")


def _check_document(block: Json, data: bytes) -> None:
    if b"/Encrypt" in data:
        raise MediaError("The PDF specified is password protected.")
    if b"%%EOF" not in data[-1024:]:
        raise MediaError("The PDF specified was not valid.")
    title = block.get("title", "a title")
    if not isinstance(title, str) or not 1 <= len(title) <= 500:
        raise MediaError("document.title: should have 1 to 500 characters")


def _size(data: bytes) -> tuple[int, int]:
    """Return the pixels of a PNG; of other images, what is never too many."""
    if data.startswith(_MAGIC["image/png"]):
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return 1, 1
