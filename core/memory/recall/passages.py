"""What of the records that were read is shown again: the best passages that fit, word for word.

Only what a record says now is shown, whatever the index thinks of it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from core.domain.session import Answer, AnswerKind, Passage, Status
from core.memory.recall.index import digest_of, parts_of, slot_of
from core.memory.recall.words import ENGLISH, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.domain.session import Entry, Record
    from core.memory.recall.choose import Hit
    from core.memory.recall.index import Index, Slot
    from core.memory.recall.words import Wanted

GAP: Final = " [...] "
_FILE_GAP: Final = "\n[...]\n"
MOST_FILES: Final = 4
"""Files that a turn reads again at most: each may have to be fetched, while people wait."""
_LONG_TURN: Final = 8
"""Messages from which on an answer to them is not shown: whether it may be depends on all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may be shown."""

    budget: int
    """The tokens of all that is quoted."""
    bot_budget: int
    """Those of them that may be the bot's."""
    file_budget: int
    """Those of them that may be of files."""
    count: Callable[[str], int]
    """Counts the tokens of a text."""


def to_read(hits: Sequence[Hit], room: Room, *, each: float, most: int) -> list[Hit]:
    """Return the hits that are worth reading to fill the room.

    Args:
        hits: What bears on the query, best first.
        room: How much may be shown.
        each: The bytes of a token, rather too many than too few.
        most: The most positions to read.
    """
    wanted: list[Hit] = []
    positions: set[int] = set()
    files: set[str] = set()
    left, bot_left = room.budget * each, room.bot_budget * each
    file_left = room.file_budget * each
    for hit in hits:
        more = positions | _positions(hit)
        if left <= 0 or len(more) > most:
            break
        if hit.by_bot and bot_left <= 0:
            continue
        if hit.file:
            if file_left <= 0 or (hit.file not in files and len(files) == MOST_FILES):
                continue
            files.add(hit.file)
            file_left -= hit.weight
        wanted.append(hit)
        positions = more
        left -= hit.weight
        bot_left -= hit.weight if hit.by_bot else 0
    return wanted


def positions_of(hits: Iterable[Hit]) -> set[int]:
    """Return the positions to read for these hits."""
    return {position for hit in hits for position in _positions(hit)}


def _positions(hit: Hit) -> set[int]:
    """Return the positions of a message, or of an answer and of all that it answers."""
    position = hit.slot[0]
    return (
        {*range(max(hit.start, position - _LONG_TURN), position + 1)} if hit.by_bot else {position}
    )


@dataclass(slots=True)
class _Shown:
    """A record of which passages are shown."""

    record: Record
    parts: list[str]
    is_as_indexed: bool
    """The index has what it says now."""
    file: str = ""
    """The name of the file, if these are passages of one."""
    chosen: set[int] = field(default_factory=set)

    def passage(self) -> Passage:
        """Return the passages, in their order, as one text."""
        record, whole = self.record, len(self.chosen) == len(self.parts)
        by_bot = isinstance(record, Answer)
        return Passage(
            position=record.position,
            who="" if isinstance(record, Answer) else record.author.name,
            person="" if isinstance(record, Answer) else record.author.tag,
            when=record.sent_at,
            text=self._text(),
            file=self.file,
            whole=whole,
            by_bot=by_bot,
            platform_id=_platform_id(record),
        )

    def _text(self) -> str:
        text, last = "", -1
        for number in sorted(self.chosen):
            if number > last + 1:
                gap = _FILE_GAP if self.file else GAP
            else:
                gap = "\n" if self.parts[number].startswith("[") and not self.file else ""
            text += (gap if last >= 0 or number else "") + self.parts[number]
            last = number
        return text.strip()


class FileText(NamedTuple):
    """A file that was read again."""

    slot: Slot
    entry: Entry
    """The message that has it."""
    name: str
    parts: list[str]
    is_as_indexed: bool


def choose(
    hits: Sequence[Hit],
    records: Iterable[Record],
    index: Index,
    wanted: Wanted,
    room: Room,
    files: Iterable[FileText] = (),
) -> tuple[Passage, ...]:
    """Return what is shown of the records and files that were read, oldest first.

    What has changed since it was indexed is shown as it is now, or not at all if it has no word of
    the query any more. Of files that say the same, only one is shown.
    """
    shown = {
        slot_of(each): _Shown(each, parts, index.digest(slot_of(each)) == digest_of(parts))
        for each in _showable(records)
        for parts in (parts_of(each),)
    }
    for slot, entry, name, parts, is_as_indexed in files:
        shown[slot] = _Shown(entry, parts, is_as_indexed, name)
    left, bot_left, file_left = room.budget, room.bot_budget, room.file_budget
    seen: set[tuple[Slot, int] | str] = set()
    for hit in hits:
        one = shown.get(hit.slot)
        part = None if one is None else _part(hit, one, wanted)
        if one is None or part is None:
            continue
        what = one.parts[part] if hit.file else (hit.slot, part)
        if what in seen:
            continue
        seen.add(what)
        tokens = room.count(one.parts[part])
        if tokens > min(left, bot_left if hit.by_bot else file_left if hit.file else left):
            continue
        one.chosen.add(part)
        left -= tokens
        bot_left -= tokens if hit.by_bot else 0
        file_left -= tokens if hit.file else 0
    return tuple(shown[slot].passage() for slot in sorted(shown) if shown[slot].chosen)


def _part(hit: Hit, one: _Shown, wanted: Wanted) -> int | None:
    """Return which passage to show; if the text has changed, its best one, or None."""
    if one.is_as_indexed:
        return hit.part
    best = max(range(len(one.parts)), key=lambda n: _shared(one.parts[n], wanted), default=None)
    return best if best is not None and _shared(one.parts[best], wanted) else None


def _shared(text: str, wanted: Wanted) -> int:
    """Return how many words of the query stand in a text."""
    return len(wanted.words.intersection(terms_of(text, ENGLISH).words))


def _showable(records: Iterable[Record]) -> list[Record]:
    """Return the records that may be shown.

    An answer that may tell what was in a file that is gone may not; nor may any but an answer.
    """
    found: list[Record] = []
    lost = False
    for record in records:
        if isinstance(record, Answer):
            if record.kind is AnswerKind.ANSWER and not lost:
                found.append(record)
            lost = False
        else:
            lost = lost or record.lost_file
            if record.status is not Status.DELETED:
                found.append(record)
    return found


def _platform_id(record: Record) -> str:
    if isinstance(record, Answer):
        return record.posted[0] if record.posted else ""
    return record.platform_id
