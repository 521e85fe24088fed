"""Splits a Markdown text into pieces that can be posted one by one. Pure.

A break point is an offset into the text, so a store can keep an answer's break points beside its
text, and any process can make the pieces from both. A break within fenced code closes the fence and
reopens it, a break between a table's rows repeats its header, and white space around a break
outside of code is left out. Nothing else changes, and no line, link, emphasis or grapheme is split
if it fits into a piece.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.blocks import layout_of
from core.delivery.splitting.break_points import (
    BLANK_LINES,
    between_lines,
    in_line,
    in_prose,
    skip_blank,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.delivery.splitting.blocks import Fence, Layout

_FAR = 4
"""A part that is this many times as long as the limit counts as too long without being measured,
even if much of it is invisible."""
_NEAR = 64
"""A piece may be shorter than the longest that fits, by the limit divided by this: to find the last
character of all takes as long again, since each try writes the whole piece in the dialect."""
_LOOKAHEAD = 3_000
"""How many characters past a break to search for the end of a link, emphasis or inline code."""
SMALLEST = 64
"""The lowest limit: a line that reopens code and one that closes it must leave room for code."""
_WORD = regex.compile(r"[\w+#.-]++", regex.ASCII)


class Dialect(Hashable, Protocol):
    """A Markdown of a platform's own. Both methods are pure."""

    def layout_of(self, text: str) -> Layout:
        """Return the code and tables of a text."""
        ...

    def show(self, text: str, layout: Layout, start: int, end: int) -> str:
        """Return a part of a text as it is posted; code that goes on elsewhere is closed in it."""
        ...


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits texts for one platform: `measure` of each piece is at most `limit`.

    `measure` must be monotonic: a text measures at least as much as any part of it.
    """

    limit: int
    measure: Callable[[str], int] = len
    dialect: Dialect | None = None
    """How the platform writes code and tables, if it is not as CommonMark and GFM do."""

    def __post_init__(self) -> None:
        """Raise ValueError if the limit leaves no room for code."""
        if self.limit < SMALLEST:
            raise ValueError(f"a limit of {self.limit} is too short: the lowest is {SMALLEST}")

    def split(self, text: str, max_pieces: int = 0) -> tuple[int, ...]:
        """Return the break points: the end of each piece, at least one; the last is the text's.

        With `max_pieces`, there are at most so many, and the last may end before the text does.
        """
        if self._is_prose(text) and len(text) <= self.limit and self.measure(text) <= self.limit:
            return (len(text),)  # nearly always
        layout = self._layout(text)
        points: list[int] = []
        start = skip_blank(text, 0)
        while not points or (start < len(text) and len(points) != max_pieces):
            end = self._end(text, layout, start)
            start = end if layout.code_at(end) else skip_blank(text, end)
            points.append(start)
        return tuple(points)

    def piece(self, text: str, break_points: Sequence[int], index: int) -> str:
        """Return the piece with this index as it is posted."""
        start, end = break_points[index - 1] if index else 0, break_points[index]
        if start == 0 and end == len(text) and self._is_prose(text):
            return self._without_lead(text).rstrip()
        return self._shown(text, self._layout(text), start, end)

    # --- one piece --------------------------------------------------------------------------

    def _is_prose(self, text: str) -> bool:
        """Return whether there is no code in a text: if it is one piece, it is posted as it is."""
        return self.dialect is None and "```" not in text and "~~~" not in text

    def _layout(self, text: str) -> Layout:
        return _layout(text, self.dialect)

    def _shown(self, text: str, layout: Layout, start: int, end: int) -> str:
        if self.dialect is not None:
            shown = layout.shown.get((start, end))
            if shown is None:  # a part is measured, and often more than once, before it is posted
                shown = self.dialect.show(text, layout, start, end)
                layout.shown[start, end] = shown
            return shown
        opened, closed = layout.code_at(start), layout.code_at(end)
        body = text[start:end]
        if opened:
            margin = "" if text[start - 1] == "\n" else opened.quote
            body = self._opening(opened) + margin + _dedented(body, opened, start)
        else:
            body = self._header(text, layout, start) + self._without_lead(body)
        if closed:
            gap = "" if body.endswith("\n") else "\n"
            return body + self._closing(closed, gap, reopened=opened is closed)
        return body.rstrip()

    def _opening(self, fence: Fence) -> str:
        """Return the line that reopens code, with as much of its info as fits."""
        word = _WORD.match(fence.info, 0, self.limit)
        for info in (fence.info, word[0] if word else "", ""):
            line = fence.opening(info)
            if self._is_small(line):
                return line
        return ""

    def _closing(self, fence: Fence, gap: str, *, reopened: bool) -> str:
        line = fence.closing(reopened=reopened)
        return gap + line if self._is_small(line) else ""

    def _header(self, text: str, layout: Layout, start: int) -> str:
        """Return the table header to repeat if a piece begins with a row of a table."""
        table = layout.rows_at(start)
        if table is None or start < table.body or text[start - 1] != "\n":
            return ""
        header = text[table.start : min(table.body, table.start + self.limit)]
        return header if len(header) < self.limit and self._is_small(header) else ""

    def _is_small(self, line: str) -> bool:
        """Return whether a repeated line leaves enough room for the rest of the piece."""
        return len(line) <= self.limit and self.measure(line) <= self.limit // 4

    def _without_lead(self, body: str) -> str:
        """Return text without leading blank lines, and without an indent that leaves it no room."""
        blank = BLANK_LINES.match(body)
        body = body[blank.end() :] if blank else body
        line = body.lstrip(" \t")
        return line if len(body) - len(line) > self.limit // 4 else body

    # --- where it ends ----------------------------------------------------------------------

    def _size(self, text: str, layout: Layout, start: int, end: int) -> int:
        end = _outside_markers(layout, start, end)
        return self.measure(self._shown(text, layout, start, end))

    def _fits(self, text: str, layout: Layout, start: int, end: int) -> bool:
        # A far longer part is not measured: else a long block would be, for each of its pieces.
        return end - start <= _FAR * self.limit and (
            self._size(text, layout, start, end) <= self.limit
        )

    def _end(self, text: str, layout: Layout, start: int) -> int:
        """Return the end of the piece that begins at `start`."""
        farthest = self._farthest(text, layout, start)
        if farthest == len(text):
            return farthest
        end = self._choose(text, layout, start, farthest)
        fits = end == farthest or self._fits(text, layout, start, end)
        return end if fits and end > start else max(farthest, start + 1)

    def _farthest(self, text: str, layout: Layout, start: int) -> int:
        """Return an end near the farthest that fits; `start` if not even one character does."""
        low, below, step = start, 0, self.limit
        near = self.limit // _NEAR
        enough = self.limit - near
        high = min(start + step, len(text))
        while (above := self._size(text, layout, start, high)) <= self.limit:
            if high == len(text):
                return high
            low, below = high, above
            step += step // 4
            if below >= enough and start + step < len(text):
                return _outside_markers(layout, start, low)
            high = min(start + step, len(text))
        tries = 0
        while high - low > (near if low > start else 1) and below < enough:
            tries += 1
            # Interpolate, as if all characters measured the same; every third time, bisect.
            guess = low + (self.limit - below) * (high - low) // (above - below)
            middle = (low + high) // 2 if tries % 3 == 0 else min(max(guess, low + 1), high - 1)
            size = self._size(text, layout, start, middle)
            if size <= self.limit:
                low, below = middle, size
            else:
                high, above = middle, size
        return _outside_markers(layout, start, low)

    def _choose(self, text: str, layout: Layout, start: int, farthest: int) -> int:
        block = layout.fence_at(farthest) or layout.rows_at(farthest)
        if block is None:
            return in_prose(text, layout, start, farthest, min(self.limit, _LOOKAHEAD))
        if self._fits(text, layout, start, block.end):
            return block.end
        if block.start > start and self._fits(text, layout, block.start, block.end):
            return block.start
        if start < block.close < farthest:
            farthest = block.close
        first = block.body if start <= block.start else start
        line = between_lines(text, first + 1, farthest, block.close)
        if line:
            return line
        return block.start if block.start > start else in_line(text, start, farthest)


@lru_cache(maxsize=1)
def _layout(text: str, dialect: Dialect | None) -> Layout:
    """Return the text's layout; the cache serves the pieces of one answer, made one by one."""
    return dialect.layout_of(text) if dialect is not None else layout_of(text)


def _dedented(body: str, fence: Fence, start: int) -> str:
    """Return code with its closing line indented no deeper than the line that reopened it."""
    line = fence.close - start
    if line >= len(body) or fence.indent <= len(fence.margin) - len(fence.quote):
        return body
    closing = body[line:]
    return body[:line] + fence.margin + closing[closing.find(fence.marker[0]) :]


def _outside_markers(layout: Layout, start: int, end: int) -> int:
    moved = layout.outside_markers(end)
    return moved if moved > start else end
