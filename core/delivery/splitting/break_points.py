"""Finds the best point to break a text at: in prose, between lines, or within a line. Pure."""

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
_LINE = regex.compile(
    r"\n(?![ \t]*+(?:=++|-++)[ \t]*+$)", regex.MULTILINE
)  # not before the underline of a heading
_SENTENCE = regex.compile(
    r"(?<![!?…]|(?<!\d)\.)"  # not within a run of them: each would start a search to its end
    r"(?:(?<!\d)\.|[!?…])++[\"'\u201d\u2019)\]*_]*+[ \t]++|[\u3002\uff01\uff1f\uff1b]++"
)
_SPACE = regex.compile(r"(?<=[^ \t\n])[ \t]++")
_LEVELS = (_BLOCK, _LINE, _SENTENCE, _SPACE)
_HEADING = regex.compile(r"^(?:[ \t]*+>)*+[ \t]*+#{1,6} [^\n]*+(\n)\s*+", regex.MULTILINE)
_GRAPHEME = regex.compile(r"\X")
_STRETCH = 256


def skip_blank(text: str, end: int) -> int:
    """Return the end of the white space at a break outside of code; pieces leave it out."""
    at_line = end == 0 or text[end - 1] == "\n"
    blank = (BLANK_LINES if at_line else _BLANK).match(text, end)
    if blank is None or blank.end() == end:
        return end
    after: int = blank.end()
    return after if _is_boundary(text, after) else after - 1


def between_lines(text: str, low: int, high: int, close: int) -> int:
    """Return the last start of a line from `low` to `high`; 0 if there is none.

    It prefers the last line after an empty line in the second half, and skips the line at `close`,
    which closes the code.
    """
    last = text.rfind("\n", low - 1, high) + 1
    if last == close:
        last = text.rfind("\n", low - 1, last - 1) + 1
    gap = text.rfind("\n\n", max(low, (low + high) // 2), last) + 2
    return gap if gap > 1 else last


def in_prose(text: str, layout: Layout, start: int, end: int, lookahead: int) -> int:
    """Return the best break point from `start` to `end`, in text that is neither code nor table.

    `lookahead` is how far past `end` a span may close that starts before it.
    """
    low = start
    for block in (layout.fence_before(end), layout.table_before(end)):
        low = max(low, block.end if block else 0)
    window = text[low : end + lookahead]
    spans = [(low + first, low + last) for first, last in spans_of(window)]
    after_headings = _after_headings(text, max(low, start), end)
    half = start + (end - start) // 2
    for least in (half, start):
        for level in _LEVELS:
            avoided = after_headings if level in _LEVELS[:2] else []
            for point in _backwards(text, level, max(low, least), end):
                is_whole = not (_span_start(avoided, point) or _span_start(spans, point))
                if is_whole and _is_boundary(text, point):
                    return point
            if level is _BLOCK and low > least:
                return low
    span = _span_start(spans, end)
    return in_line(text, start, span if text[start:span].strip() else end)


def _backwards(text: str, level: regex.Pattern[str], low: int, high: int) -> list[int]:
    """Return the break points of a level after `low`, the last one first."""
    ends = [found.end() for found in level.finditer(text, low, high) if found.end() > low]
    return ends[::-1]


def _after_headings(text: str, low: int, high: int) -> list[tuple[int, int]]:
    """Return the gaps between each heading and the text below it, which should stay together."""
    found = _HEADING.finditer(text, low, high)
    return [(heading.start(1), heading.end() + 1) for heading in found]


def _span_start(spans: list[tuple[int, int]], point: int) -> int:
    """Return the start of the span that a break would split; 0 if it splits none."""
    index = bisect_right(spans, (point - 1, len(spans) and spans[-1][1])) - 1
    if index < 0:
        return 0
    start, end = spans[index]
    return start if start < point < end else 0


def _is_boundary(text: str, point: int) -> bool:
    """Return whether a grapheme ends here, if the character before it is a space or the like."""
    found = _GRAPHEME.match(text[point - 1 : point + 1])
    return found is not None and found.end() == 1


def in_line(text: str, start: int, end: int) -> int:
    """Return the point after the last space before `end`, or the last grapheme's end.

    A space in the first half of the line is too far away.
    """
    space = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1
    if space > (start + end) // 2 and text[start:space].strip() and _is_boundary(text, space):
        return space
    point = _grapheme_end(text, max(text.rfind("\n", start, end) + 1, start), end)
    return point if point > start else end


def _grapheme_end(text: str, begin: int, end: int) -> int:
    """Return the last end of a grapheme up to `end`; `begin` must be the start of one.

    It reads a short stretch at a time, because for each flag the library counts all flags before.
    """
    size = _STRETCH
    while begin < end:
        stretch = text[begin : begin + size]
        ends = [begin + found.end() for found in _GRAPHEME.finditer(stretch)]
        if begin + size < len(text):
            ends.pop()  # the last one may continue after the stretch
        fitting = [point for point in ends if point <= end]
        if not ends and begin + size <= end:
            size *= 2
        elif fitting and len(fitting) == len(ends):
            begin, size = fitting[-1], _STRETCH
        else:
            return fitting[-1] if fitting else begin
    return begin
