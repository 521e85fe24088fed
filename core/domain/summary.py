"""A summary as a list of segments, one for each fold, and the form in which it is stored. Pure.

A segment stands for some turns, and its lines say nothing but what is in them. So an edit or a
deletion concerns one segment: the others stand. A lasting line is to be remembered for good; the
others say what was going on.

Stored, a segment is `RS BEGIN-END STATE`, and behind that each of its lines behind a newline and a
sign. RS is the control character of that name: no line holds it, since a line has no white space
but blanks, and no summary of an earlier version begins with it. A line with the sign ^ is a
number: the position before which the window shows long answers by their start. The Redis script
`amend.lua` reads this form, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LASTING_TAG = "chat_lasting"
GOING_ON_TAG = "chat_going_on"
"""The marks around the two lists that a model writes of turns."""
LASTING_TITLE = "What lasts (if two lines disagree, the later one is right):"
GOING_ON_TITLE = "What was going on:"
NOTHING_LEFT = "Nothing is left of what was said before this."
"""A summary without a line; a summary that is shown is never empty."""
BULLET = "- "
LINE_LIMIT = 400
"""Characters from which on a line is split: each line is kept or dropped as a whole."""
EDITS_LIMIT = 16
"""Edits in a segment without lines that wait for a rebuild; there is nothing wrong in it."""

_MARK = "\x1e"
_SEGMENT = re.compile(r"(\d+)-(\d+)([sw]?)([\d,]*)")
_CORRECTED = "~"
_SHORTENED = "^"
_SHORTENED_LINE = re.compile(rf"\n\{_SHORTENED}(\d+)")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])")


class LineKind(StrEnum):
    """How long a line is kept; the value is its sign in the store."""

    LASTING = "+"
    WAITING = "="
    """It should last, but the room for that was full; of the others, it goes last."""
    GOING_ON = "-"


_LASTING_SIGN = LineKind.LASTING.value
_OTHER_SIGNS = LineKind.WAITING.value + LineKind.GOING_ON.value


class Line(NamedTuple):
    """One statement of a summary, on one line."""

    text: str
    kind: LineKind = LineKind.GOING_ON
    corrected_at: int = -1
    """A position in the segment that corrects it; -1 if none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands for the positions [0, covers)."""

    covers: int
    text: str
    """What people and models read of it."""
    stale: bool = False
    """Something that it covers was edited or deleted since, so a part of it must be rebuilt."""
    withheld: bool = False
    """A deletion has removed at least a part of its text."""
    stored: str = ""
    """Its segments as they are stored; empty if an earlier version made it."""
    shortened_to: int = 0
    """The position before which the window shows long answers by their start."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Return its segments; none if an earlier version made it: it is rebuilt as a whole."""
        return loaded(self.stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is remembered of the turns at the positions [begin, end)."""

    begin: int
    end: int
    lines: tuple[Line, ...] = ()
    stale: bool = False
    """Something in these turns was edited since."""
    withheld: bool = False
    """A deletion has removed its lines."""
    edits: tuple[int, ...] = ()
    """Positions that were edited since, if it has no lines that could be wrong."""
    shortened_to: int = 0
    """Of the last segment: as in `Summary`."""

    def __contains__(self, position: int) -> bool:
        """Return whether a position is one of its turns'."""
        return self.begin <= position < self.end

    @property
    def is_blank(self) -> bool:
        """Return whether nothing is kept of it, and nothing is to be done about it."""
        return not (self.lines or self.stale or self.withheld)


def read(covers: int, stored: str, *, stale: bool, withheld: bool) -> Summary:
    """Return a summary from what is stored of it.

    Each turn does this, so the segments are not made here.
    """
    if not stored.startswith(_MARK):
        text = "" if withheld else stored
        return Summary(covers=covers, text=text, stale=stale, withheld=withheld)
    if f"\n{_CORRECTED}" in stored:
        text = text_of(loaded(stored))
    else:
        lines = stored.replace(_MARK, f"\n{_MARK}").split("\n")
        lasting = [line[1:] for line in lines if line and line[0] == _LASTING_SIGN]
        others = [line[1:] for line in lines if line and line[0] in _OTHER_SIGNS]
        text = _composed(lasting, others, withheld=withheld)
    shortened = _SHORTENED_LINE.findall(stored) if f"\n{_SHORTENED}" in stored else ()
    return Summary(
        covers=covers,
        text=text,
        stale=stale,
        withheld=withheld,
        stored=stored,
        shortened_to=max(map(int, shortened), default=0),
    )


def dumped(segments: Iterable[Segment]) -> str:
    """Return segments as they are stored."""
    return "".join(map(_dumped, segments))


def loaded(stored: str) -> tuple[Segment, ...]:
    """Return the segments that `dumped` wrote; none for a summary of an earlier version."""
    if not stored.startswith(_MARK):
        return ()
    return tuple(map(_loaded, stored[1:].split(_MARK)))


def whole(text: str, *, begin: int, end: int, stale: bool, withheld: bool) -> tuple[Segment, ...]:
    """Return a summary of an earlier version as one segment.

    It was to keep every fact, so its lines last.
    """
    if begin >= end:
        return ()
    lines = tuple(Line(line, LineKind.WAITING) for line in split(text))
    if not (lines or stale or withheld):
        withheld = True
    return (Segment(begin=begin, end=end, lines=lines, stale=stale, withheld=withheld),)


def changed(stored: str, position: int, *, removed: bool) -> tuple[str, bool, bool]:
    """Return a stored summary once a message that it covers was changed.

    Args:
        stored: The summary.
        position: The message's position.
        removed: The message or one of its files is gone, so what is said of it goes as well.

    Returns:
        What is stored from now on, and whether that is stale and whether it is withheld.
    """
    segments = loaded(stored)
    if not segments:
        return ("", True, True) if removed else (stored, True, False)
    now = [_changed(each, position, removed=removed) for each in segments]
    return (dumped(now), *state_of(now))


def state_of(segments: Iterable[Segment]) -> tuple[bool, bool]:
    """Return whether any segment must be rebuilt, and whether any has lost its lines."""
    states = [(each.stale or each.withheld, each.withheld) for each in segments]
    return any(stale for stale, _ in states), any(withheld for _, withheld in states)


def text_of(segments: Sequence[Segment]) -> str:
    """Return what people and models read: the lasting lines, then the others.

    It is empty if nothing is left, but something is being rebuilt.
    """
    return _composed(*parts_of(segments), withheld=any(each.withheld for each in segments))


def _composed(lasting: Iterable[str], others: Iterable[str], *, withheld: bool) -> str:
    lasting, others = dict.fromkeys(lasting), dict.fromkeys(others)
    if not lasting and not others:
        return "" if withheld else NOTHING_LEFT
    if not lasting:
        return "\n".join(others)
    parts = [LASTING_TITLE, *(BULLET + text for text in lasting)]
    if others:
        parts += [GOING_ON_TITLE, *(BULLET + text for text in others)]
    return "\n".join(parts)


def lasting_ends(summary: Summary) -> tuple[int, ...]:
    """Return behind how many lines of a summary's text the lasting ones of each segment end.

    A fold adds lasting lines behind those that are there, and changes few of them, so what stands
    before such a place mostly stays the same.
    """
    head = summary.text.partition(f"\n{GOING_ON_TITLE}\n")[0]
    if not summary.stored or not head.startswith(LASTING_TITLE):
        return ()
    places = {line: number for number, line in enumerate(head.split("\n"), 1)}
    ends: set[int] = set()
    for segment in summary.stored.split(_MARK):
        start = segment.rfind(f"\n{_LASTING_SIGN}")
        if start >= 0:
            line = segment[start + 2 :].partition("\n")[0]
            ends.add(places.get(BULLET + line, 0))
    return tuple(sorted(ends - {0}))


def parts_of(segments: Sequence[Segment]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lasting lines, and the others, each once and without those that are corrected."""
    shown = [line for each in segments for line in each.lines if not is_corrected(line, segments)]
    lasting = dict.fromkeys(line.text for line in shown if line.kind is LineKind.LASTING)
    others = dict.fromkeys(line.text for line in shown if line.kind is not LineKind.LASTING)
    return tuple(lasting), tuple(others)


def is_corrected(line: Line, segments: Sequence[Segment]) -> bool:
    """Return whether a later segment corrects a line, and is there."""
    if line.corrected_at < 0:
        return False
    return any(line.corrected_at in each and not each.withheld for each in segments)


def split(text: str) -> list[str]:
    """Return the statements of a text, without bullets, each on one line that is not too long."""
    lines: list[str] = []
    for raw in text.splitlines():
        line = " ".join(raw.split())
        line = line.removeprefix(BULLET)
        lines += [line] if len(line) <= LINE_LIMIT else _shorter(line)
    return [line for line in lines if any(map(str.isalnum, line))]


def _shorter(line: str) -> list[str]:
    parts: list[str] = []
    for sentence in _END_OF_SENTENCE.split(line):
        if parts and len(parts[-1]) + len(sentence) < LINE_LIMIT:
            parts[-1] = f"{parts[-1]} {sentence}"
            continue
        parts += [
            sentence[start : start + LINE_LIMIT] for start in range(0, len(sentence), LINE_LIMIT)
        ]
    return [part.strip() for part in parts]


def _dumped(segment: Segment) -> str:
    state = "w" if segment.withheld else "s" if segment.stale else ""
    edits = ",".join(map(str, segment.edits))
    lines = "".join(f"\n{_sign(line)}{line.text}" for line in segment.lines)
    if segment.shortened_to and lines:  # a segment without lines is only its bounds
        lines += f"\n{_SHORTENED}{segment.shortened_to}"
    return f"{_MARK}{segment.begin}-{segment.end}{state}{edits}{lines}"


def _sign(line: Line) -> str:
    return line.kind if line.corrected_at < 0 else f"{_CORRECTED}{line.corrected_at}{line.kind}"


def _loaded(stored: str) -> Segment:
    head, *lines = stored.split("\n")
    found = _SEGMENT.fullmatch(head)
    if found is None:
        raise ValueError("a stored summary has an unknown form")
    begin, end, state, edits = found.groups()
    shortened = [int(line[1:]) for line in lines if line.startswith(_SHORTENED)]
    lines = [line for line in lines if not line.startswith(_SHORTENED)]
    return Segment(
        begin=int(begin),
        end=int(end),
        lines=tuple(map(_line, lines)),
        stale=state == "s",
        withheld=state == "w",
        edits=tuple(map(int, edits.split(","))) if edits else (),
        shortened_to=max(shortened, default=0),
    )


def _line(stored: str) -> Line:
    if stored[0] != _CORRECTED:
        return Line(stored[1:], LineKind(stored[0]))
    place = re.match(r"\d+", stored[1:])
    end = 1 + len(place[0]) if place else 1
    return Line(stored[end + 1 :], LineKind(stored[end]), int(place[0]) if place else -1)


def _changed(segment: Segment, position: int, *, removed: bool) -> Segment:
    if position not in segment or segment.withheld:
        return segment
    if segment.lines:
        if removed:
            return replace(segment, lines=(), stale=False, withheld=True)
        return replace(segment, stale=True)
    if removed or position in segment.edits or len(segment.edits) >= EDITS_LIMIT:
        return segment
    return replace(segment, stale=True, edits=(*segment.edits, position))
