"""Which passages of a thread bear on a query, best first; and whether any does. Pure.

The score is BM25 over each passage together with its neighbours: what is asked for often stands in
the answer to the message that has the question's words. What people said counts more than what the
bot said, whose long answers would win by their length alone; a person whom the query names counts a
little more than others; and so does a day on which much was said about it.

How much each part is worth was measured on two kinds of talk, people among themselves and a person
with an assistant: see `tests.benchmarks.recall` and docs/developers/recall.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import isfinite, log1p
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.memory.recall.index import BOT, postings_of
from core.memory.recall.words import Wanted, name_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.memory.recall.index import Index, Slot

    Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
    Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each part of the score is worth."""

    saturation: float = 1.2
    """BM25's k1: how much a term counts that stands there again and again."""
    length: float = 0.75
    """BM25's b: how much a long passage must have more of the terms."""
    grams: float = 0.3
    """A run of letters against a word."""
    neighbours: tuple[float, ...] = (0.7, 0.45)
    """A term in the passage next to it, and in the one after that."""
    bot: float = 0.4
    """What the bot said, against what people said."""
    named: float = 1.15
    """What a person said whom the query names."""
    session: float = 0.15
    """The score of all that was said around the same time, beside the passage's own."""
    silence: float = 0.15
    """The share of the best possible score below which nothing bears on what asks nothing."""
    question: float = 0.05
    """The same for one that asks: to find too little is worse then than to show too much."""
    weak: float = 0.25
    """The share of the best score that is found below which a passage only fills the room."""
    units_apart: bool = False
    """Each unit is a session by itself, as a file is: what stands next to it is another text."""


WEIGHTS: Final = Weights()
FILE_WEIGHTS: Final = Weights(units_apart=True)
PAUSE: Final = 3 * 3600.0
"""Seconds without a word after which another session begins."""


COPIES: Final = 3
"""Of what a person wrote again and again, word for word, this many are found: the last ones."""
_MOST_WORDS, _MOST_GRAMS = 40, 80
"""The most terms of a query; of a longer one, the rarest count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What a query may find."""

    start: int = 0
    """The first position."""
    stop: int = 1 << 62
    """The position behind the last one."""
    since: float = float("-inf")
    """The earliest time, in seconds since 1970."""
    until: float = float("inf")
    """The time before which it was said."""
    authors: frozenset[int] | None = None
    """The authors, by their numbers in the index; None: anybody."""
    only: frozenset[int] | None = None
    """The positions that may be found; None: all of the others' range."""


class Hit(NamedTuple):
    """A passage that bears on a query."""

    slot: Slot
    part: int
    """The number of the passage in its message."""
    score: float
    by_bot: bool
    weight: int
    """Its bytes."""
    start: int
    """The first position of its turn."""
    share: float = 0.0
    """The share of the best possible score, by which hits in messages and in files compare."""
    file: str = ""
    """The id of the file that it is in; empty for what was said."""


@dataclass(slots=True)
class Stream:
    """The living passages of an index in the order in which they were said."""

    order: Numbers
    """The passages."""
    rank: Numbers
    """The place of each passage in that order; -1 if it is dead."""
    speakers: Numbers
    keys: Numbers
    times: Scores
    sessions: Numbers
    roles: Scores
    norms: Scores
    """The part of BM25's denominator that depends on the length."""
    repeated: Numbers
    """The place of the copy for which each passage is left out; -1 if there is none."""
    weights: Weights


def find(
    index: Index,
    wanted: Wanted,
    within: Within | None = None,
    *,
    limit: int = 400,
    weights: Weights = WEIGHTS,
    weak: float | None = None,
    beside: Index | None = None,
) -> list[Hit]:
    """Return the passages that bear on a query, best first; empty if none does.

    Args:
        index: The thread.
        wanted: The query's terms.
        within: What may be found; None: everything.
        limit: The most passages to return.
        weights: What each part of the score is worth.
        weak: The share of the best score below which a passage is left out; None: `weights.weak`.
        beside: Another index whose passages count for how rare a word is.
    """
    postings = index.postings
    if not index.units or not any(term in postings for term in chain(wanted.words, wanted.grams)):
        return []
    stream = stream_of(index, weights)
    terms = _terms(index, stream, wanted, beside)
    best = sum([term.worth for term in terms])
    least = best * (weights.question if wanted.asks else weights.silence)
    if _most(terms, weights) < least:  # only words that all use
        return []
    scores = _scores(stream, terms)
    _favour_named(index, stream, scores, wanted)
    scores = np.where(_allowed(stream, within or Within()), scores, 0.0)
    found = scores.max(initial=0.0)
    if not found or found < least:
        return []
    bar = found * (weights.weak if weak is None else weak)
    count = min(limit, len(scores))
    top = np.argpartition(-scores, count - 1)[:count]
    top = top[np.lexsort((top, -scores[top]))]
    return [
        _hit(index, int(stream.order[at]), float(scores[at]), best)
        for at in top
        if scores[at] > 0 and scores[at] >= bar
    ]


def first(index: Index, within: Within, *, limit: int) -> list[Hit]:
    """Return the first passages that may be found, whatever they say."""
    stream = stream_of(index)
    places = np.flatnonzero(_allowed(stream, within))[:limit]
    return [_hit(index, int(stream.order[at])) for at in places]


def authors_of(index: Index, who: str) -> frozenset[int]:
    """Return the numbers of those who are called so."""
    terms = set(name_terms(who))
    return frozenset(
        number for number, name in enumerate(index.names) if terms and terms <= {*name}
    ) or frozenset(number for number, name in enumerate(index.names) if terms & {*name})


def _hit(index: Index, passage: int, score: float = 0.0, best: float = 1.0) -> Hit:
    unit = index.owners[passage]
    return Hit(
        slot=divmod(index.keys[passage], 2),
        part=passage - index.firsts[unit],
        score=score,
        by_bot=index.speakers[passage] == BOT,
        weight=index.weights[passage],
        start=index.starts[unit],
        share=score / best,
    )


def stream_of(index: Index, weights: Weights = WEIGHTS) -> Stream:
    """Return the living passages in order; quick if the index has not changed since."""
    state = (len(index.owners), index.dead, weights)
    if index.prepared is None or index.prepared[0] != state:
        index.prepared = (state, _stream(index, weights))
    stream: Stream = index.prepared[1]
    return stream


def _stream(index: Index, weights: Weights) -> Stream:
    lengths = np.array(index.lengths, np.float64)
    order = np.flatnonzero(lengths)
    keys = np.array(index.keys, np.int64)[order]
    if len(keys) > 1 and (keys[1:] < keys[:-1]).any():  # a message was edited
        by_place = np.argsort(keys, kind="stable")
        order, keys = order[by_place], keys[by_place]
    rank = np.full(len(lengths), -1, np.int64)
    rank[order] = np.arange(len(order))
    times = np.array(index.times, np.float64)[order]
    speakers = np.array(index.speakers, np.int64)[order]
    roles = np.where(speakers == BOT, weights.bot, 1.0)
    if weights.units_apart:
        other = np.diff(np.array(index.owners, np.int64)[order]) != 0
    else:
        other = np.abs(np.diff(times)) > PAUSE
    return Stream(
        order=order,
        rank=rank,
        speakers=speakers,
        keys=keys,
        times=times,
        sessions=np.concatenate(([0], np.cumsum(other))),
        roles=roles,
        norms=_norms(lengths[order], roles, weights),
        repeated=_repeated(index, order, speakers),
        weights=weights,
    )


def _repeated(index: Index, order: Numbers, speakers: Numbers) -> Numbers:
    """Return for each passage the place of the `COPIES`th copy behind it, or -1.

    A copy is the same passage of the same text by the same author.
    """
    owners = np.array(index.owners, np.int64)[order]
    texts = np.array(index.digests, np.int64)[owners]
    parts = order - np.array(index.firsts, np.int64)[owners]
    by_text = np.lexsort((parts, speakers, texts))  # keeps the order of the same
    later = by_text[COPIES:]
    same = by_text[: len(later)]
    is_copy = texts[same] == texts[later]
    is_copy &= (speakers[same] == speakers[later]) & (parts[same] == parts[later])
    repeated = np.full(len(order), -1, np.int64)
    repeated[same[is_copy]] = later[is_copy]
    return repeated


class _Term(NamedTuple):
    """A term of a query, and where it stands."""

    is_word: bool
    worth: float
    """How much it says."""
    places: Numbers
    """The living passages that have it, by their places in the stream."""
    counts: Scores
    """How often it stands in each."""


def _terms(index: Index, stream: Stream, wanted: Wanted, beside: Index | None) -> list[_Term]:
    """Return the terms of a query that say most."""
    others: Mapping[int, Sequence[int]] = {} if beside is None else beside.postings
    everything = len(stream.order) + (0 if beside is None else len(beside.owners))
    chosen = [(term, True) for term in _rarest(index, wanted.words, _MOST_WORDS)]
    chosen += [(term, False) for term in _rarest(index, wanted.grams, _MOST_GRAMS)]
    terms: list[_Term] = []
    for term, is_word in chosen:
        passages, times = postings_of(index, term)
        places = stream.rank[passages]
        living = places >= 0
        places, counts = places[living], times[living].astype(np.float64)
        having = len(places) + (len(others.get(term, ())) if others else 0)
        worth = log1p((everything - having + 0.5) / (having + 0.5))
        worth *= 1 if is_word else stream.weights.grams
        terms.append(_Term(is_word, worth, places, counts))
    return terms


def _most(terms: Sequence[_Term], weights: Weights) -> float:
    """Return what no score exceeds: a term counts `saturation` + 1 times at most.

    The share for who said it is never above 1.
    """
    worth = sum([term.worth for term in terms if len(term.places)])
    return worth * (weights.saturation + 1 + weights.session) * max(1.0, weights.named)


def _scores(stream: Stream, terms: Iterable[_Term]) -> Scores:
    """Return the score of each passage."""
    weights, total = stream.weights, len(stream.order)
    sessions = int(stream.sessions[-1]) + 1
    scores, around = np.zeros(total), np.zeros(sessions)
    for is_word, worth, places, counts in terms:
        if not len(places):
            continue
        found, where = (
            _near(stream, places, counts) if is_word else (counts, places)
        )  # a run of letters says little of what is near
        scores[where] += worth * (weights.saturation + 1) * found / (found + stream.norms[where])
        said = np.bincount(stream.sessions[places], counts * stream.roles[places], sessions)
        around += worth * said / (said + weights.saturation)
    return (scores + weights.session * around[stream.sessions]) * stream.roles


def _rarest(index: Index, terms: Iterable[int], most: int) -> list[int]:
    """Return the terms that say most, of a long message."""
    found = list(terms)
    if len(found) <= most:
        return found
    return sorted(found, key=lambda term: len(index.postings.get(term, ())))[:most]


def _near(stream: Stream, places: Numbers, counts: Scores) -> tuple[Scores, Numbers]:
    """Return how often a term stands in or near passages, and which passages those are."""
    total, sessions = len(stream.order), stream.sessions
    found = np.zeros(total)
    found[places] = counts
    near = counts * stream.roles[places]
    touched = [places]
    for distance, weight in enumerate(stream.weights.neighbours, start=1):
        for step in (-distance, distance):
            to = places + step
            inside = (to >= 0) & (to < total)
            there, here = to[inside], places[inside]
            same = sessions[there] == sessions[here]
            found[there[same]] += weight * near[inside][same]
            touched.append(there[same])
    hit = np.zeros(total, np.bool_)
    hit[np.concatenate(touched)] = True
    where = np.flatnonzero(hit)
    return found[where], where


def _norms(lengths: Scores, roles: Scores, weights: Weights) -> Scores:
    """Return how much of a term each passage needs, by the words in it and near it."""
    spread = lengths.copy()
    shared = lengths * roles
    for distance, weight in enumerate(weights.neighbours, start=1):
        if len(lengths) > distance:
            spread[distance:] += weight * shared[:-distance]
            spread[:-distance] += weight * shared[distance:]
    share = spread / spread.mean() if len(spread) else spread
    return weights.saturation * (1 - weights.length + weights.length * share)


def _favour_named(index: Index, stream: Stream, scores: Scores, wanted: Wanted) -> None:
    for number, name in enumerate(index.names):
        if any(term in wanted.words for term in name):
            scores[stream.speakers == number] *= stream.weights.named


def _allowed(stream: Stream, within: Within) -> Flags:
    places = stream.keys >> 1
    allowed: Flags = (places >= within.start) & (places < within.stop)
    latest = stream.repeated < 0
    if isfinite(within.since) or isfinite(within.until):
        allowed &= (stream.times >= within.since) & (stream.times < within.until)
        latest |= stream.times[stream.repeated] >= within.until
    allowed &= latest
    if within.only is not None:
        allowed &= np.isin(places, sorted(within.only))
    if within.authors is not None:
        allowed &= np.isin(stream.speakers, sorted(within.authors))
    return allowed
