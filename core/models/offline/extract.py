"""A summary by extraction: the most important sentences, as they were said. Pure.

How important a sentence is depends on the sentence and on others that say the same, and hardly on
its age. So a fact that was chosen once is chosen again each time the summary is rebuilt, until a
more important one needs its room.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain
from math import sqrt
from typing import TYPE_CHECKING

from core.models.offline.language import content_words, is_question, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.models.port import ShownMessage

NOTHING = "Nothing was said so far that was more than a question."
"""The summary if there is nothing to keep; a summary is never empty."""

_BULLET = "- "
_KEPT_BEFORE = 0.5
"""The bonus for a sentence that was chosen before: it wins against an equal, not a better one."""
_SIMILAR_COSTS = 3.0
_CONSIDERED = 2_000
"""How many of the best sentences are compared: far more than any summary holds."""
_LEAST = 0.5
_AVERAGE_LENGTH = 80
_SIGNS = (
    (re.compile(r"(?i)\b(?:remember|don't forget|note that|important|keep in mind)\b"), 3.0),
    (re.compile(r"(?i)\b(?:my name is|call me|called|named)\b"), 2.0),
    (re.compile(r"(?i)\b(?:my|our)\b.{1,60}\b(?:is|are|was|were|has|have)\b"), 2.0),
    (re.compile(r"\b(?:I|we)(?:['\u2019](?:m|re|ve)| (?:am|are|have|had|was|were))\b"), 2.0),
    (re.compile(r"\b(?:I|we) (?:live|work|love|like|hate|prefer|need|want|own|use)d?\b"), 2.0),
    (re.compile(r"(?i)\b(?:decided|agreed|deadline|due|promised?|must|plan to|going to)\b"), 1.5),
    (re.compile(r"(?i)\b(?:born|birthday|allergic|password|code|address|phone|email)\b"), 1.5),
    (re.compile(r"(?i)\b(?:is|are|was|were|will)\b"), 0.5),
    (re.compile(r"\d"), 1.0),
    (re.compile(r"(?<=\w )[A-Z]\w+"), 1.0),  # a name
)
"""Marks of sentences that tell a fact about a person, and their points."""
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules|above)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Candidate:
    line: str
    words: tuple[str, ...]
    worth: float
    similarity: float = 0.0

    @property
    def value(self) -> float:
        return self.worth - _SIMILAR_COSTS * self.similarity

    @property
    def shape(self) -> frozenset[str]:
        """Return the words with digits made equal: a counter alone makes no sentence new."""
        return frozenset(re.sub(r"\d+", "#", word) for word in self.words)


def extract(previous: str, said: Sequence[ShownMessage], *, max_bytes: int) -> str:
    """Return the most important lines of a summary and of what was said since, in order."""
    earlier = lines_of(previous)
    candidates = [_candidate(line, kept=True) for line in earlier]
    candidates += [_candidate(line, kept=False) for line in _new_lines(said)]
    candidates = list({item.words: item for item in reversed(candidates) if item.words}.values())
    candidates.reverse()  # of lines with the same words, the last one stays
    _add_rarity(candidates)
    chosen = _choose(candidates, max_bytes)
    lines = [item.line for item in candidates if id(item) in chosen]
    return "\n".join(_BULLET + line for line in lines) or NOTHING[:max_bytes]


def lines_of(summary: str) -> tuple[str, ...]:
    """Return the statements of a summary, whichever model wrote it."""
    parts = (
        (line.removeprefix(_BULLET),) if line.startswith(_BULLET) else units_of(line)
        for line in summary.splitlines()
        if line.strip() and line.strip() != NOTHING
    )
    return tuple(chain.from_iterable(parts))


def _new_lines(said: Sequence[ShownMessage]) -> list[str]:
    return [
        f"{speaker}: {unit}" if speaker else unit
        for message in said
        for speaker, text in _spoken(message)
        for unit in units_of(text)
        if not is_question(unit)
    ]


def _spoken(message: ShownMessage) -> Iterator[tuple[str, str]]:
    """Yield what a message says and shows, each text with who said it."""
    yield message.speaker, message.text
    for name in message.files:
        yield message.speaker, f"[file: {name}]"
    for quote in message.quotes:
        yield quote.speaker, quote.text


def _candidate(line: str, *, kept: bool) -> _Candidate:
    points = sum(worth for sign, worth in _SIGNS if sign.search(line))
    if _ORDER.search(line):
        points = -10.0
    return _Candidate(line, content_words(line), points + _KEPT_BEFORE * kept)


def _add_rarity(candidates: list[_Candidate]) -> None:
    """Raise the worth of what nothing else mentions, and lower that of long lines."""
    seen = Counter(word for item in candidates for word in item.shape)
    for item in candidates:
        shape = item.shape
        item.worth += 2 * sum(1 / seen[word] for word in shape) / len(shape)
        if item.worth > 0:
            item.worth /= sqrt(max(1.0, len(item.line) / _AVERAGE_LENGTH))


def _choose(candidates: list[_Candidate], max_bytes: int) -> set[int]:
    """Choose the best line again and again; lines that resemble a chosen one lose worth."""
    chosen: set[int] = set()
    shapes = {id(item): item.shape for item in candidates}
    sizes = {id(item): len((_BULLET + item.line + "\n").encode()) for item in candidates}
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
