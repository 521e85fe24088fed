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
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.memory.recall.index import BOT, postings_of
from core.memory.recall.words import Wanted, name_terms, wanted_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.memory.recall.files import HiddenFiles
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
    scores, best = _scores(index, stream, wanted, beside)
    _favour_named(index, stream, scores, wanted)
    allowed = _allowed(stream, within or Within())
    scores = np.where(allowed, scores, 0.0)
    least = weights.question if wanted.asks else weights.silence
    found = scores.max(initial=0.0)
    if not found or found < least * best:
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


def search(
    index: Index,
    words: str,
    *,
    who: str = "",
    since: float | None = None,
    until: float | None = None,
    limit: int = 8,
    files: HiddenFiles | None = None,
) -> tuple[Wanted, list[Hit]]:
    """Return what a search looks for, and the passages that fit it best.

    A search asks, so little is enough; but nothing fits that is weak beside the best passage.

    Args:
        index: The thread.
        words: What it is about, which may be small talk; empty: the first things that were said.
        who: The name of who said it, or a part of it; empty: anybody.
        since: The earliest time, in seconds since 1970; None: from the beginning.
        until: The time before which it was said; None: to the end.
        limit: The most passages to return.
        files: The thread's files, where words are looked for as well.
    """
    spoken = index.spoken if files is None else files.spoken_with(index)
    wanted = wanted_in([words], spoken)
    if not (wanted.words or wanted.grams):
        wanted = wanted_in([words], spoken, small_talk=True)
    within = Within(
        since=float("-inf") if since is None else since,
        until=float("inf") if until is None else until,
        authors=authors_of(index, who) if who.strip() else None,
    )
    if wanted.words or wanted.grams:
        known = _known(wanted.words, index, files)
        asking = Wanted(known, _known(wanted.grams, index, files), asks=True)
        hits = find(index, asking, within, limit=limit)
        if files is not None:
            hits = by_share(hits, files.find(asking, index, within, who=who, limit=limit))[:limit]
        return wanted, hits
    if words.strip():
        return wanted, []
    stream = stream_of(index)
    first = np.flatnonzero(_allowed(stream, within))[:limit]
    return wanted, [_hit(index, int(stream.order[at])) for at in first]


def _known(terms: frozenset[int], index: Index, files: HiddenFiles | None) -> frozenset[int]:
    """Return the terms that stand anywhere: of words that nobody said, nothing can be expected."""
    known = terms & index.postings.keys()
    return known if files is None else known | terms & files.postings.keys()


def by_share(said: list[Hit], in_files: list[Hit], weak: float = WEIGHTS.weak) -> list[Hit]:
    """Return hits in messages and in files, best first, without what is weak beside the best."""
    if not in_files:
        return said
    hits = sorted((*said, *in_files), key=lambda hit: -hit.share)
    return [hit for hit in hits if hit.share >= weak * hits[0].share]


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


def _scores(
    index: Index, stream: Stream, wanted: Wanted, beside: Index | None
) -> tuple[Scores, float]:
    """Return the score of each passage, and the best one that is possible."""
    weights, total = stream.weights, len(stream.order)
    others: Mapping[int, Sequence[int]] = {} if beside is None else beside.postings
    everything = total + (0 if beside is None else len(beside.owners))
    sessions = int(stream.sessions[-1]) + 1
    scores, around, best = np.zeros(total), np.zeros(sessions), 0.0
    terms = [(term, 1.0) for term in _rarest(index, wanted.words, _MOST_WORDS)]
    terms += [(term, weights.grams) for term in _rarest(index, wanted.grams, _MOST_GRAMS)]
    for term, weight in terms:
        passages, times = postings_of(index, term)
        places = stream.rank[passages]
        living = places >= 0
        places, counts = places[living], times[living].astype(np.float64)
        having = len(places) + (len(others.get(term, ())) if others else 0)
        worth = weight * np.log1p((everything - having + 0.5) / (having + 0.5))
        best += worth
        if not len(places):
            continue
        found, where = (
            (counts, places) if weight < 1 else _near(stream, places, counts)
        )  # a run of letters says little of what is near
        scores[where] += worth * (weights.saturation + 1) * found / (found + stream.norms[where])
        said = np.bincount(stream.sessions[places], counts * stream.roles[places], sessions)
        around += worth * said / (said + weights.saturation)
    return (scores + weights.session * around[stream.sessions]) * stream.roles, best


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
    allowed &= (stream.times >= within.since) & (stream.times < within.until)
    allowed &= (stream.repeated < 0) | (stream.times[stream.repeated] >= within.until)
    if within.only is not None:
        allowed &= np.isin(places, sorted(within.only))
    if within.authors is not None:
        allowed &= np.isin(stream.speakers, sorted(within.authors))
    return allowed
