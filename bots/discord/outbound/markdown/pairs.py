"""Tells which marks of emphasis Discord takes for a pair: the next one ends it, even in code. Pure.

The rules are those of the npm package discord-markdown-parser 1.3.1, which follows Discord's own
parser (rules `em`, `strong`, `u`, `strikethrough` and `spoiler`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from core.delivery.links import LINK

if TYPE_CHECKING:
    from collections.abc import Sequence

ESCAPE = r"\\[^0-9A-Za-z\s]"
"""A backslash and a sign, of which Discord draws the sign."""
_CODE = regex.compile(rf"{ESCAPE}|(?P<code>```[\s\S]+?```|(?P<run>`+)[\s\S]*?[^`](?P=run)(?!`))")
_ADDRESS = regex.compile(
    rf"{ESCAPE}|(?P<address>{LINK}|<https?://[^\s<>]++>|https?://[^\s<>|`)\]]+(?<![*_~.,:;!?]))"
)
_LINK = regex.compile(LINK)
_BRACKET = regex.compile(r"[\[\]]")
_TARGET = regex.compile(
    r"\(\s*<?(?:\([^)]{0,300}\)|[^\s\\]|\\.){0,300}?>?(?:\s+['\"][\s\S]{0,300}?['\"])?\s*\)"
)
"""Where a link leads, and its title."""
_TARGETS = 5
"""Ends of a link's words that are tried at most."""
_RUNS = {
    "*": regex.compile(r"\\[\s\S]|\*++"),
    "_": regex.compile(r"\\[\s\S]|_++"),
    "~": regex.compile(r"\\[\s\S]|~~++"),
}
_PLAIN = {
    "~": regex.compile(r"~(?=~(?!_))"),
    "|": regex.compile(r"\|(?=\|)"),
}
"""Where a strike or a spoiler may end; in them, a backslash is a plain sign."""
_WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_DOUBLE = 2


class Span(NamedTuple):
    """A part of a text."""

    start: int
    end: int


class Ending(NamedTuple):
    """Where Discord ends what a mark starts."""

    at: int
    size: int
    """The characters of the mark."""
    ends: bool = True
    """Whether it does; if not, the single mark at `at` keeps any other from it."""


class Links:
    """Finds masked links as Discord reads them: their words may hold brackets of any kind.

    The rule is that of `link` in the same package: words end at the last of the brackets behind
    them that a target follows, in code too.
    """

    def __init__(self, text: str) -> None:
        """Read a text, in linear time."""
        self._text = text
        self._last_end = text.rfind(")")
        self._targets: dict[int, int] = {}
        """Where the target behind a bracket ends, by where that is; -1 if there is none."""
        self._places = [found.start() for found in _BRACKET.finditer(text)]
        count = len(self._places)
        self._last = [-1] * count
        """For each closing bracket, the last of those that follow it without an opening one."""
        self._first = [-1] * (count + 1)
        """For each bracket, the first from there on that may end words."""
        closing = -1
        for index in range(count - 1, -1, -1):
            if text[self._places[index]] == "]":
                follows = index + 1 < count and self._last[index + 1] >= 0
                self._last[index] = self._last[index + 1] if follows else index
                self._first[index] = closing = index
            elif closing >= 0:
                self._first[index] = self._first[closing + 1]

    def at(self, start: int, end: int) -> tuple[Span, Span] | None:
        """Return the words and the target of the link that the bracket at `start` opens."""
        first = self._first[bisect_left(self._places, start) + 1]
        last = self._last[first] if first >= 0 else -1
        for index in range(last, max(first, last - _TARGETS) - 1, -1) if first >= 0 else ():
            close = self._places[index]
            after = self._target(close, end) if close < end else -1
            if after >= 0:
                return Span(start + 1, close), Span(close, after)
        return None

    def _target(self, close: int, end: int) -> int:
        """Return where the target behind a bracket ends; -1 if none ends before `end`."""
        found = self._targets.get(close)
        if found is None:
            found = self._targets[close] = self._matched(close, len(self._text))
        return self._matched(close, end) if found > end else found

    def _matched(self, close: int, end: int) -> int:
        if self._last_end < close:
            return -1
        target = _TARGET.match(self._text, close + 1, end)
        return target.end() if target is not None else -1


class _Signs:
    """Where one sign stands in a text, in code too."""

    def __init__(self, text: str, sign: str) -> None:
        found = [run.span() for run in _RUNS[sign].finditer(text)] if sign in _RUNS else []
        self.runs = [Span(*run) for run in found if text[run[0]] == sign]
        self.starts = [run.start for run in self.runs]
        self.odd = [run for run in self.runs if (run.end - run.start) % 2]
        self.odd_starts = [run.start for run in self.odd]
        if sign in _PLAIN:
            self.doubles = [each.start() for each in _PLAIN[sign].finditer(text)]
        else:
            self.doubles = [run.end - _DOUBLE for run in self.runs if run.end - run.start > 1]


class Pairs:
    """The marks of a text, and its code."""

    def __init__(self, text: str) -> None:
        """Read a text, in linear time."""
        self._text = text
        codes = _CODE.finditer(text) if "`" in text else ()
        self.code = [Span(*found.span("code")) for found in codes if found["code"]]
        self._code_starts = [code.start for code in self.code]
        found = _ADDRESS.finditer(text) if "://" in text or "](" in text else ()
        spans = [Span(*each.span("address")) for each in found if each["address"]]
        words = [each for each in spans if self.code_at(each.start) is None]
        self._addresses = [each for each in map(self._apart, words) if each.end > each.start]
        self._address_starts = [each.start for each in self._addresses]
        self._has_kept = bool(self.code or self._addresses)
        self._signs: dict[str, _Signs] = {}
        self._run = Span(0, 0)
        """The last run of marks that was asked for."""

    def _apart(self, address: Span) -> Span:
        """Return an address up to the code that begins in it; a link's words may have code."""
        code = self.code_from(*address)
        if not code:
            return address
        link = _LINK.match(self._text, address.start)
        if link is None:
            return Span(address.start, code[0].start)
        return address if code[-1].end <= link.end("words") else Span(address.start, address.start)

    def code_at(self, position: int) -> Span | None:
        """Return the code that a position is in."""
        return _at(self.code, self._code_starts, position)

    def is_kept(self, run: Span) -> bool:
        """Return whether marks are in code, or in an address or behind one."""
        if self.code_at(run.start):
            return True
        for at in (run.start, run.start - 1):  # Discord counts marks behind an address to it
            found = _at(self._addresses, self._address_starts, at)
            if found is not None:
                words = self._text[found.start] == "[" and _LINK.match(self._text, found.start)
                return at >= words.end("words") and at == run.start if words else True
        return False

    def kept_from(self, start: int, position: int) -> bool:
        """Return whether a position is in code, or in a link or an address that begins later."""
        if not self._has_kept:
            return False
        found = self.code_at(position) or _at(self._addresses, self._address_starts, position)
        return found is not None and found.start > start

    def code_from(self, start: int, end: int) -> list[Span]:
        """Return the code that begins in a part of the text."""
        first, stop = bisect_left(self._code_starts, start), bisect_left(self._code_starts, end)
        return self.code[first:stop]

    def kept_between(self, start: int, end: int) -> list[Span]:
        """Return the code, links and addresses that begin in a part of the text."""
        first = bisect_left(self._address_starts, start)
        stop = bisect_left(self._address_starts, end)
        found: list[Span] = []
        for span in sorted((*self.code_from(start, end), *self._addresses[first:stop])):
            if not found or span.start >= found[-1].end:
                found.append(span)
        return found

    def run_at(self, position: int) -> Span:
        """Return the marks of one sign that a mark is one of."""
        if self._run.start <= position < self._run.end:
            return self._run
        signs = self._of(self._text[position])
        index = bisect_right(signs.starts, position) - 1
        run = signs.runs[index] if index >= 0 else Span(position, position)
        if position >= run.end:
            return Span(position, position + _DOUBLE)
        self._run = run
        return run

    def next_in_words(self, run: Span, end: int) -> Span | None:
        """Return the next marks of the same sign in words, if they begin before `end`."""
        signs = self._of(self._text[run.start])
        for index in range(bisect_left(signs.starts, run.end), len(signs.runs)):
            after = signs.runs[index]
            if after.start >= end:
                return None
            if not self.kept_from(run.start, after.start):
                return Span(after.start, min(after.end, end))
        return None

    def ending(self, position: int, end: int) -> Ending | None:
        """Return where Discord ends, before `end`, what the mark at a position starts."""
        sign = self._text[position]
        signs = self._of(sign)
        single = self._single(position, signs, end) if sign in "*_" else None
        if self._text[position + 1 : position + _DOUBLE] != sign:
            return single
        closes = signs.doubles
        index = bisect_left(closes, position + _DOUBLE + 1)
        if index == len(closes) or closes[index] + _DOUBLE > end:
            return single
        at = closes[index]
        is_longer = single is not None and single.ends and single.at + 1 >= at + _DOUBLE
        return single if is_longer else Ending(at, _DOUBLE)

    def _of(self, sign: str) -> _Signs:
        signs = self._signs.get(sign)
        if signs is None:
            signs = self._signs[sign] = _Signs(self._text, sign)
        return signs

    def _single(self, position: int, signs: _Signs, end: int) -> Ending | None:
        """Return where italics end: at the last of the next odd number of marks, or nowhere."""
        text = self._text
        if text[position] == "*" and not text[position + 1 : position + 2].strip():
            return None
        run = self.run_at(position)
        rest = run.end - position - 1
        if rest % 2:
            closes = rest > 1 and run.end <= end and self._can_close(run, rest)
            return Ending(run.end - 1, 1) if closes else None
        index = bisect_left(signs.odd_starts, run.end)
        if index == len(signs.odd) or signs.odd[index].end > end:
            return None
        start, stop = signs.odd[index]
        return Ending(stop - 1, 1, self._can_close(signs.odd[index], stop - start))

    def _can_close(self, run: Span, size: int) -> bool:
        if self._text[run.start] == "_":
            return self._text[run.end : run.end + 1] not in _WORD
        return size > 1 or not self._text[run.start - 1].isspace()


def _at(spans: Sequence[Span], starts: Sequence[int], position: int) -> Span | None:
    index = bisect_right(starts, position) - 1
    return spans[index] if index >= 0 and position < spans[index].end else None
