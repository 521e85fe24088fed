"""Text without signs that nobody sees, and that could turn round what others see. Pure."""

from __future__ import annotations

import unicodedata

from core.domain.message import clean

_CONTROLS = dict.fromkeys(
    code
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
)
"""Signs that are not shown, and those that turn round what stands beside them."""


def visible(text: str) -> str:
    """Return a text without signs that can't be seen."""
    return clean(text).translate(_CONTROLS)


_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Controls, marks of format (a zero-width space, a byte order mark) and blanks, by Unicode."""
_LOOKS_BLANK = "\N{HANGUL FILLER}\N{HALFWIDTH HANGUL FILLER}\N{HANGUL CHOSEONG FILLER}\
\N{HANGUL JUNGSEONG FILLER}\N{BRAILLE PATTERN BLANK}\N{COMBINING GRAPHEME JOINER}"
_VARIATIONS = range(0xFE00, 0xFE10)


def is_blank(text: str) -> bool:
    """Tell whether there is nothing in a text that anybody sees."""
    return all(
        unicodedata.category(char) in _UNSEEN or char in _LOOKS_BLANK or ord(char) in _VARIATIONS
        for char in text
    )
