"""A Markdown text, cut into pieces that can be posted one by one. Pure.

A cut is an offset into the text, so an answer's cuts can be kept beside it and the pieces made
from both at any time. A cut within fenced code closes the fence and opens it again, and a cut
between a table's rows repeats its header; white space around a cut outside of code is left out.
Nothing else is changed, and no line, link, emphasis or grapheme is broken where it fits whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.blocks import layout_of
from core.delivery.splitting.break_points import (
    BLANK_LINES,
    behind_blank,
    in_line,
    in_prose,
    line_before,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.delivery.splitting.blocks import Fence, Layout

_FAR = 4
"""A part of so many times the limit is taken to be too long, with all in it that can't be seen."""
_REACH = 3_000
"""Behind a cut, where the end is looked for of what it might break: a link, emphasis, code."""
SMALLEST = 64
"""No limit is lower: closing and opening code again has to leave room for some of it."""
_WORD = regex.compile(r"[\w+#.-]++", regex.ASCII)


@dataclass(frozen=True, slots=True)
class Splitter:
    """Cuts for one platform: no piece is longer than `limit`, as `measure` has it.

    `measure` must not find a text shorter than a part of it.
    """

    limit: int
    measure: Callable[[str], int] = len

    def __post_init__(self) -> None:
        """Refuse a limit that leaves no room."""
        if self.limit < SMALLEST:
            raise ValueError(f"pieces of {self.limit} are too short; it takes {SMALLEST}")

    def cut(self, text: str, most: int = 0) -> tuple[int, ...]:
        """Return the ends of the pieces, at least one; the last is the text's length.

        With `most`, there are no more pieces than that: the last may end before the text does.
        """
        layout = _layout(text)
        cuts: list[int] = []
        start = behind_blank(text, 0)
        while not cuts or (start < len(text) and len(cuts) != most):
            end = self._end(text, layout, start)
            start = end if layout.code_at(end) else behind_blank(text, end)
            cuts.append(start)
        return tuple(cuts)

    def piece(self, text: str, cuts: Sequence[int], index: int) -> str:
        """Return one piece as it is posted."""
        return self._shown(text, _layout(text), cuts[index - 1] if index else 0, cuts[index])

    # --- one piece --------------------------------------------------------------------------

    def _shown(self, text: str, layout: Layout, start: int, end: int) -> str:
        opened, closed = layout.code_at(start), layout.code_at(end)
        body = text[start:end]
        if opened:
            margin = "" if text[start - 1] == "\n" else opened.quote
            body = self._opening(opened) + margin + _dedented(body, opened, start)
        else:
            body = self._header(text, layout, start) + self._without_lead(body)
        if closed:
            gap = "" if body.endswith("\n") else "\n"
            return body + self._closing(closed, gap, opened_again=opened is closed)
        return body.rstrip()

    def _opening(self, fence: Fence) -> str:
        """Return the line that opens code again, with as much of its info as has room."""
        word = _WORD.match(fence.info, 0, self.limit)
        for info in (fence.info, word[0] if word else "", ""):
            line = fence.opening(info)
            if self._is_small(line):
                return line
        return ""

    def _closing(self, fence: Fence, gap: str, *, opened_again: bool) -> str:
        line = fence.closing(opened_again=opened_again)
        return gap + line if self._is_small(line) else ""

    def _header(self, text: str, layout: Layout, start: int) -> str:
        """Return the header to repeat where a piece begins with a row of a table."""
        table = layout.rows_at(start)
        if table is None or start < table.body or text[start - 1] != "\n":
            return ""
        header = text[table.start : min(table.body, table.start + self.limit)]
        return header if len(header) < self.limit and self._is_small(header) else ""

    def _is_small(self, line: str) -> bool:
        """Tell whether a line that is repeated leaves room for what it is repeated for."""
        return len(line) <= self.limit and self.measure(line) <= self.limit // 4

    def _without_lead(self, body: str) -> str:
        """Return text without blank lines before it, nor an indent that leaves it no room."""
        blank = BLANK_LINES.match(body)
        body = body[blank.end() :] if blank else body
        line = body.lstrip(" \t")
        return line if len(body) - len(line) > self.limit // 4 else body

    # --- where it ends ----------------------------------------------------------------------

    def _size(self, text: str, layout: Layout, start: int, end: int) -> int:
        end = _whole(layout, start, end)
        return self.measure(self._shown(text, layout, start, end))

    def _fits(self, text: str, layout: Layout, start: int, end: int) -> bool:
        # What is many times as long is not even looked at: it would be, piece after piece.
        return end - start <= _FAR * self.limit and (
            self._size(text, layout, start, end) <= self.limit
        )

    def _end(self, text: str, layout: Layout, start: int) -> int:
        """Return where a piece that begins at `start` ends."""
        most = self._most(text, layout, start)
        if most == len(text):
            return most
        end = self._choose(text, layout, start, most)
        return end if self._fits(text, layout, start, end) else max(most, start + 1)

    def _most(self, text: str, layout: Layout, start: int) -> int:
        """Return the farthest end that fits; `start` where not even a character does."""
        low, below, step = start, 0, self.limit
        high = min(start + step, len(text))
        while (above := self._size(text, layout, start, high)) <= self.limit:
            if high == len(text):
                return high
            low, below = high, above
            step += step // 4
            high = min(start + step, len(text))
        tries = 0
        while high - low > 1:
            tries += 1
            # Where it would be if all of it were alike; and the middle, now and then, as it is not.
            guess = low + (self.limit - below) * (high - low) // (above - below)
            middle = (low + high) // 2 if tries % 3 == 0 else min(max(guess, low + 1), high - 1)
            size = self._size(text, layout, start, middle)
            if size <= self.limit:
                low, below = middle, size
            else:
                high, above = middle, size
        return _whole(layout, start, low)

    def _choose(self, text: str, layout: Layout, start: int, most: int) -> int:
        block = layout.fence_at(most) or layout.rows_at(most)
        if block is None:
            return in_prose(text, layout, start, most, reach=min(self.limit, _REACH))
        if self._fits(text, layout, start, block.end):
            return block.end
        if block.start > start and self._fits(text, layout, block.start, block.end):
            return block.start
        if start < block.close < most:
            most = block.close
        first = block.body if start <= block.start else start
        line = line_before(text, first + 1, most, block.close)
        if line:
            return line
        return block.start if block.start > start else in_line(text, start, most)


@lru_cache(maxsize=1)
def _layout(text: str) -> Layout:
    """Return the text's layout; an answer's pieces are made one after the other."""
    return layout_of(text)


def _dedented(body: str, fence: Fence, start: int) -> str:
    """Return code with its closing line no deeper than the line that opened it again."""
    line = fence.close - start
    if line >= len(body) or fence.indent <= len(fence.margin) - len(fence.quote):
        return body
    closing = body[line:]
    return body[:line] + fence.margin + closing[closing.find(fence.marker[0]) :]


def _whole(layout: Layout, start: int, end: int) -> int:
    whole = layout.whole(end)
    return whole if whole > start else end
