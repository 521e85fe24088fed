"""Limits on a message and on the files that come with it. Pure."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.message import Message

MESSAGE_BYTES = 64 * 1024
"""The longest text of a message, in UTF-8: about 25,000 tokens, far more than people type.

A DynamoDB item holds 400 KB in all. All stores keep the same limit, so they are interchangeable.
"""
ATTACHMENTS = 20
"""The most files in a message; the clients of Slack and Discord send 10 at a time."""
QUOTES = 40
"""The most quotes in a message; Discord shows 10 embeds, and Slack allows 100 attachments."""
QUOTE_BYTES = 16 * 1024
"""The longest text of a quote, in UTF-8: far more than an embed of Discord (6,000 characters)."""
QUOTES_BYTES = MESSAGE_BYTES
"""The texts of all quotes of a message together, in UTF-8."""
LABEL = 200
"""The most characters of the name or the place that a quote has."""

UNREAD = "I could not read that message. Please write it as text, or send it as a file."

FILE_BYTES = 20 * 1024 * 1024
"""The largest file that is fetched.

Claude accepts requests of 32 MB, and base64 turns 3 bytes into 4: this leaves room for text.
"""
REQUEST_FILE_BYTES = FILE_BYTES
"""Bytes of images and PDFs in one request, including those of earlier turns."""
IMAGE_BYTES = 5 * 1024 * 1024 // 4 * 3
"""The largest image: the API accepts 5 MB of base64. (By now 10 MB, but not on every platform.)"""
IMAGE_PIXELS = 8_000
"""The longest side of an image that the API accepts, in requests of at most `IMAGES` images."""
IMAGE_SCALED_PIXELS = 2_576
"""The longest side of the copy of an image that is too large.

Models from Claude Opus 4.7 on see no more, and older ones 1,568: the API scales larger images down
itself (Anthropic's documentation, "Vision").
"""
IMAGE_DECODED_PIXELS = IMAGE_PIXELS * IMAGE_PIXELS
"""Pixels of the largest image that is shown, or scaled down if its format takes little memory."""
IMAGE_DECODED_BYTES = 256 * 1024 * 1024
"""Memory that scaling an image down may take."""
IMAGES = 20
"""Images in one request: with more, the API accepts only images of 2,000 pixels a side."""
TEXT_FILE_BYTES = 128 * 1024
"""How much of a text file is shown, in UTF-8: about 50,000 tokens, mostly read from the cache."""
FETCHES = 60
"""Files that one turn fetches, the newest first; more would not fit in a request."""
FETCHES_AT_ONCE = 8
"""In the whole process, since each download may hold `FILE_BYTES` in memory for a moment."""
BACKGROUND_FETCHES = 2
"""Those of them that files may take which are only read for an index."""
READS_AT_ONCE = 1
"""In the whole process, since scaling an image down may take `IMAGE_DECODED_BYTES`."""
FETCH_SECONDS = 20.0
"""For all files of a turn together: those not fetched by then are only named in the prompt."""
FILE_CACHE_BYTES = 64 * 1024 * 1024
FILE_CACHE_SECONDS = 3600.0
"""How long an unused file stays cached: what people deleted must not remain in memory."""
FILE_CHECK_SECONDS = 60.0
"""How long a file is cached, or shown, without checking that its thread still has it.

After that time, no process has a file in memory that another process has removed; see SECURITY.md.
"""


_KILO = 1024
_SMALL = 10
_NEAR = 1.05
_SCALES = (1, 10, 100)
"""Digits after the point, as factors: as few as are needed."""


def in_bytes(size: int) -> str:
    """Return a number of bytes as people write it, with a digit after the point if it is small."""
    unit, amount = _unit(size)
    return f"{round(amount, 1 if amount < _SMALL else 0):,g} {unit}"


def too_large(size: int, limit: int) -> str:
    """Return that a file is too large, as a clause about it."""
    size_words, limit_words = figures(size, limit)
    return f"it is too large ({size_words}; I can read {limit_words})"


def figures(size: int, limit: int) -> tuple[str, str]:
    """Return two numbers of bytes as people write them, so that the words differ as they do.

    The size, which is larger, is rounded up and the limit down, with as few digits as that needs.
    """
    (unit, amount), (limit_unit, most) = _unit(size), _unit(limit)
    for scale in _SCALES:
        above, below = ceil(amount * scale) / scale, floor(most * scale) / scale
        near = above < amount * _NEAR and most < below * _NEAR
        if near and (unit != limit_unit or above - amount < amount - most):
            return f"{above:,g} {unit}", f"{below:,g} {limit_unit}"
    return f"{size:,} bytes", f"{limit:,} bytes"


def _unit(size: int) -> tuple[str, float]:
    amount = float(size)
    for unit in ("bytes", "KB", "MB"):
        if amount < _KILO:
            return unit, amount
        amount /= _KILO
    return "GB", amount


def refusal(message: Message) -> str:
    """Return why a message is refused, as a sentence for its author; empty if it is accepted."""
    if not (message.text.strip() or message.attachments or message.quotes):
        return UNREAD
    size = len(message.text.encode())
    if size > MESSAGE_BYTES:
        size_words, limit_words = figures(size, MESSAGE_BYTES)
        return (
            f"That message is too long: {size_words}, and I can read {limit_words}. "
            "Please send it in parts, or as a file."
        )
    if len(message.attachments) > ATTACHMENTS:
        return f"That message has too many files: I can read {ATTACHMENTS} at a time."
    return ""
