"""A summary by extraction: the most important sentences, as they were said. Pure.

How important a sentence is depends on the sentence, and on others that say the same. A sentence
that tells a fact about a person, a decision or a wish is to last; the others only say what was
going on.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain
from math import sqrt
from typing import TYPE_CHECKING

from core.domain.summary import (
    BULLET,
    GOING_ON_TAG,
    GOING_ON_TITLE,
    LASTING_TAG,
    LASTING_TITLE,
    NOTHING_LEFT,
)
from core.models.offline.language import content_words, is_question, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.models.port import ShownMessage

_LASTS = 2.0
"""The points from which on a sentence is to last: one sure sign, or two that are not so sure."""
_LONGEST_FACT = 120
"""The most characters of a sentence that is to last: people tell facts in short ones."""
_LASTING_SHARE = 0.6
"""Of the room, at most this share goes to what lasts, so that both lists have some."""
_FRAME = len(f"<{LASTING_TAG}>\n</{LASTING_TAG}>\n<{GOING_ON_TAG}>\n</{GOING_ON_TAG}>")
_NO_STATEMENTS = frozenset({LASTING_TITLE, GOING_ON_TITLE, NOTHING_LEFT})
_SIMILAR_COSTS = 3.0
_CONSIDERED = 2_000
"""How many of the best sentences are compared: far more than any summary holds."""
_LEAST = 0.5
_AVERAGE_LENGTH = 80
_SIGNS = (
    (re.compile(r"(?i)\b(?:remember|don't forget|important|keep in mind)\b"), 3.0),
    (re.compile(r"(?i)\b(?:my name is|call me|(?:is|are|was|were) (?:called|named))\b"), 2.0),
    (re.compile(r"(?i)\b(?:my|our)\b.{1,60}\b(?:is|are|was|were|has|have)\b"), 2.0),
    (re.compile(r"\b(?:I|we)(?:['\u2019](?:m|re|ve)| (?:am|are|have|had|was|were))\b"), 2.0),
    (re.compile(r"\b(?:I|[Ww]e) (?:live|work|love|like|hate|prefer|need|want|own|use)d?\b"), 2.0),
    (re.compile(r"(?i)\b(?:decided|agreed|deadline|due|promised?|must|plan to|going to)\b"), 1.5),
    (re.compile(r"(?i)\b(?:born|birthday|allerg\w+|password|code|address|phone|email)\b"), 1.5),
    (re.compile(r"(?i)\b(?:can't|can\u2019t|cannot|don't|never|always|please) (?:\w+ )?"
                r"(?:answer|call|drink|eat|reply|say|use|write)\b"), 2.5),
    # allergic, is called, and a deadline in other languages
    (re.compile(r"(?i)allergi[sqe]|al\u00e9rgi|\u904e\u654f|\u8fc7\u654f"
                r"|\u30a2\u30ec\u30eb\u30ae"), 2.0),
    (re.compile(r"(?i)\b(?:hei\u00df\w+|hie\u00df\w*|[sm]'appelle|(?:me|se) llam[ao]"
                r"|si chiama)\b|\u6211\u53eb|\u540d\u5b57|\u540d\u524d"), 2.0),
    (re.compile(r"(?i)\w*frist\b|\bd\u00e9lai|\bplazo|\u622a\u6b62|\u7de0\u3081\u5207\u308a"), 1.5),
    (re.compile(r"(?i)\b(?:is|are|was|were|will)\b"), 0.5),
    (re.compile(r"(?i)\b(?:is|are|was|were|costs?) \S*\d"), 1.0),
    (re.compile(r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"), 1.0),
    (re.compile(r"(?<=\w )[A-Z]\w+"), 1.0),  # a name
    (re.compile(r"(?i)\b(?:(?:right|just) now|at the moment|currently|tired|sorry|glad|late|again"
                r"|back|ready|a (?:minute|moment|second)|no idea)\b"), -2.0),
)  # fmt: skip
"""Marks of sentences that tell a fact about a person, and their points."""
_DAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_RELATIVE = re.compile(
    rf"(?i)\b(?:yesterday|today|tonight|tomorrow|(?:this|next|last) (?:{_DAYS}|week|month|year"
    r"|weekend|morning|evening|night)|in \w+ (?:day|week|month)s?|\w+ (?:day|week|month)s? ago"
    r"|gestern|heute|morgen|(?:n\u00e4chste|letzte|kommende)[nr]? \w+"
    r"|hier|demain|aujourd'hui|ayer|ma\u00f1ana|hoy)\b"
    r"|\u6628\u5929|\u4eca\u5929|\u660e\u5929|\u6628\u65e5|\u4eca\u65e5|\u660e\u65e5"
)
"""Words for times that mean something on the day only on which they are said."""
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules|above)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Candidate:
    line: str
    words: tuple[str, ...]
    points: float
    """Its signs of a fact."""
    worth: float = 0.0
    similarity: float = 0.0

    @property
    def value(self) -> float:
        return self.worth - _SIMILAR_COSTS * self.similarity

    @property
    def is_fact(self) -> bool:
        """Return whether it is to last."""
        return self.points >= _LASTS and len(self.line) <= _LONGEST_FACT

    @property
    def size(self) -> int:
        """Return the bytes of its line in a list."""
        return len(f"{BULLET}{self.line}\n".encode())

    @property
    def shape(self) -> frozenset[str]:
        """Return the words with digits made equal: a counter alone makes no sentence new."""
        return frozenset(re.sub(r"\d+", "#", word) for word in self.words)


def extract(said: Sequence[ShownMessage], *, max_bytes: int) -> str:
    """Return the most important sentences of what was said, in order, as two lists in our marks."""
    candidates = _candidates(said)
    _add_worth(candidates)
    room = max_bytes - _FRAME
    facts = [item for item in candidates if item.is_fact]
    lasting = _choose(facts, int(room * _LASTING_SHARE))
    room -= sum(item.size for item in facts if id(item) in lasting)
    others = _choose([item for item in candidates if id(item) not in lasting], room)
    return "\n".join(
        [
            f"<{LASTING_TAG}>",
            *[BULLET + item.line for item in candidates if id(item) in lasting],
            f"</{LASTING_TAG}>\n<{GOING_ON_TAG}>",
            *[BULLET + item.line for item in candidates if id(item) in others],
            f"</{GOING_ON_TAG}>",
        ]
    )


def lines_of(summary: str) -> tuple[str, ...]:
    """Return the statements of a summary, whichever model wrote it."""
    parts = (
        (line.removeprefix(BULLET),) if line.startswith(BULLET) else units_of(line)
        for line in summary.splitlines()
        if line.strip() and line.strip() not in _NO_STATEMENTS
    )
    return tuple(chain.from_iterable(parts))


def _candidates(said: Sequence[ShownMessage]) -> list[_Candidate]:
    found = [
        _candidate(unit, _dated(unit, message.day), speaker)
        for message in said
        for speaker, text in _spoken(message)
        for unit in units_of(text)
        if not is_question(unit)
    ]
    # Of lines with the same words, the last one stays.
    kept = list({item.words: item for item in reversed(found) if item.words}.values())
    kept.reverse()
    return kept


def _spoken(message: ShownMessage) -> Iterator[tuple[str, str]]:
    """Yield what a message says and shows, each text with who said it."""
    yield message.speaker, message.text
    for name in message.files:
        yield message.speaker, f"[file: {name}]"
    for quote in message.quotes:
        yield quote.speaker, quote.text


def _dated(unit: str, day: str) -> str:
    """Return a sentence, with the day it was said if its words mean nothing later without it."""
    return f"{unit} [said on {day}]" if day and _RELATIVE.search(unit) else unit


def _candidate(unit: str, shown: str, speaker: str) -> _Candidate:
    points = sum(worth for sign, worth in _SIGNS if sign.search(unit))
    if _ORDER.search(unit):
        points = -10.0
    line = f"{speaker}: {shown}" if speaker else shown
    return _Candidate(line, content_words(line), points)


def _add_worth(candidates: list[_Candidate]) -> None:
    """Add to the points for what nothing else mentions, and lower the worth of long lines."""
    seen = Counter(word for item in candidates for word in item.shape)
    for item in candidates:
        shape = item.shape
        item.worth = item.points + 2 * sum(1 / seen[word] for word in shape) / len(shape)
        if item.worth > 0:
            item.worth /= sqrt(max(1.0, len(item.line) / _AVERAGE_LENGTH))


def _choose(candidates: list[_Candidate], max_bytes: int) -> set[int]:
    """Choose the best line again and again; lines that resemble a chosen one lose worth."""
    chosen: set[int] = set()
    shapes = {id(item): item.shape for item in candidates}
    sizes = {id(item): item.size for item in candidates}
    worthy = nlargest(_CONSIDERED, candidates, key=lambda item: item.worth)
    worth = {id(item) for item in worthy}
    left = [item for item in candidates if id(item) in worth]
    room = max_bytes
    while left := [item for item in left if sizes[id(item)] <= room]:
        best = max(left, key=lambda item: item.value)  # of equals the first, which is the oldest
        left.remove(best)
        if best.value < _LEAST:
            break
        room -= sizes[id(best)]
        chosen.add(id(best))
        shape = shapes[id(best)]
        for item in left:
            other = shapes[id(item)]
            overlap = len(shape & other)
            if overlap:
                item.similarity = max(
                    item.similarity, overlap / (len(shape) + len(other) - overlap)
                )
    return chosen
