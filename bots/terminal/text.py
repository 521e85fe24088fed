"""Makes text safe for a terminal or a pipe. Pure."""

from __future__ import annotations

import unicodedata

_LINE_ENDS = {0x2028: "\n", 0x2029: "\n", 0x85: "\n", 0x0B: "\n", 0x0C: "\n"}
_INERT = {
    code: _LINE_ENDS.get(code)
    for code in (*range(0x20), *range(0x7F, 0xA0), *_LINE_ENDS)
    if chr(code) not in "\n\t"
} | dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Control characters, which a terminal obeys, and those that reorder the text around them."""


_NO_PROMPT = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"


def inert(text: str) -> str:
    """Return the text without control characters, except line ends and tabs.

    Models and other people may write escape sequences, which would move the cursor, rename the
    window, or hide what was really said.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_INERT)


def one_line(text: str) -> str:
    r"""Return the text as one line: a line end as ``\n``, a backslash as ``\\``.

    So the program that reads the pipe can undo it unambiguously.
    """
    return inert(text).replace("\\", "\\\\").replace("\n", "\\n")


def name_of(text: str) -> str:
    """Return a name to show in a line: never empty, without line ends and the `>` of the bot's."""
    return " ".join(inert(text).replace(">", _NO_PROMPT).split()) or "someone"


def is_name(text: str) -> bool:
    """Return whether a thread may have this name: 1 to 64 visible characters."""
    seen = all(unicodedata.category(char)[0] not in "CZ" or char == " " for char in text)
    return seen and 0 < len(text) <= 64 and text == text.strip()  # noqa: PLR2004 - said above
