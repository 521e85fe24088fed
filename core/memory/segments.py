"""What a summary keeps when it grows: room for what lasts, and a rule for what goes first. Pure.

The lasting lines take at most half of the tokens. A line that has found its place there keeps it:
a fold drops none. A lasting line that comes when that half is full waits in the other half, with
what was going on. If the summary is too long, these lines go, each kind oldest first:

1. lines that a later one corrects;
2. lines that another one says in the same words;
3. what was going on, but for a quarter of the tokens that the newest segment keeps for it;
4. lasting lines that wait;
5. what was going on in the newest segment.

What goes is still in the log, where recall and exports find it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from core.domain.summary import (
    BULLET,
    GOING_ON_TITLE,
    LASTING_TITLE,
    LineKind,
    Segment,
    is_corrected,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from core.domain.summary import Line

_NEWEST_SHARE = 4
_WORD = re.compile(r"\w+")
_LASTS = {LineKind.LASTING, LineKind.WAITING}


class _Placed(NamedTuple):
    """A line, and where it stands."""

    segment: int
    number: int
    line: Line
    size: int
    """Its tokens."""

    @property
    def place(self) -> tuple[int, int]:
        return self.segment, self.number


def fitted(
    segments: Sequence[Segment], *, most: int, count: Callable[[str], int]
) -> tuple[Segment, ...]:
    """Return the segments with as many lines as `most` tokens hold, by the rule above.

    `count` returns the tokens of a text.
    """
    placed = [
        _Placed(number, index, line, count(f"{BULLET}{line.text}\n"))
        for number, segment in enumerate(segments)
        for index, line in enumerate(segment.lines)
    ]
    room = most - count(LASTING_TITLE) - count(GOING_ON_TITLE)
    lasting = _lasting(placed, segments, room // 2)
    dropped = _dropped(placed, segments, lasting, room)
    return joined(_with(segments, lasting, dropped))


def joined(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments, those of which nothing is kept as one with their neighbours."""
    left: list[Segment] = []
    for segment in segments:
        if left and left[-1].is_blank and segment.is_blank:
            shortened = max(left[-1].shortened_to, segment.shortened_to)
            left[-1] = replace(left[-1], end=segment.end, shortened_to=shortened)
        else:
            left.append(segment)
    return tuple(left)


def replaced(
    segments: Sequence[Segment], begin: int, end: int, made: Sequence[Segment]
) -> tuple[Segment, ...]:
    """Return the segments with those that were made in place of the positions [begin, end).

    The positions lie in one segment, or behind the last one; what is left of that one on both sides
    says nothing.
    """
    kept: list[Segment] = []
    done = False
    for segment in segments:
        if begin not in segment:
            kept.append(segment)
            continue
        done = True
        if segment.begin < begin:
            kept.append(Segment(begin=segment.begin, end=begin))
        kept += made
        if end < segment.end:
            rest = tuple(each for each in segment.edits if each >= end)
            kept.append(Segment(begin=end, end=segment.end, stale=bool(rest), edits=rest))
    return tuple(kept) if done else (*kept, *made)


def lasting_notes(segments: Sequence[Segment]) -> tuple[tuple[int, int], ...]:
    """Return where the lasting lines stand that nothing corrects: the segment and the index."""
    return tuple(
        (number, index)
        for number, segment in enumerate(segments)
        for index, line in enumerate(segment.lines)
        if line.kind in _LASTS and not is_corrected(line, segments)
    )


def corrected(
    segments: Sequence[Segment], found: Mapping[tuple[int, int], int]
) -> tuple[Segment, ...]:
    """Return the segments with these lines corrected, each in the segment of that number."""
    return tuple(
        replace(
            segment,
            lines=tuple(
                line._replace(corrected_at=segments[found[number, index]].begin)
                if (number, index) in found
                else line
                for index, line in enumerate(segment.lines)
            ),
        )
        for number, segment in enumerate(segments)
    )


def uncorrected(segments: Sequence[Segment], begin: int, end: int) -> tuple[Segment, ...]:
    """Return the segments without what the positions [begin, end) have corrected in others."""
    return tuple(
        replace(
            segment,
            lines=tuple(
                line._replace(corrected_at=-1) if begin <= line.corrected_at < end else line
                for line in segment.lines
            ),
        )
        for segment in segments
    )


def _lasting(
    placed: Sequence[_Placed], segments: Sequence[Segment], room: int
) -> set[tuple[int, int]]:
    """Return the places of the lines that last: those that did before, then the others."""
    chosen: set[tuple[int, int]] = set()
    said: set[tuple[str, ...]] = set()
    for kind in (LineKind.LASTING, LineKind.WAITING):
        for item in placed:
            words = _words(item.line)
            if item.line.kind is not kind or item.size > room or words in said:
                continue
            if is_corrected(item.line, segments):
                continue
            room -= item.size
            chosen.add(item.place)
            said.add(words)
    return chosen


def _dropped(
    placed: Sequence[_Placed],
    segments: Sequence[Segment],
    lasting: Collection[tuple[int, int]],
    room: int,
) -> set[tuple[int, int]]:
    over = sum(item.size for item in placed) - room
    dropped: set[tuple[int, int]] = set()
    for item in _in_turn(placed, segments, lasting, room // _NEWEST_SHARE):
        if over <= 0:
            break
        if item.place not in dropped:
            dropped.add(item.place)
            over -= item.size
    return dropped


def _in_turn(
    placed: Sequence[_Placed],
    segments: Sequence[Segment],
    lasting: Collection[tuple[int, int]],
    kept: int,
) -> Iterator[_Placed]:
    """Yield the lines that may go, those first that go first; some come twice."""
    may_go = [item for item in placed if item.place not in lasting]
    yield from (item for item in may_go if is_corrected(item.line, segments))
    yield from _repeated(placed, may_go)
    newest = max((item.segment for item in placed), default=0)
    going_on = [item for item in may_go if item.line.kind is LineKind.GOING_ON]
    left = sum(item.size for item in going_on)
    for item in going_on:
        if item.segment != newest or left > kept:
            left -= item.size
            yield item
    yield from (item for item in may_go if item.line.kind in _LASTS)
    yield from going_on


def _repeated(placed: Sequence[_Placed], may_go: Sequence[_Placed]) -> Iterator[_Placed]:
    left = Counter(_words(item.line) for item in placed)
    for item in may_go:
        words = _words(item.line)
        if left[words] > 1:
            left[words] -= 1
            yield item


def _words(line: Line) -> tuple[str, ...]:
    return tuple(sorted(_WORD.findall(line.text.casefold())))


def _with(
    segments: Sequence[Segment],
    lasting: Collection[tuple[int, int]],
    dropped: Collection[tuple[int, int]],
) -> list[Segment]:
    made = []
    for number, segment in enumerate(segments):
        lines = tuple(
            line._replace(kind=_kind(line, lasts=(number, index) in lasting))
            for index, line in enumerate(segment.lines)
            if (number, index) not in dropped
        )
        stale = segment.stale and bool(lines or segment.edits)
        made.append(replace(segment, lines=lines, stale=stale))
    return made


def _kind(line: Line, *, lasts: bool) -> LineKind:
    if line.kind is LineKind.GOING_ON:
        return line.kind
    return LineKind.LASTING if lasts else LineKind.WAITING
