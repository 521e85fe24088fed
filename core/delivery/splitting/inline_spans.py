"""What within the lines of a Markdown text must not be cut: code, links, emphasis. Pure.

Takes time in proportion to the text, whatever is in it: what models write may go astray.
"""

from __future__ import annotations

from bisect import bisect_right

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

_TOKEN = regex.compile(
    r"\\.|`++|\n[ \t]*+\n|!?\[|\]\((?:[^()\s\\]|\\.|\([^()\s]*+\))*+(?:[ \t]++\"[^\"\n]*+\")?+\)"
    r"|<[A-Za-z@!#][^<>\s]*+>|(?:https?|mailto)://?[^\s<>]++|&[#\w]{1,9};"
    r"|\*{1,3}+|_{1,3}+|~~|\|\|",
    regex.DOTALL,
)
_TICKS = regex.compile(r"`++")


def spans_of(text: str) -> list[tuple[int, int]]:
    """Return the stretches of a text without fences that a cut would break, in order, merged.

    They are inline code, links, addresses, character references and emphasis.
    """
    scan = _Scan(text)
    for token in _TOKEN.finditer(text):
        if token.start() >= scan.until:
            scan.take(token)
    return _merged(scan.found)


class _Scan:
    """What is open at a point of a text, and what was found up to there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[int, int]] = []
        self.until = 0
        """Tokens before this position are inside of code, and mean nothing."""
        self._opened: dict[str, int] = {}
        self._ticks: dict[int, list[int]] = {}
        for run in _TICKS.finditer(text):
            self._ticks.setdefault(len(run[0]), []).append(run.start())

    def take(self, token: regex.Match[str]) -> None:
        """Go on to this token."""
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
                self._opened.clear()  # nothing spans an empty line
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
