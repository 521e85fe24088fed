"""Where a text may be cut: the best place up to a point, in prose, a block or a line. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.inline_spans import spans_of

if TYPE_CHECKING:
    from core.delivery.splitting.blocks import Layout

BLANK_LINES = regex.compile(r"(?:[ \t\r]*+\n)++")
_BLANK = regex.compile(r"[ \t]*+(?:\r?\n(?:[ \t\r]*+\n)*+)?+")

_BLOCK = regex.compile(r"(?<=\n)(?:[ \t\r]*+\n)++|(?<=\n)(?=#{1,6} )")
_LINE = regex.compile(r"\n(?![ \t]*+(?:=++|-++)[ \t]*+$)", regex.MULTILINE)  # no underlined heading
_SENTENCE = regex.compile(
    r"(?<![!?…]|(?<!\d)\.)"  # not within a run of them: each would be looked at to its end
    r"(?:(?<!\d)\.|[!?…])++[\"'\u201d\u2019)\]*_]*+[ \t]++|[\u3002\uff01\uff1f\uff1b]++"
)
_SPACE = regex.compile(r"(?<=[^ \t\n])[ \t]++")
_LEVELS = (_BLOCK, _LINE, _SENTENCE, _SPACE)
_HEADING = regex.compile(r"^(?:[ \t]*+>)*+[ \t]*+#{1,6} [^\n]*+(\n)\s*+", regex.MULTILINE)
_GRAPHEME = regex.compile(r"\X")
_STRETCH = 256


def behind_blank(text: str, end: int) -> int:
    """Return where the white space ends that a cut outside of code leaves out."""
    at_line = end == 0 or text[end - 1] == "\n"
    blank = (BLANK_LINES if at_line else _BLANK).match(text, end)
    if blank is None or blank.end() == end:
        return end
    behind: int = blank.end()
    return behind if _is_boundary(text, behind) else behind - 1


def line_before(text: str, low: int, high: int, close: int) -> int:
    """Return the last start of a line from `low` to `high`; 0 where there is none.

    One behind an empty line is better, where it is not far; the line that closes code is none.
    """
    last = text.rfind("\n", low - 1, high) + 1
    if last == close:
        last = text.rfind("\n", low - 1, last - 1) + 1
    gap = text.rfind("\n\n", max(low, (low + high) // 2), last) + 2
    return gap if gap > 1 else last


def in_prose(text: str, layout: Layout, start: int, most: int, reach: int) -> int:
    """Return the best cut in text that is neither code nor table."""
    low = start
    for block in (layout.fence_before(most), layout.table_before(most)):
        low = max(low, block.end if block else 0)
    window = text[low : most + reach]
    spans = [(low + first, low + last) for first, last in spans_of(window)]
    headed = _headed(text, max(low, start), most)
    half = start + (most - start) // 2
    for least in (half, start):
        for level in _LEVELS:
            passed = headed if level in _LEVELS[:2] else []
            for cut in _backwards(text, level, max(low, least), most):
                if not (_inside(passed, cut) or _inside(spans, cut)) and _is_boundary(text, cut):
                    return cut
            if level is _BLOCK and low > least:
                return low
    span = _inside(spans, most)
    return in_line(text, start, span if text[start:span].strip() else most)


def _backwards(text: str, level: regex.Pattern[str], low: int, high: int) -> list[int]:
    """Return the cuts of a level behind `low`, the last first."""
    ends = [found.end() for found in level.finditer(text, low, high) if found.end() > low]
    return ends[::-1]


def _headed(text: str, low: int, high: int) -> list[tuple[int, int]]:
    """Return the stretches just behind a heading, from its end to the text below it."""
    found = _HEADING.finditer(text, low, high)
    return [(heading.start(1), heading.end() + 1) for heading in found]


def _inside(spans: list[tuple[int, int]], cut: int) -> int:
    """Return where the span begins that a cut would break; 0 where it breaks none."""
    index = bisect_right(spans, (cut - 1, len(spans) and spans[-1][1])) - 1
    if index < 0:
        return 0
    start, end = spans[index]
    return start if start < cut < end else 0


def _is_boundary(text: str, cut: int) -> bool:
    """Tell whether no grapheme is broken by a cut behind a character of its own, as a space."""
    found = _GRAPHEME.match(text[cut - 1 : cut + 1])
    return found is not None and found.end() == 1


def in_line(text: str, start: int, most: int) -> int:
    """Return the last space before `most`, where one is near, else the last grapheme's end."""
    space = max(text.rfind(" ", start, most), text.rfind("\n", start, most)) + 1
    if space > (start + most) // 2 and text[start:space].strip() and _is_boundary(text, space):
        return space
    end = _grapheme(text, max(text.rfind("\n", start, most) + 1, start), most)
    return end if end > start else most


def _grapheme(text: str, begin: int, most: int) -> int:
    """Return the last end of a grapheme up to `most`; `begin` is the start of one.

    Looks at a stretch at a time, since the library counts the flags before each flag anew.
    """
    size = _STRETCH
    while begin < most:
        stretch = text[begin : begin + size]
        ends = [begin + found.end() for found in _GRAPHEME.finditer(stretch)]
        if begin + size < len(text):
            ends.pop()  # it may go on
        fitting = [end for end in ends if end <= most]
        if not ends and begin + size <= most:
            size *= 2
        elif fitting and len(fitting) == len(ends):
            begin, size = fitting[-1], _STRETCH
        else:
            return fitting[-1] if fitting else begin
    return begin
