"""Finds what must not be split within the lines of a Markdown text: code, links, emphasis. Pure.

It takes time in proportion to the text, even if the text is malformed, as a model's may be.
"""

from __future__ import annotations

from bisect import bisect_right

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

_TOKEN = regex.compile(
    r"\\.|`++|\n[ \t]*+\n|!?\[|\]\((?:[^()\s\\]|\\.|\([^()\s]*+\))*+(?:[ \t]++\"[^\"\n]*+\")?+\)"
    r"|<[A-Za-z@!#:/][^<>\s]*+>|(?:https?|mailto)://?[^\s<>]++|&[#\w]{1,9};"
    r"|\*{1,3}+|_{1,3}+|~~|\|\|",
    regex.DOTALL,
)
_TICKS = regex.compile(r"`++")


def spans_of(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each span that must stay whole, sorted and merged.

    Spans are inline code, links, URLs, character references and emphasis. The text must contain
    no fences.
    """
    scanner = _Scanner(text)
    for token in _TOKEN.finditer(text):
        if token.start() >= scanner.until:
            scanner.take(token)
    return _merged(scanner.found)


class _Scanner:
    """Reads a text token by token; knows what is open and which spans it has found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[int, int]] = []
        self.until = 0
        """The end of the last inline code: tokens before it have no meaning."""
        self._opened: dict[str, int] = {}
        self._ticks: dict[int, list[int]] = {}
        for run in _TICKS.finditer(text):
            self._ticks.setdefault(len(run[0]), []).append(run.start())

    def take(self, token: regex.Match[str]) -> None:
        """Process the next token."""
        mark = token[0]
        match mark[0]:
            case "*" | "_" | "~" | "|":
                self._emphasis(mark, *token.span())
            case "`":
                self._code(token)
            case "[" | "!":
                self._opened["["] = token.start()
            case "]":
                self._close("[", token.end())
            case "\n":
                self._opened.clear()  # no span crosses an empty line
            case _:
                self.found.append(token.span())

    def _code(self, token: regex.Match[str]) -> None:
        runs = self._ticks.get(len(token[0]), [])
        index = bisect_right(runs, token.start())
        if index < len(runs):
            self.until = runs[index] + len(token[0])
            self.found.append((token.start(), self.until))

    def _emphasis(self, mark: str, start: int, end: int) -> None:
        before, after = self.text[start - 1 : start], self.text[end : end + 1]
        if mark in self._opened and before.strip():
            self._close(mark, end)
        elif after.strip() and not (mark[0] == "_" and before.isalnum()):
            self._opened[mark] = start

    def _close(self, opener: str, end: int) -> None:
        start = self._opened.pop(opener, None)
        if start is not None:
            self.found.append((start, end))


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
