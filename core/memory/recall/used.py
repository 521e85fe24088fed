"""Which recalled messages an answer used, by its words alone. Pure.

An answer uses a message if one of its sentences says something that stands in that message, and in
nothing else that the model saw word for word: neither in the question nor in the window. A sentence
must share enough with the message, since any two texts have a common word now and then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

# not `re`: it knows no scripts
import regex  # type: ignore[import-untyped] # ships no types

from core.memory.recall.words import (
    ENGLISH,
    date_terms,
    each_word,
    language_of,
    meaning_of,
    normal,
)
from core.prompt.tags import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from core.domain.session import Passage
    from core.memory.recall.words import Word

MOST: Final = 3
"""Sources of an answer at most."""
_SHARED: Final = 3
"""Words that a sentence shares with a message if that alone is enough."""
_SHARE: Final = 1 / 3
"""The share of a sentence's words that is enough otherwise."""
_STRONG: Final = 2
"""What a name or a number weighs, if a word weighs 1."""
_LONG_NUMBER: Final = 3
"""Digits from which on a number is no coincidence."""
_SHORT_ANSWER: Final = 8
"""Words of an answer that may be nothing but the one word that was asked for."""
_LEAST_NAME: Final = 3
_CAPITALIZED: Final = {"german"}
"""Languages in which any noun has a capital letter."""
_ENDS = regex.compile(r"[.!?\u2026]\s+|[\u3002\uff01\uff1f]\s*|\n+")
"""What ends a sentence. It looks for a sign first: that is quicker than to look behind each."""
_MARKER = regex.compile(r"(?m)^[ \t]*+(?:[-*+>]|\d{1,3}[.)]|#{1,6})[ \t]++(?=\S)")
"""What a line of a list, a quotation or a heading begins with."""


@dataclass(slots=True)
class _Candidate:
    """A message, and what the answer has of it."""

    passage: Passage
    day: frozenset[int]
    """The month and the day on which it was sent, which count only together."""
    language: str
    """The language of the message; empty if unclear."""
    found: dict[frozenset[int], int] = field(default_factory=dict)
    """Words that the answer has from this message, by their terms; with what they weigh."""
    asked: set[frozenset[int]] = field(default_factory=set)
    """Words of the question that the answer repeats, and this message has."""


def used(
    answer: str,
    passages: Sequence[Passage],
    *,
    seen: Iterable[str],
    zone: tzinfo,
    most: int = MOST,
) -> tuple[Passage, ...]:
    """Return the recalled messages that an answer used, `most` at most, oldest first.

    Each of them says something in the answer that none of the others does. If several say the same,
    people's words come before the bot's, and newer ones before older ones.

    Args:
        answer: The answer's text.
        passages: What the model was shown again, or has found.
        seen: All other texts that it saw word for word, the question among them.
        zone: The people's time zone, in which the days of messages were shown.
        most: How many messages are returned at most.
    """
    candidates = [_Candidate(each, _day(each, zone), language_of(each.text)) for each in passages]
    told = language_of(answer)
    languages = {told, *(each.language for each in candidates)} - {""}
    owners = _owners(candidates, languages)
    told = told or ENGLISH
    sentences = _sentences(answer, told, languages)
    shared = [_shared(each, owners, candidates) for each in sentences]
    if not any(shared):
        return ()
    known = _known(seen, shared, languages)
    least = 1 if sum(map(len, sentences)) <= _SHORT_ANSWER else 2
    for sentence, by_number in zip(sentences, shared, strict=True):
        bar = _Bar(told, known, least, len(sentence))
        for number, words in by_number.items():
            _compare(candidates[number], words, bar)
    return _cover([each for each in candidates if each.found], most)


def _known(
    seen: Iterable[str],
    shared: Iterable[dict[int, dict[frozenset[int], Word]]],
    languages: set[str],
) -> set[int]:
    """Return terms of all else that was seen: enough to know which shared words stand there."""
    known: set[int] = set()
    new = {terms for by_number in shared for words in by_number.values() for terms in words}
    for text in seen:
        known |= meaning_of(text, languages)
        new = {terms for terms in new if known.isdisjoint(terms)}
        if not new:
            break
    return known


def _owners(candidates: Sequence[_Candidate], languages: set[str]) -> dict[int, list[int]]:
    """Return by term which candidates have it, in the message or in its author's name."""
    owners: dict[int, list[int]] = {}
    names = {each.passage.who for each in candidates}
    named = {name: meaning_of(name, languages) for name in names}
    for number, candidate in enumerate(candidates):
        passage = candidate.passage
        said = meaning_of(passage.text, languages, candidate.language)
        for term in said | named[passage.who]:
            owners.setdefault(term, []).append(number)
    return owners


def _day(passage: Passage, zone: tzinfo) -> frozenset[int]:
    """Return the terms of the month and the day on which a message was sent."""
    moment = moment_of(passage.when, zone)
    return frozenset() if moment is None else frozenset(date_terms(moment)[1:])


def _sentences(answer: str, told: str, languages: set[str]) -> list[dict[frozenset[int], Word]]:
    """Return the different words of each sentence, by their terms; of equal sentences only one."""
    sentences: dict[frozenset[frozenset[int]], dict[frozenset[int], Word]] = {}
    for text in _split(normal(_MARKER.sub("", answer))):
        words = {word.terms: word for word in each_word(text, told, languages)}
        sentences.setdefault(frozenset(words), words)
    return list(sentences.values())


def _split(text: str) -> Iterator[str]:
    """Yield the sentences of a text, each with the sign that ends it."""
    start = 0
    for found in _ENDS.finditer(text):
        yield text[start : found.start() + 1]
        start = found.end()
    yield text[start:]


def _shared(
    sentence: dict[frozenset[int], Word],
    owners: dict[int, list[int]],
    candidates: Sequence[_Candidate],
) -> dict[int, dict[frozenset[int], Word]]:
    """Return which words of a sentence each candidate has, by the candidate's number."""
    shared: dict[int, dict[frozenset[int], Word]] = {}
    for terms, word in sentence.items():
        for number in {each for term in terms for each in owners.get(term, ())}:
            shared.setdefault(number, {})[terms] = word
    said = frozenset(chain.from_iterable(sentence))
    for number, candidate in enumerate(candidates):
        if candidate.day and candidate.day <= said:
            dated = {t: word for t, word in sentence.items() if not t.isdisjoint(candidate.day)}
            shared.setdefault(number, {}).update(dated)
    return shared


class _Bar(NamedTuple):
    """What a candidate has to have of a sentence."""

    language: str
    """That of the answer."""
    known: set[int]
    """The terms of all else that the model saw, as far as they are shared."""
    least: int
    """Words that have to be shared at least."""
    size: int
    """The sentence's different words."""


def _compare(candidate: _Candidate, shared: dict[frozenset[int], Word], bar: _Bar) -> None:
    """Note which words of a sentence the candidate has, if they are enough."""
    new = {terms: word for terms, word in shared.items() if bar.known.isdisjoint(terms)}
    if not new:
        return
    weights = {terms: _STRONG if _is_strong(word, bar) else 1 for terms, word in new.items()}
    enough = len(shared) >= max(bar.least, min(_SHARED, _SHARE * bar.size))
    if enough or _STRONG in weights.values():
        candidate.found |= weights
        candidate.asked |= shared.keys() - new.keys()


def _is_strong(word: Word, bar: _Bar) -> bool:
    """Return whether a word is a name or a long number, which no two texts share by chance."""
    text = word.text
    if text[0].isdigit():
        return sum([sign.isdigit() for sign in text]) >= _LONG_NUMBER
    capital = text[0].isupper() and word.at > 0 and len(text) >= _LEAST_NAME
    return capital and bar.language not in _CAPITALIZED


def _cover(candidates: list[_Candidate], most: int) -> tuple[Passage, ...]:
    """Return the fewest messages that say what the answer has of all of them, up to `most`."""
    chosen: list[Passage] = []
    covered: set[frozenset[int]] = set()

    def worth(one: _Candidate) -> tuple[int, bool, int, int]:
        gain = sum(weight for terms, weight in one.found.items() if terms not in covered)
        return gain, not one.passage.by_bot, len(one.asked), one.passage.position

    while candidates and len(chosen) < most:
        best = max(candidates, key=worth)
        if not worth(best)[0]:
            break
        chosen.append(best.passage)
        covered |= best.found.keys()
        candidates.remove(best)
    return tuple(sorted(chosen, key=lambda each: (each.position, each.by_bot)))
