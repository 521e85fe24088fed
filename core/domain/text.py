"""Text without invisible characters, which could also reverse the text around them. Pure."""

from __future__ import annotations

import re
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


_LINK = re.compile(r"\](?=[(\[:])")
_START = re.compile(r"\A(?:(?:#{1,6}|-#|>{1,3}|[*+-]|\d{1,9}[.)])(?=\s|\Z)|``(?=`)|~~(?=~))")
_JOINER = "\N{WORD JOINER}"


def unlinked(name: str) -> str:
    """Return a name on one line that is no link, heading, quote or list in Markdown.

    A name that a person chooses stands in sentences that the program says, so nobody may put a
    link into them. A backslash would not do: some of what platforms draw reads none.
    """
    line = _LINK.sub(rf"\g<0>{_JOINER}", " ".join(visible(name).split()))
    return _START.sub(rf"\g<0>{_JOINER}", line)


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
