"""The index of the files of one thread: which terms stand in which passages of their texts. Pure.

It is beside the index of what was said, so a conversation without files has none. It holds the
references of files and hashes, and no text. A file's text is not in the store: what is shown of it
is read from its platform again, and only if its message still has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from core.memory.recall.choose import Within, authors_of, find
from core.memory.recall.index import (
    Index,
    Unit,
    author_of,
    compacted,
    digest_of,
    readable,
    with_date,
)
from core.memory.recall.living import FILE_WEIGHTS
from core.memory.recall.words import name_terms, passages_of, terms_of

if TYPE_CHECKING:
    from array import array
    from collections.abc import Collection, Iterable

    from core.domain.message import Attachment
    from core.domain.session import Entry, Turn
    from core.memory.recall.choose import Hit
    from core.memory.recall.words import Wanted

Key: TypeAlias = tuple[int, str]
"""A file: the position of its message, and the file's id there."""

MOST_FILES: Final = 32
"""Files of a thread that are indexed, the newest."""
MOST_PASSAGES: Final = 4_096
"""Passages of all files of a thread that are indexed: some 4 MB, and a query of a millisecond."""
FILE_PASSAGES: Final = 512
"""Passages of a file that are indexed: all of what a prompt shows of a text (128 KB)."""
_FILE = 2
"""What the second part of a slot is for the first file, behind a message and an answer."""
_DEAD_SHARE = 4
"""An index of which one in so many passages is dead is made smaller."""
_TRIES = 3
"""How often a file is fetched for the index, if it can't be read."""
_NO_TEXT = ("image/", "font/", "application/pdf", "application/zip", "application/gzip")
_OFFICE = "application/vnd.openxmlformats"
"""What surely has no text that can be read. (What Windows calls Excel's may be CSV.)"""


def files_in(turns: Iterable[Turn]) -> list[Key]:
    """Return the files of finished turns that may have a text, and may be shown again."""
    return [
        (entry.position, file.id)
        for turn in turns
        if turn.attachments  # few have any
        for entry in readable(turn)
        for file in getattr(entry, "attachments", ())
        if not file.media_type.startswith((*_NO_TEXT, _OFFICE))
    ]


def parts_in(text: str) -> list[str]:
    """Return the passages of a file's text that are indexed, each whole."""
    return [text[begin:end] for begin, end in passages_of(text)[:FILE_PASSAGES]]


def unit_of(entry: Entry, file: Attachment, text: str, *, number: int, talk: Index) -> Unit:
    """Return a file, read for the index, as the unit with this number.

    Its passages are also found by its name, and by the day and the author of its message.
    """
    parts, named = parts_in(text), name_terms(file.name)
    passages = []
    for part in parts:
        terms = with_date(terms_of(part, talk.language), entry, talk.zone)
        if terms.words or terms.grams:
            terms = terms._replace(words=(*terms.words, *named))
        passages.append((len(part.encode(errors="replace")), terms))
    return Unit(
        slot=(number, 0),
        start=entry.position,
        digest=digest_of(parts),
        author=author_of(entry),
        when=entry.sent_at,
        passages=tuple(passages),
    )


@dataclass(slots=True)
class FileIndex:
    """The files of one thread, as far as they are read."""

    index: Index
    """Its units are files, by their numbers."""
    numbers: dict[Key, int] = field(default_factory=dict)
    """The files that are indexed, in the order in which they were."""
    keys: dict[int, Key] = field(default_factory=dict)
    """The same by number."""
    lacking: dict[Key, int] = field(default_factory=dict)
    """The files that are to be read, and how often that has failed."""
    read: set[Key] = field(default_factory=set)
    """All others that were read, if only to find no text."""
    next_number: int = 0
    """The number of the next file."""

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        return self.index.size

    def note(self, files: Collection[Key]) -> None:
        """Note files that are to be read, unless they are."""
        known = self.read | self.lacking.keys()
        self.lacking |= {key: 0 for key in files if key not in known}
        for key in sorted(self.lacking)[:-MOST_FILES]:
            self.settle(key)

    def retain(self, files: Collection[Key]) -> None:
        """Drop all files but these, which are all that the thread has; note those that are new."""
        living = set(files)
        for key in self.numbers.keys() - living:
            self._drop(key)
        self.read &= living
        self.lacking = {key: tries for key, tries in self.lacking.items() if key in living}
        self.note(files)
        self._compact()

    def add(self, key: Key, unit: Unit) -> None:
        """Add a file that is lacking; the oldest ones leave if there are too many."""
        if key not in self.lacking:  # it was removed meanwhile
            return
        self.settle(key)
        if key in self.numbers:
            self._drop(key)
        self.next_number = max(self.next_number, unit.slot[0] + 1)
        self.numbers[key], self.keys[unit.slot[0]] = unit.slot[0], key
        self.index.add([unit])
        for oldest in sorted(self.numbers):
            living = len(self.index.owners) - self.index.dead
            if living <= MOST_PASSAGES and len(self.numbers) <= MOST_FILES:
                break
            self._drop(oldest)
        self._compact()

    def failed(self, key: Key) -> None:
        """Note that a file could not be read."""
        if key in self.lacking:
            self.lacking[key] += 1
            if self.lacking[key] >= _TRIES:
                self.settle(key)

    def settle(self, key: Key) -> None:
        """Note that a file need not be read for the index again."""
        self.lacking.pop(key, None)
        self.read.add(key)

    def renew(self, key: Key, *, gone: bool) -> None:
        """Drop a file that has changed on its platform; read it again unless it is `gone`."""
        self._drop(key)
        self.read.discard(key)
        self.lacking[key] = 0
        if gone:
            self.settle(key)
        self._compact()

    def digest(self, key: Key) -> int | None:
        """Return the hash of a file's text; None if it is not indexed."""
        number = self.numbers.get(key)
        return None if number is None else self.index.digest((number, 0))

    def _drop(self, key: Key) -> None:
        number = self.numbers.pop(key, None)
        if number is not None:
            del self.keys[number]
            self.index.drop((number, 0))

    def _compact(self) -> None:
        if self.index.dead * _DEAD_SHARE > len(self.index.owners):
            self.index = compacted(self.index)


class HiddenFiles(NamedTuple):
    """The files of a thread that the prompt does not show."""

    files: FileIndex
    shown: Collection[str] = ()
    """The ids of those that it shows."""

    @property
    def postings(self) -> dict[int, array[int]]:
        """Return the terms of all files of the thread."""
        return self.files.index.postings

    def spoken_with(self, talk: Index) -> tuple[str, ...]:
        """Return the languages of the talk and of the files."""
        return tuple(dict.fromkeys((*talk.spoken, *self.files.index.spoken)))

    def find(
        self, wanted: Wanted, talk: Index, within: Within, *, who: str = "", limit: int
    ) -> list[Hit]:
        """Return the passages of files that bear on a query, best first.

        Args:
            wanted: The query's terms.
            talk: The index of what was said, which counts for how rare a word is.
            within: Which messages may have the files; its authors do not count.
            who: The name of who sent it, or a part of it; empty: anybody.
            limit: The most passages to return.
        """
        index, keys = self.files.index, self.files.keys
        only = frozenset(
            number
            for number, (position, id_) in keys.items()
            if within.start <= position < within.stop and id_ not in self.shown
        )
        if not only:
            return []
        authors = authors_of(index, who)
        inside = Within(since=within.since, until=within.until, authors=authors, only=only)
        hits = find(index, wanted, inside, limit=limit, weights=FILE_WEIGHTS, beside=talk)
        return [_placed(hit, keys[hit.slot[0]]) for hit in hits]


def _placed(hit: Hit, key: Key) -> Hit:
    """Return a hit of the index of files with the place of the message that has the file."""
    return hit._replace(slot=(key[0], _FILE + hit.slot[0]), file=key[1])
