"""What a single message may be, and the files that come with it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.domain.message import Message

MESSAGE_BYTES = 64 * 1024
"""The longest text that is taken in, in UTF-8: about 25,000 tokens, far more than people type.

A DynamoDB item holds 400 KB in all; a bound that every store keeps makes them interchangeable.
"""
ATTACHMENTS = 20
"""The most files that a message may bring; Slack's and Discord's clients send 10 at a time."""

UNREAD = "I could not read that message. Please write it as text, or send it as a file."

FILE_BYTES = 20 * 1024 * 1024
"""The largest file that is fetched.

Claude takes 32 MB in a request, and base64 makes four bytes of three: this leaves room for words.
"""
REQUEST_FILE_BYTES = FILE_BYTES
"""Bytes of images and PDFs in one request, those of earlier turns included."""
IMAGE_BYTES = 5 * 1024 * 1024 // 4 * 3
"""The largest image: the API takes 5 MB of base64. (10 MB, it says by now, but not everywhere.)"""
IMAGE_PIXELS = 8_000
"""The longest side of an image that the API takes, as long as there are no more than `IMAGES`."""
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
"""Images in one request: with more of them, the API takes only small ones."""
TEXT_FILE_BYTES = 128 * 1024
"""As much as is shown of a text file, in UTF-8: about 50,000 tokens, of which a cache has most."""
FETCHES = 60
"""Files that one turn looks at, the newest first; more would not fit in a request."""
FETCHES_AT_ONCE = 8
"""In the whole process, since each may hold `FILE_BYTES` for a moment."""
READS_AT_ONCE = 1
"""In the whole process, since scaling an image down may take `IMAGE_DECODED_BYTES`."""
FETCH_SECONDS = 20.0
"""For all files of a turn together: what isn't here by then is named, and the answer goes on."""
FILE_CACHE_BYTES = 64 * 1024 * 1024
FILE_CACHE_SECONDS = 3600.0
"""How long a file is kept that nobody asks for: what people deleted must not stay in memory."""
FILE_CHECK_SECONDS = 60.0
"""How long a file is kept, or shown, without a look whether its thread and platform still have it.

What another process removed is in no memory after that; see SECURITY.md.
"""


def refusal(message: Message) -> str:
    """Return why a message can't be taken in, as a sentence for its author; empty when it can."""
    if not message.text.strip() and not message.attachments:
        return UNREAD
    size = len(message.text.encode())
    if size > MESSAGE_BYTES:
        return (
            f"That message is too long: {size // 1024} KB, and I take {MESSAGE_BYTES // 1024} KB. "
            "Please send it in parts, or as a file."
        )
    if len(message.attachments) > ATTACHMENTS:
        return f"That message has too many files: I take {ATTACHMENTS} at a time."
    return ""
