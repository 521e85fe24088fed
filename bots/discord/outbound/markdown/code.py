"""Writes code so that Discord shows it, and people can copy it, as the model wrote it. Pure.

A block can't hold three backticks: Discord would end it there. A line that has them is written as
inline code between two blocks; inline code may hold any run of backticks but its own.

Nothing invisible is put into code. No mention in it notifies anybody, because each post says so in
`allowed_mentions`. Discord colours `ansi` blocks (docs: support article 210298617 names the
languages), so their escape sequences for colours stay.
"""

from __future__ import annotations

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from core.domain.text import visible

_MARK = "```"
_COLORED = "ansi"
"""The language of blocks in which Discord shows colours."""
_TICKS = regex.compile(r"`++")
_COLOR = regex.compile(r"\x1b\[[\d;]*+m")
_RESET = regex.compile(r"\x1b\[0*+m")
_LANGUAGE = regex.compile(r"[\w+#.-]++", regex.ASCII)
_COLORS_KEPT = 4
"""Colours that are set again where a block goes on in the next message."""


def language_of(info: str) -> str:
    """Return the language that a block's first line names; empty if Discord can't read it."""
    word = _LANGUAGE.match(info)
    return word[0] if word and len(word[0]) <= _LONGEST else ""


_LONGEST = 30
"""Characters of the longest name of a language; Discord knows none that is as long."""


def blocks(code: str, language: str) -> str:
    """Return code as blocks; lines with three backticks stand between them, as inline code."""
    if not language and _COLOR.search(code):
        language = _COLORED
    code = _clean(code, language)
    if _MARK not in code:
        return _block(code, language)
    shown: list[str] = []
    plain: list[str] = []
    for line in code.split("\n"):
        if _MARK not in line:
            plain.append(line)
            continue
        if any(each.strip() for each in plain):
            shown.append(_block("\n".join(plain), language))
        plain = []
        shown.append(inline(line))
    if any(each.strip() for each in plain):
        shown.append(_block("\n".join(plain), language))
    return "\n".join(shown)


def inline(code: str) -> str:
    """Return code within a line; a part of it stands on a line of its own if it has to."""
    runs = {len(run) for run in _TICKS.findall(code)}
    for mark in ("`", "``"):
        if len(mark) not in runs:
            return f"{mark}{_padded(code)}{mark}"
    return "\n".join(inline(part) for part in _parts(code))


def colors_before(code: str) -> str:
    """Return the sequences that set the colours which are in force at the end of some code."""
    last = code.rfind("\x1b[")
    found: list[str] = []
    while last >= 0 and len(found) < _COLORS_KEPT:
        color = _COLOR.match(code, last)
        if color and _RESET.fullmatch(color[0]):
            break
        if color:
            found.append(color[0])
        last = code.rfind("\x1b[", 0, last)
    return "".join(reversed(found))


def _block(code: str, language: str) -> str:
    if not code.strip("\n"):
        code = " "  # Discord draws no block that has nothing but line ends
    end = "" if code.endswith("\n") else "\n"
    return f"{_MARK}{language}\n{code}{end}{_MARK}"


def _clean(code: str, language: str) -> str:
    if "\x1b" not in code:
        return visible(code)
    if language.lower() != _COLORED:
        return visible(_COLOR.sub("", code))
    kept: list[str] = []
    at = 0
    for color in _COLOR.finditer(code):
        kept += (visible(code[at : color.start()]), color[0])
        at = color.end()
    return "".join((*kept, visible(code[at:])))


def _padded(code: str) -> str:
    """Return code with the spaces that Discord takes away again beside backticks."""
    before = " " if code.lstrip(" ").startswith("`") else ""
    after = " " if code.rstrip(" ").endswith("`") else ""
    return f"{before}{code}{after}"


def _parts(code: str) -> list[str]:
    """Return code in parts, so that none has both a single backtick and a pair of them."""
    parts: list[str] = []
    start, sizes = 0, set[int]()
    for run in _TICKS.finditer(code):
        size = len(run[0])
        if size < len(_MARK) and sizes - {size}:
            parts.append(code[start : run.start()])
            start, sizes = run.start(), set()
        if size < len(_MARK):
            sizes.add(size)
    return [*parts, code[start:]]
