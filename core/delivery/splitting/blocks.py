"""Finds the fenced code and the tables of a Markdown text. Pure.

This is not a Markdown parser. It follows CommonMark and GFM wherever a break could do harm, it
accepts fences that models indent too far, and it takes time in proportion to the text.

markdown-it-py (4.3.0) can't replace it, because its block parser takes quadratic time on some
texts. A quoted fence followed by a line, repeated, took it 1.9 s at 8 KB and 30 s at 32 KB (this
module: 7 ms and 27 ms). On ordinary prose it took five times as long.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = regex.compile(
    r"^(?P<quote>(?:(?:[ \t]*>)++ ?)?+)(?P<indent>[ \t]*+)"
    r"(?P<list>(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)"
    r"(?P<marker>`{3,}+|~{3,}+)(?P<info>[^\n]*+)$",
    regex.MULTILINE,
)
_UNQUOTED = regex.compile(r"^(?![ \t]*>)", regex.MULTILINE)
_DELIMITERS = regex.compile(
    r"^[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+(?:\n|\Z)",
    regex.MULTILINE,
)
_ROWS = regex.compile(r"(?:[^\n|]*+\|[^\n]*+(?:\n|\Z))*+")
_TAB = 4
_MARGIN = 3
"""Columns that a fence may be indented, by CommonMark, where nothing stands around it."""


class Fence(NamedTuple):
    """A block of fenced code. Positions from `inside` to `close` are in the code."""

    start: int
    inside: int
    """The position just after the opening marker, where the info (the language) may follow."""
    body: int
    """The start of the first line of code."""
    close: int
    """The start of the closing line; if there is none, the last position in the code."""
    end: int
    quote: str
    indent: int
    marker: str
    info: str

    def opening(self, info: str) -> str:
        """Return a line that reopens this code in a piece of its own."""
        gap = " " if info.startswith(self.marker[0]) else ""
        return f"{self.margin}{self.marker}{gap}{info}\n"

    def closing(self, *, reopened: bool) -> str:
        """Return a line that closes this code early."""
        return f"{self.margin if reopened else self.quote + ' ' * self.indent}{self.marker}"

    @property
    def margin(self) -> str:
        """Return what precedes the marker outside of a list: a deeper indent makes no fence."""
        return self.quote + " " * min(self.indent, _MARGIN)


class Table(NamedTuple):
    """A GFM table: a header, a delimiter row, and rows from `body` to `end`."""

    start: int
    body: int
    end: int

    @property
    def close(self) -> int:
        """Return the end of its rows."""
        return self.end


@dataclass(frozen=True, slots=True)
class Layout:
    """The fences and tables of a text, in order. They don't overlap."""

    fences: tuple[Fence, ...]
    tables: tuple[Table, ...]
    shown: dict[tuple[int, int], str] = field(default_factory=dict)
    """What parts of the text are shown as in a platform's own Markdown, as far as was asked."""
    _fence_starts: list[int] = field(default_factory=list)
    _table_starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Index both by where they start."""
        self._fence_starts.extend(fence.start for fence in self.fences)
        self._table_starts.extend(table.start for table in self.tables)

    def fence_before(self, position: int) -> Fence | None:
        """Return the last fence that starts before a position."""
        index = bisect_right(self._fence_starts, position - 1) - 1
        return self.fences[index] if index >= 0 else None

    def table_before(self, position: int) -> Table | None:
        """Return the last table that starts before a position."""
        index = bisect_right(self._table_starts, position - 1) - 1
        return self.tables[index] if index >= 0 else None

    def fence_at(self, position: int) -> Fence | None:
        """Return the fence that a break at this position would split, markers included."""
        fence = self.fence_before(position)
        return fence if fence and position < fence.end else None

    def outside_markers(self, position: int) -> int:
        """Return the position, moved out of a fence's opening or closing line if it is in one."""
        fence = self.fence_at(position)
        if fence and position < fence.inside:
            return fence.start
        return fence.end if fence and fence.close < position else position

    def code_at(self, position: int) -> Fence | None:
        """Return the fence whose code contains this position."""
        fence = self.fence_before(position)
        return fence if fence and fence.inside <= position <= fence.close else None

    def rows_at(self, position: int) -> Table | None:
        """Return the table that contains this position."""
        table = self.table_before(position)
        return table if table and position < table.end else None


def layout_of(text: str) -> Layout:
    """Return where the fenced code and the tables of a text are, in linear time."""
    fences = tuple(_fences(text))
    return Layout(fences, tuple(tables_of(text, Layout(fences, ()))))


def _fences(text: str) -> Iterator[Fence]:
    opener: regex.Match[str] | None = None
    limit = quoted = 0
    for line in _FENCE.finditer(text):
        if opener and line.start() >= limit:
            yield _fence(text, opener, limit - 1, limit)
            opener = None
        if opener is None:
            quoted = _quoted(text, line, quoted)
            if _opens(line):
                opener, limit = line, quoted if line["quote"] else len(text)
        elif _closes(line, opener):
            yield _fence(text, opener, line.start(), min(line.end() + 1, len(text)))
            opener = None
    if opener:
        yield _fence(text, opener, limit - (limit < len(text)), limit)


def _opens(line: regex.Match[str]) -> bool:
    # CommonMark 4.5: the info of a backtick fence has no backtick; with one, it is inline code.
    # Outside of lists an indent of four would make it indented code, but models mean a fence.
    return line["marker"][0] == "~" or "`" not in line["info"]


def _closes(line: regex.Match[str], opener: regex.Match[str]) -> bool:
    same = line["marker"].startswith(opener["marker"]) and not line["info"].strip()
    same = same and line["quote"].count(">") == opener["quote"].count(">")
    inner = _width(opener["indent"] + " " * len(opener["list"]))
    return same and not line["list"] and _width(line["indent"]) <= inner + _MARGIN


def _quoted(text: str, line: regex.Match[str], known: int) -> int:
    """Return the end of the quote that contains a line: code in it ends there at the latest."""
    if not line["quote"] or known > line.end():
        return known
    outside = _UNQUOTED.search(text, min(line.end() + 1, len(text)))
    return outside.start() if outside else len(text)


def _fence(text: str, opener: regex.Match[str], close: int, end: int) -> Fence:
    return Fence(
        start=opener.start(),
        inside=opener.end("marker"),
        body=min(opener.end() + 1, len(text)),
        close=close,
        end=end,
        quote=opener["quote"],
        indent=_width(opener["indent"] + " " * len(opener["list"])),
        marker=opener["marker"],
        info=opener["info"].strip(),
    )


def _width(blank: str) -> int:
    return len(blank.expandtabs(_TAB))


def tables_of(text: str, fences: Layout) -> Iterator[Table]:
    """Yield the tables of a text outside of its fenced code, in order, in linear time."""
    end = 0
    for line in _DELIMITERS.finditer(text):
        start = text.rfind("\n", 0, max(line.start() - 1, 0)) + 1
        header = text[start : line.start()]
        in_code = fences.code_at(line.start()) or fences.code_at(start)
        if start < end or in_code or "|" not in header or "|" not in line[0]:
            continue
        rows = _ROWS.match(text, line.end())
        end = rows.end() if rows else line.end()
        fence = fences.fence_before(end)
        if fence and fence.start > line.start():
            end = fence.start
        yield Table(start=start, body=line.end(), end=end)
