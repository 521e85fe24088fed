"""What a single message may be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.message import Message

MESSAGE_BYTES = 64 * 1024
"""The longest text that is taken in, in UTF-8: about 25,000 tokens, far more than people type.

A DynamoDB item holds 400 KB in all; a bound that every store keeps makes them interchangeable.
"""
ATTACHMENTS = 20
"""The most files that a message may bring; Slack's and Discord's clients send 10 at a time."""


def refusal(message: Message) -> str:
    """Return why a message can't be taken in, as a sentence for its author; empty when it can."""
    if not message.text.strip() and not message.attachments:
        return "That message was empty."
    size = len(message.text.encode())
    if size > MESSAGE_BYTES:
        return (
            f"That message is too long: {size // 1024} KB, and I take {MESSAGE_BYTES // 1024} KB. "
            "Please send it in parts, or as a file."
        )
    if len(message.attachments) > ATTACHMENTS:
        return f"That message has too many files: I take {ATTACHMENTS} at a time."
    return ""
