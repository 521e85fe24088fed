"""Finds the code blocks that a text means, as far as Discord can draw them. Pure.

In Discord, three backticks open a block anywhere, and the next three close it; `~~~` is no fence
(measured with the npm package discord-markdown-parser 1.3.1, which follows Discord's own parser).
Models write CommonMark, in which a fence may be longer, and may hold shorter ones. They also close
a block behind its last line, or open one behind words, as Discord allows. This finds what they
mean; `code` then writes it so that Discord draws the same.

CommonMark also marks code by its indent alone, which Discord shows as words. In a list, an indent
belongs to the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.blocks import Fence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE = regex.compile(
    r"^(?P<quote>(?:(?:[ \t]*+>)++ ?)?+)(?P<indent>[ \t]*+)"
    r"(?P<list>(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)"
    r"(?:(?P<marker>`{3,}+|~{3,}+)(?P<info>[^\n]*+)|(?P<words>[^\n`]*+`[^\n]*+))$",
    regex.MULTILINE,
)
"""A line that begins with a fence, or that has a backtick behind other words."""
_RUN = regex.compile(r"\\.|`++")
_WORD = regex.compile(r"[\w+#.-]*+[ \t]*+", regex.ASCII)
_UNQUOTED = regex.compile(r"^(?![ \t]*>)", regex.MULTILINE)
_BLANK = regex.compile(r"\n[ \t]*+(?:\n|\Z)")
_BEHIND = frozenset(" \t|*_~).,:!?")
"""What may follow the end of a block on its line."""
_TAB = 4
_MARGIN = 3
"""Columns that a closing fence may be indented more than its opening one."""
_INDENTED = regex.compile(r"(?:\A|\n)[ \t]*+\n(?: {4}|\t)[ \t]*+\S|\A(?: {4}|\t)[ \t]*+\S")
_INDENTED_LINES = regex.compile(
    r"(?:(?: {4}|\t)[^\n]*+(?:\n|\Z)|(?:[ \t]*+\n)++(?=(?: {4}|\t)[ \t]*+\S))++"
)
_LISTED = regex.compile(
    r"^(?![ \t]*+$)(?P<indent>[ \t]*+)(?P<mark>[-*+]|\d{1,9}[.)]|>)?", regex.MULTILINE
)
_INDENT = 4


class _Marker(NamedTuple):
    """A run of three or more backticks or tildes that may open or close a block."""

    start: int
    """Where its line starts, or itself if words precede it."""
    at: int
    end: int
    line_end: int
    char: str
    quote: str
    depth: int
    """How many `>` precede it."""
    indent: int
    """The columns that precede it, list marks included."""
    info: str
    """The rest of its line."""
    leads: bool
    """Only a quote, a list mark or white space precedes it."""
    in_list: bool
    is_bare: bool
    """Nothing else is on its line, a quote aside."""

    @property
    def size(self) -> int:
        return self.end - self.at


def fences_of(text: str) -> tuple[Fence, ...]:
    """Return the code blocks of a text, in order, in linear time."""
    if "```" not in text and "~~~" not in text:
        return ()
    return tuple(_fences(text, [*_markers(text)]))


def _markers(text: str) -> Iterator[_Marker]:
    for line in _LINE.finditer(text):
        quote, indent, mark, marker, info = line.group("quote", "indent", "list", "marker", "info")
        leads = bool(marker) and (marker[0] == "~" or "`" not in info)
        run = line.span("marker") if leads else _unpaired(text, line)
        if run is None:
            continue
        rest = info if leads else text[run[1] : line.end()]
        yield _Marker(
            line.start() if leads else run[0],
            run[0],
            run[1],
            line.end(),
            text[run[0]],
            quote,
            quote.count(">") if quote else 0,
            _width(indent + " " * len(mark)),
            rest,
            leads,
            bool(mark),
            leads and not mark and not rest.strip(),
        )


def _unpaired(text: str, line: regex.Match[str]) -> tuple[int, int] | None:
    """Return the last run of three or more backticks on a line that no other run there closes."""
    first = line.start("marker") if line["marker"] else line.start("words")
    if "```" not in text[first : line.end()]:
        return None
    opened: dict[int, int] = {}
    for run in _RUN.finditer(text, first, line.end()):
        size = len(run[0])
        if run[0][0] == "\\":
            continue
        if size in opened:
            began = opened[size]
            opened = {length: at for length, at in opened.items() if at < began}
        else:
            opened[size] = run.start()
    size, at = max(((size, at) for size, at in opened.items() if size > 2), default=(0, 0))  # noqa: PLR2004 - three make a block
    return (at, at + size) if size else None


def _fences(text: str, markers: list[_Marker]) -> Iterator[Fence]:
    may_nest, index, quoted_to = True, 0, 0
    while index < len(markers):
        opener = markers[index]
        quoted_to = _quote_end(text, opener, quoted_to)
        limit = quoted_to if opener.quote else len(text)
        closer: int | None = None
        if may_nest:
            closer, may_nest = _nested_close(markers, index, limit)
        if closer is None:
            closer = _plain_close(markers, index, limit)
        if not _opens(text, opener, None if closer is None else markers[closer]):
            index += 1
        elif closer is None:
            yield _fence(text, opener, None, limit)
            index = _after(markers, index, limit)
        else:
            yield _fence(text, opener, markers[closer], limit)
            index = closer + 1


def _opens(text: str, marker: _Marker, closer: _Marker | None) -> bool:
    """Return whether a marker opens a block, and is no sign in a sentence.

    Behind words, it does if a language and nothing else follows it; and if it is closed and code
    follows it at once, or a paragraph contains both.
    """
    if marker.leads:
        return True
    if _is_info(marker):
        return bool(marker.info.strip()) or (
            closer is not None and not _BLANK.match(text, marker.line_end)
        )
    return closer is not None and "\n\n" not in text[marker.end : closer.at]


def _is_info(marker: _Marker) -> bool:
    """Return whether the rest of a marker's line can be the language of a block."""
    return marker.leads or _WORD.fullmatch(marker.info) is not None


def _closes(marker: _Marker, opener: _Marker) -> bool:
    """Return whether a marker closes a block by CommonMark, indents aside that models get wrong."""
    same = marker.is_bare and marker.char == opener.char and marker.depth == opener.depth
    return same and marker.size >= opener.size and marker.indent <= opener.indent + _MARGIN


def _closes_loosely(marker: _Marker, opener: _Marker) -> bool:
    """Return whether Discord lets a marker close a block that CommonMark keeps open.

    It ends a line of code, or words follow it after a space, or the end of a spoiler or the like.
    """
    if marker.char != "`" or opener.char != "`" or marker.size < opener.size:
        return False
    if not marker.leads:
        return not marker.info.strip() or not opener.leads
    behind = marker.info.strip()
    return bool(behind) and not marker.in_list and marker.info[0] in _BEHIND


def _nested_close(markers: list[_Marker], index: int, limit: int) -> tuple[int | None, bool]:
    """Return the marker that closes a block which holds other blocks; and whether to go on so.

    A marker with a language opens a block in it, and a bare one closes the last. If the text ends
    before all are closed, no other block of the text is read so: it would take too long.
    """
    opener, depth = markers[index], [markers[index]]
    for number in range(index + 1, len(markers)):
        marker = markers[number]
        if marker.at >= limit:
            return None, True
        if marker.char != opener.char or marker.size < opener.size:
            continue
        if len(depth) == 1 and _closes_loosely(marker, opener):
            return number, True
        if _closes(marker, depth[-1]):
            depth.pop()
            if not depth:
                return number, True
        elif marker.leads and not marker.is_bare and marker.info[:1].isalnum():
            depth.append(marker)
    return None, False


def _plain_close(markers: list[_Marker], index: int, limit: int) -> int | None:
    opener = markers[index]
    for number in range(index + 1, len(markers)):
        marker = markers[number]
        if marker.at >= limit:
            return None
        if _closes(marker, opener) or _closes_loosely(marker, opener):
            return number
    return None


def _after(markers: list[_Marker], index: int, end: int) -> int:
    while index < len(markers) and markers[index].at < end:
        index += 1
    return index


def _quote_end(text: str, marker: _Marker, known: int) -> int:
    """Return the end of the quote that a marker stands in: code in it ends there at the latest."""
    if not marker.quote or known > marker.line_end:
        return known
    outside = _UNQUOTED.search(text, min(marker.line_end + 1, len(text)))
    return outside.start() if outside else len(text)


def _fence(text: str, opener: _Marker, closer: _Marker | None, limit: int) -> Fence:
    is_info = _is_info(opener)
    body = min(opener.line_end + 1, len(text)) if is_info else opener.end
    if closer is None:
        close = limit - (limit < len(text))
        end = limit
    else:
        close = closer.start
        end = closer.end if closer.info.strip() else min(closer.line_end + 1, len(text))
    return Fence(
        start=opener.start,
        inside=opener.end,
        body=min(body, close) if closer else body,
        close=max(close, opener.end),
        end=end,
        quote=opener.quote,
        indent=opener.indent,
        marker=text[opener.at : opener.end],
        info=opener.info.strip() if is_info else "",
    )


def _width(blank: str) -> int:
    return len(blank.expandtabs(_TAB)) if blank else 0


# --- code by its indent ------------------------------------------------------------------------


def indented_of(text: str, fences: Sequence[Fence]) -> Iterator[Fence]:
    """Yield the indented code of a text outside of its fences, in order, in linear time."""
    if "\n    " not in text and "\n\t" not in text and text[:1] not in {" ", "\t"}:
        return
    ends = [*(fence.start for fence in fences), len(text)]
    starts = [0, *(fence.end for fence in fences)]
    in_list = False
    for start, end in zip(starts, ends, strict=True):
        at = start
        while (found := _INDENTED.search(text, at, end)) is not None:
            first = text.rfind("\n", 0, found.end()) + 1
            in_list = _ends_in_list(text, at, first, known=in_list)
            run = _INDENTED_LINES.match(text, first, end)
            at = run.end() if run else found.end()
            if run and not in_list and first >= start:
                yield _indented_code(first, at)
        in_list = _ends_in_list(text, at, end, known=in_list)


def _ends_in_list(text: str, start: int, end: int, *, known: bool) -> bool:
    """Return whether a part of a text ends in a list; `known` tells of what precedes it."""
    for line in _LISTED.finditer(text, start, end):
        if line["mark"]:
            known = True
        elif not line["indent"] and text.endswith("\n\n", 0, line.start()):
            known = False
    return known


def _indented_code(start: int, end: int) -> Fence:
    return Fence(
        start=start,
        inside=start,
        body=start,
        close=end,
        end=end,
        quote="",
        indent=_INDENT,
        marker="",
        info="",
    )
