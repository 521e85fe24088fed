"""Text without signs that nobody sees, and that could turn round what others see. Pure."""

from __future__ import annotations

from core.message import clean

_CONTROLS = dict.fromkeys(
    code
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
)
"""Signs that are not shown, and those that turn round what stands beside them."""


def visible(text: str) -> str:
    """Return a text without signs that can't be seen."""
    return clean(text).translate(_CONTROLS)
