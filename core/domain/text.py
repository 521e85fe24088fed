"""Text without invisible characters, which could also reverse the text around them. Pure."""

from __future__ import annotations

import unicodedata

from core.domain.message import clean

_CONTROLS = dict.fromkeys(
    code
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
)
"""Control characters, and marks that change the direction of the text around them."""


def visible(text: str) -> str:
    """Return a text without invisible control characters."""
    return clean(text).translate(_CONTROLS)


_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Unicode categories of controls, format characters (a zero-width space) and spaces."""
_LOOKS_BLANK = "\N{HANGUL FILLER}\N{HALFWIDTH HANGUL FILLER}\N{HANGUL CHOSEONG FILLER}\
\N{HANGUL JUNGSEONG FILLER}\N{BRAILLE PATTERN BLANK}\N{COMBINING GRAPHEME JOINER}"
_VARIATIONS = range(0xFE00, 0xFE10)


def is_blank(text: str) -> bool:
    """Return whether nothing in a text is visible."""
    return all(
        unicodedata.category(char) in _UNSEEN or char in _LOOKS_BLANK or ord(char) in _VARIATIONS
        for char in text
    )


def shortened(name: str, limit: int) -> str:
    """Return a file's name of at most `limit` characters, with its ending."""
    if len(name) <= limit:
        return name
    rest = max(limit // 3, 1)
    return f"{name[: limit - rest - 1]}…{name[-rest:]}"
