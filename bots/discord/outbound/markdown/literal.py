"""Escapes signs in words that only Discord takes for Markdown, whatever surrounds them. Pure.

Of `******`, Discord draws two in italics (approvers/OreOreBot2, issue 574), and of `**> 5 s**` at
the start of a line, a quote in bold without its `>` (both measured with the npm package
discord-markdown-parser 1.3.1). Models mean what CommonMark draws: these signs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

# not `re`: before Python 3.11.5, its possessive groups match wrongly
import regex  # type: ignore[import-untyped] # ships no types

from bots.discord.outbound.markdown.pairs import ESCAPE, Pairs, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONG = regex.compile(rf"{ESCAPE}|(?P<run>\*{{4,}}+|_{{4,}}+|~{{4,}}+)")
_BEHIND_QUOTE = regex.compile(r"^[ ]*+>[ ][^\n]*+\n(?=(?:\#{1,3}|-\#)[ ])", regex.MULTILINE)
"""A quote with a heading right behind it, which the package above does not draw as one."""
_INNER_START = regex.compile(
    r"^(?:[ ]?>[ ])?(?:(?:\#{1,3}|-\#)[ ]++)?(?:[*_]{1,3}|~~|\|\||\[)++"
    r"(?=(?:\#{1,3}|-\#)[ ]|>(?:>>)?[ ])",
    regex.MULTILINE,
)
"""What Discord reads like the start of a line, behind the marks that a line starts with."""

_ESCAPED_WITHIN = regex.compile(r"(?<=\w)\\_(?=\w)")
_START = regex.compile(r"\A(?=(?:\#{1,3}|-\#|>)[ ])")
_UNMASKED = regex.compile(r"\\[^\w\s]|(?P<sign>[*_~])(?P=sign){3}|\A(?:\#{1,3}|-\#|>)[ ]")
"""What Discord shows of the words of a masked link only with a backslash, or not at all.

It reads no escapes there (discord/discord-api-docs, issue 6185).
"""


class Edit(NamedTuple):
    """A change of a text."""

    start: int
    end: int
    rank: int
    """The order of what is put in at one place: what ends inside of others comes first."""
    made: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with these changes, which do not overlap."""
    made: list[str] = []
    at = 0
    for edit in sorted(edits):
        made += (text[at : edit.start], edit.made)
        at = edit.end
    return "".join((*made, text[at:]))


def plain_signs(text: str, marks: Span) -> Edit:
    """Return the change that makes marks plain signs."""
    start, end = marks
    return Edit(start, end, 0, f"\\{text[start]}" * (end - start))


def literal(message: str) -> str:
    """Return a message in which such signs are escaped, in linear time."""
    starts = [found.end() for found in _INNER_START.finditer(message)]
    runs = [Span(*found.span("run")) for found in _LONG.finditer(message) if found["run"]]
    gaps = [found.end() for found in _BEHIND_QUOTE.finditer(message)] if "> " in message else []
    if not (starts or runs or gaps):  # nearly always
        return message
    pairs = Pairs(message)
    edits = [Edit(at, at, 0, "\\") for at in starts if pairs.code_at(at) is None]
    edits += [Edit(at, at, 0, "\n") for at in gaps if pairs.code_at(at) is None]
    words = [run for run in runs if not pairs.is_kept(run)]
    edits += [plain_signs(message, run) for run in _lone(message, words, pairs)]
    return edited(message, edits)


def masked(label: str) -> tuple[str, bool]:
    """Return the words of a link, and whether Discord shows them unchanged in a masked link."""
    label = _ESCAPED_WITHIN.sub("_", label)
    if not _UNMASKED.search(label):
        return label, True
    return (f"\\{label}" if _START.match(label) else label), False


def _lone(text: str, runs: Sequence[Span], pairs: Pairs) -> Iterator[Span]:
    """Yield the runs of four or more marks that do not enclose words alone.

    Of `****so****`, Discord draws bold words, as CommonMark does.
    """
    opened: Span | None = None
    for run in runs:
        if opened and _is_closed(text, opened, run, pairs):
            opened = None
            continue
        if opened:
            yield opened
        opened = run if _can_open(text, run) else None
        if not opened:
            yield run
    if opened:
        yield opened


def _is_closed(text: str, opened: Span, run: Span, pairs: Pairs) -> bool:
    """Return whether two runs of marks are a pair: of one kind, in one paragraph, around words."""
    if text[slice(*opened)] != text[slice(*run)] or not _can_close(text, run):
        return False
    between = Span(opened.end, run.start)
    return "\n\n" not in text[slice(*between)] and not pairs.kept_between(*between)


def _can_open(text: str, run: Span) -> bool:
    return _flanks(text[run.start - 1 : run.start], text[run.end : run.end + 1], text[run.start])


def _can_close(text: str, run: Span) -> bool:
    return _flanks(text[run.end : run.end + 1], text[run.start - 1 : run.start], text[run.start])


def _flanks(outside: str, inside: str, sign: str) -> bool:
    """Return whether marks between these two characters enclose the second one.

    The rule is CommonMark's (spec 0.31.2, "Emphasis and strong emphasis").
    """
    apart = not outside.isalnum()
    return bool(inside.strip()) and (apart or (inside.isalnum() and sign != "_"))
