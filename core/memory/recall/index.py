"""The index of one thread: which terms stand in which passages of which messages. Pure.

It holds positions, lengths, times and hashes, and no text. A message or answer with words is a
unit; a unit has passages of at most `PASSAGE` characters. Units that changed or are gone stay as
dead passages until the index is rebuilt.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from core.domain.session import DECLINED, REFUSED, Answer, AnswerKind, Status
from core.memory.recall.words import (
    ENGLISH,
    PASSAGE,
    date_terms,
    name_terms,
    passages_of,
    terms_of,
)
from core.prompt.tags import file_name, flat, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from core.domain.session import Entry, Record, Turn
    from core.memory.recall.words import Terms

    Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
    Scores = np.ndarray[tuple[int], np.dtype[np.float64]]

Slot = tuple[int, int]
"""A position and its half: 0 for a person's message there, 1 for the answer right behind it."""
BOT: Final = 0
"""The bot, among the authors of an index."""
_NOBODY: Final = (hash(""), ())
_TIMES = 7
_SHIFT = 3
"""A posting is a passage's number, shifted, and how often the term stands in it, up to 7 times."""
_NO_POSTINGS: Final = array("I")
_TERM_BYTES, _PASSAGE_BYTES, _UNIT_BYTES = 190, 27, 180
_POSTING_BYTES = 5
"""What one more of each takes, measured with tracemalloc on Python 3.11."""
_SHARE = 0.05
"""The share of the units that are in a language for queries to be read in it too."""


class Unit(NamedTuple):
    """A message or an answer, read for the index."""

    slot: Slot
    start: int
    """The first position of the turn, whose messages decide whether an answer is shown."""
    digest: int
    """A hash of the text."""
    author: tuple[int, tuple[int, ...]]
    """A hash of the author's id, and the terms of the name; those of nobody for the bot."""
    when: float
    passages: tuple[tuple[int, Terms], ...]
    """The bytes of each passage, and its terms."""


def parts_of(record: Record) -> list[str]:
    """Return the passages of what a record says, and of what people saw with it, each whole.

    What its author did not type says whose it is, and files are named.
    """
    if isinstance(record, Answer) or not (record.quotes or record.attachments):
        return _cut(record.text)
    parts = _cut(record.text) if record.text else []
    for quote in record.quotes:
        label = f"[{' from '.join(filter(None, (quote.kind.value, flat(quote.author))))}] "
        parts += [label + part for part in _cut(quote.text)]
    return parts + [f"[file] {file_name(each.name)}" for each in record.attachments]


def digest_of(parts: Sequence[str]) -> int:
    """Return a hash of what a record says, by which a change is noticed."""
    return hash(tuple(parts))


def _cut(text: str) -> list[str]:
    if len(text) <= PASSAGE:  # nearly always
        return [text]
    return [text[begin:end] for begin, end in passages_of(text)]


def readable(turn: Turn) -> list[Record]:
    """Return what of a finished turn may be shown again later.

    That is not what the model declined, which would make it decline again, nor what is deleted, nor
    notices of the bot.
    """
    answer = turn.answer
    if answer.kind is AnswerKind.NOTICE and answer.text in {DECLINED, REFUSED}:
        return []
    said: list[Record] = [entry for entry in turn.entries if entry.status is not Status.DELETED]
    return [*said, answer] if answer.kind is AnswerKind.ANSWER else said


def units_of(turns: Iterable[Turn], zone: tzinfo) -> list[Unit]:
    """Return finished turns as units."""
    return changed_units(turns, Index(zone))[1]


def changed_units(turns: Iterable[Turn], index: Index) -> tuple[list[Slot], list[Unit]]:
    """Return the slots of what may be shown again, and the units that the index does not have so.

    A text that doesn't tell its language is read in that of the thread.
    """
    slots: list[Slot] = []
    units: list[Unit] = []
    zone, language = index.zone, index.language
    for turn in turns:
        for record in readable(turn):
            slots.append(slot_of(record))
            parts = parts_of(record)
            if index.digest(slots[-1]) != digest_of(parts):
                units.append(_unit(record, parts, turn.start, zone, language))
    return slots, units


def slot_of(record: Record) -> Slot:
    """Return where a record stands."""
    return record.position, int(isinstance(record, Answer))


def _unit(record: Record, parts: Sequence[str], start: int, zone: tzinfo, language: str) -> Unit:
    return Unit(
        slot=slot_of(record),
        start=start,
        digest=digest_of(parts),
        author=_NOBODY if isinstance(record, Answer) else author_of(record),
        when=record.sent_at,
        passages=tuple(
            (len(part.encode(errors="replace")), with_date(terms_of(part, language), record, zone))
            for part in parts
        ),
    )


def author_of(entry: Entry) -> tuple[int, tuple[int, ...]]:
    """Return the author of a message, as a unit has it."""
    return hash(entry.author.id), name_terms(entry.author.name)


def with_date(terms: Terms, record: Record, zone: tzinfo) -> Terms:
    """Return the terms of a text, with those of the day on which it was said if it has any."""
    if not terms.words and not terms.grams:
        return terms
    day = moment_of(record.sent_at, zone)
    return terms if day is None else terms._replace(words=(*terms.words, *date_terms(day)))


@dataclass(slots=True)
class Index:
    """Everything that a query needs of a thread. It changes only by `add` and `drop`."""

    zone: tzinfo
    end: int = 0
    """The position behind the last turn that was read, or known to hold nothing."""
    revision: str = ""
    """The thread's revision when all of it was last read."""
    size: int = 0
    """About how many bytes it takes."""
    dead: int = 0
    """How many passages stand for what is gone."""
    postings: dict[int, array[int]] = field(default_factory=dict)
    units: dict[Slot, int] = field(default_factory=dict)
    """The number of each living unit."""
    keys: array[int] = field(default_factory=lambda: array("q"))
    """The slot of each passage as one number, which grows as the conversation goes on."""
    starts: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("q"))
    firsts: array[int] = field(default_factory=lambda: array("I"))
    """The first passage of each unit."""
    times: array[float] = field(default_factory=lambda: array("d"))
    """When each passage was said."""
    owners: array[int] = field(default_factory=lambda: array("I"))
    """The unit of each passage."""
    lengths: array[int] = field(default_factory=lambda: array("H"))
    """The words of each passage; 0 if it is dead."""
    weights: array[int] = field(default_factory=lambda: array("H"))
    """The bytes of each passage."""
    speakers: array[int] = field(default_factory=lambda: array("H"))
    """The author of each passage."""
    authors: dict[int, int] = field(default_factory=lambda: {_NOBODY[0]: BOT})
    """The number of each author, by a hash of the id."""
    names: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    """The terms of each author's name."""
    languages: Counter[str] = field(default_factory=Counter)
    prepared: Any = None
    """What `living.living_of` made of it, as long as nothing changes."""

    @property
    def language(self) -> str:
        """Return the language that most of the thread is in."""
        return max(self.languages, key=self.languages.__getitem__, default=ENGLISH)

    @property
    def spoken(self) -> tuple[str, ...]:
        """Return the languages of the thread, without those of single messages."""
        least = _SHARE * self.languages.total()
        return tuple(each for each, count in self.languages.items() if count > least)

    def digest(self, slot: Slot) -> int | None:
        """Return the hash of what a unit says; None if there is no such unit."""
        number = self.units.get(slot)
        return None if number is None else self.digests[number]

    def add(self, units: Sequence[Unit]) -> None:
        """Add units; one that is there already is replaced if its text is another one."""
        for unit in units:
            known = self.digest(unit.slot)
            if known == unit.digest:
                continue
            if known is not None:
                self.drop(unit.slot)
            self._add(unit)

    def drop(self, slot: Slot) -> None:
        """Take a unit out, if it is there."""
        number = self.units.pop(slot, None)
        if number is None:
            return
        for passage in self.passages(number):
            self.lengths[passage] = 0
            self.dead += 1

    def passages(self, unit: int) -> range:
        """Return the passages of a unit, by its number."""
        following = unit + 1
        stop = self.firsts[following] if following < len(self.firsts) else len(self.owners)
        return range(self.firsts[unit], stop)

    def _add(self, unit: Unit) -> None:
        if not any(terms.words or terms.grams for _, terms in unit.passages):
            return
        number = self.units[unit.slot] = len(self.firsts)
        self.starts.append(unit.start)
        self.digests.append(unit.digest)
        self.firsts.append(len(self.owners))
        self.size += _UNIT_BYTES
        speaker = self._author(unit)
        for weight, terms in unit.passages:
            self.keys.append(2 * unit.slot[0] + unit.slot[1])
            self.times.append(unit.when)
            self._add_passage(number, speaker, weight, terms, self.names[speaker])

    def _add_passage(
        self, unit: int, speaker: int, weight: int, terms: Terms, name: tuple[int, ...]
    ) -> None:
        passage = len(self.owners)
        self.owners.append(unit)
        self.speakers.append(speaker)
        self.weights.append(min(weight, 0xFFFF))
        self.lengths.append(max(1, min(len(terms.words), 0xFFFF)))
        if terms.language:
            self.languages[terms.language] += 1
        counts = Counter(terms.words)
        counts.update(terms.grams)
        counts.update(name)
        for term, count in counts.items():
            found = self.postings.get(term)
            if found is None:
                found = self.postings[term] = array("I")
                self.size += _TERM_BYTES
            found.append(passage << _SHIFT | min(count, _TIMES))
        self.size += _PASSAGE_BYTES + _POSTING_BYTES * len(counts)

    def _author(self, unit: Unit) -> int:
        who, name = unit.author
        number = self.authors.get(who)
        if number is None:
            number = self.authors[who] = len(self.names)
            self.names.append(name)
        return number


def compacted(index: Index) -> Index:
    """Return an index without its dead passages, in which everything has the same slot."""
    lengths = np.frombuffer(index.lengths, np.uint16)
    alive = lengths > 0
    numbers = np.cumsum(alive) - 1
    kept = replace(index, postings={}, units={}, dead=0, size=0, prepared=None)
    for name in ("keys", "times", "lengths", "weights", "speakers"):
        values: array[Any] = getattr(index, name)
        setattr(kept, name, array(values.typecode, np.array(values)[alive].tolist()))
    kept.owners, kept.starts = array("I"), array("q")
    kept.digests, kept.firsts = array("q"), array("I")
    for slot, unit in sorted(index.units.items(), key=lambda each: each[1]):
        kept.units[slot] = len(kept.firsts)
        kept.starts.append(index.starts[unit])
        kept.digests.append(index.digests[unit])
        kept.firsts.append(len(kept.owners))
        kept.owners.extend([kept.units[slot]] * len(index.passages(unit)))
    for term, found in index.postings.items():
        packed = np.frombuffer(found, np.uint32)
        packed = packed[alive[packed >> _SHIFT]]
        if len(packed):
            moved = numbers[packed >> _SHIFT] << _SHIFT | packed & _TIMES
            kept.postings[term] = array("I", moved.tolist())
            kept.size += _TERM_BYTES + _POSTING_BYTES * len(packed)
    kept.size += _PASSAGE_BYTES * len(kept.owners) + _UNIT_BYTES * len(kept.units)
    return kept


def postings_of(index: Index, terms: Iterable[int]) -> tuple[Numbers, Numbers, Scores]:
    """Return in how many passages each term stands, these passages, and how often in each.

    The passages of each term follow those of the term before it.
    """
    found = [index.postings.get(term, _NO_POSTINGS) for term in terms]
    packed = np.concatenate([np.asarray(each) for each in found])
    lengths = np.array([len(each) for each in found], np.int64)
    return lengths, (packed >> _SHIFT).astype(np.int64), (packed & _TIMES).astype(np.float64)
