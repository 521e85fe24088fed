"""Finds code that is marked by its indent alone, as in CommonMark. Pure.

Discord shows it as words. In a list, an indent belongs to the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.splitting.blocks import Fence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INDENTED = regex.compile(r"(?:\A|\n)[ \t]*+\n(?: {4}|\t)[ \t]*+\S|\A(?: {4}|\t)[ \t]*+\S")
_RUN = regex.compile(r"(?:(?: {4}|\t)[^\n]*+(?:\n|\Z)|(?:[ \t]*+\n)++(?=(?: {4}|\t)[ \t]*+\S))++")
_LINE = regex.compile(
    r"^(?![ \t]*+$)(?P<indent>[ \t]*+)(?P<mark>[-*+]|\d{1,9}[.)]|>)?", regex.MULTILINE
)
_INDENT = 4


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
            run = _RUN.match(text, first, end)
            at = run.end() if run else found.end()
            if run and not in_list and first >= start:
                yield _code(first, at)
        in_list = _ends_in_list(text, at, end, known=in_list)


def _ends_in_list(text: str, start: int, end: int, *, known: bool) -> bool:
    """Return whether a part of a text ends in a list; `known` tells of what precedes it."""
    for line in _LINE.finditer(text, start, end):
        if line["mark"]:
            known = True
        elif not line["indent"] and text.endswith("\n\n", 0, line.start()):
            known = False
    return known


def _code(start: int, end: int) -> Fence:
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
