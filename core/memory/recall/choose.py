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
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from core.memory.recall.index import BOT, postings_of
from core.memory.recall.living import WEIGHTS, living_of
from core.memory.recall.words import Wanted, name_terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.memory.recall.index import Index, Slot
    from core.memory.recall.living import Living, Weights

    Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
    Rows = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


_MOST_WORDS, _MOST_GRAMS = 40, 80
"""The most terms of a query; of a longer one, the rarest count."""
_BOT_WORDS = {"ai", "assistant", "bot", "chatbot", "claude", "model", "you", "yourself"}
_PEOPLE_WORDS = {"customer", "human", "i", "me", "myself", "people", "person", "user", "users"}
"""What a model calls itself and those it talks to, most of all where it sees no names."""
_ANYBODY = {"", "*", "all", "any", "anybody", "anyone", "both", "everybody", "everyone", "n/a"}
_ANYBODY |= {"nil", "none", "null", "undefined", "unknown"}
"""What a model writes into an argument that it need not give."""
_DECIMALS = 9
"""Scores that differ by less are equal: the order in which they were added up differs."""
_CELLS = 1 << 15
"""Terms by passages that are scored at once, so that they stay in the processor's cache."""


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
    living = living_of(index, weights)
    terms = _terms(index, living, wanted, beside)
    best = float(terms.worths.sum())
    least = best * (weights.question if wanted.asks else weights.silence)
    if _most(terms, weights) < least:  # only words that all use
        return []
    scores = _scores(living, terms)
    _favour_named(index, living, scores, wanted)
    scores = np.where(_allowed(living, within or Within()), scores, 0.0)
    found = scores.max(initial=0.0)
    if not found or found < least:
        return []
    bar = found * (weights.weak if weak is None else weak)
    count = min(limit, len(scores))
    top = np.argpartition(-scores, count - 1)[:count]
    top = top[np.lexsort((top, -scores[top].round(_DECIMALS)))]
    values = scores[top]
    top = top[(values > 0) & (values >= bar)]
    return [
        _hit(index, passage, score, best)
        for passage, score in zip(living.order[top].tolist(), scores[top].tolist(), strict=True)
    ]


def first(index: Index, within: Within, *, limit: int) -> list[Hit]:
    """Return the first passages that may be found, whatever they say."""
    living = living_of(index)
    places = np.flatnonzero(_allowed(living, within))[:limit]
    return [_hit(index, int(living.order[at])) for at in places]


def authors_of(index: Index, who: str) -> frozenset[int] | None:
    """Return the numbers of those who are called so, or are meant by a word such as "user".

    None stands for anybody; there are none of a name that nobody has.
    """
    terms = set(name_terms(who))
    called = [number for number, name in enumerate(index.names) if terms and terms <= {*name}]
    called = called or [number for number, name in enumerate(index.names) if terms & {*name}]
    word = who.strip().lower().removeprefix("the ")
    if not called and word in _ANYBODY:
        return None
    if not called and word in _BOT_WORDS:
        called = [BOT]
    elif not called and word in _PEOPLE_WORDS:
        called = [number for number in range(len(index.names)) if number != BOT]
    return frozenset(called)


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


class _Terms(NamedTuple):
    """The terms of a query, words first, and where they stand among the living passages."""

    worths: Scores
    """How much each term says."""
    lengths: Numbers
    """How many living passages have each."""
    words: int
    """How many of the terms are words; the others are runs of letters."""
    numbers: Numbers
    """The term of each posting, in this order."""
    places: Numbers
    """The place of each posting's passage."""
    counts: Scores
    """How often the term stands in it."""


def _terms(index: Index, living: Living, wanted: Wanted, beside: Index | None) -> _Terms:
    """Return the terms of a query that say most."""
    words = _rarest(index, wanted.words, _MOST_WORDS)
    terms = [*words, *_rarest(index, wanted.grams, _MOST_GRAMS)]
    lengths, passages, counts = postings_of(index, terms)
    numbers = np.repeat(np.arange(len(terms)), lengths)
    places = living.rank[passages]
    if index.dead:
        alive = places >= 0
        numbers, places, counts = numbers[alive], places[alive], counts[alive]
        lengths = np.bincount(numbers, minlength=len(terms))
    everything, having = len(living.order), lengths
    if beside is not None:
        everything += len(beside.owners)
        having = having + np.array([len(beside.postings.get(term, ())) for term in terms])
    worths = np.log1p((everything - having + 0.5) / (having + 0.5))
    worths[len(words) :] *= living.weights.grams
    return _Terms(worths, lengths, len(words), numbers, places, counts)


def _most(terms: _Terms, weights: Weights) -> float:
    """Return what no score exceeds: a term counts `saturation` + 1 times at most.

    The share for who said it is never above 1.
    """
    worth = float(terms.worths[terms.lengths > 0].sum())
    return worth * (weights.saturation + 1 + weights.session) * max(1.0, weights.named)


def _scores(living: Living, terms: _Terms) -> Scores:
    """Return the score of each passage."""
    weights, total = living.weights, len(living.order)
    sessions = int(living.sessions[-1]) + 1
    scores, around = np.zeros(total), np.zeros(sessions)
    at_once = max(1, _CELLS // total)
    for first_term in range(0, len(terms.worths), at_once):
        some = _portion(terms, first_term, first_term + at_once)
        found = _found(living, some)
        scores += some.worths @ (found / (found + living.norms))
        cells = some.numbers * sessions + living.sessions[some.places]
        each = some.counts * living.roles[some.places]
        said = np.bincount(cells, each, len(some.worths) * sessions).reshape(-1, sessions)
        around += some.worths @ (said / (said + weights.saturation))
    scores *= weights.saturation + 1
    return (scores + weights.session * around[living.sessions]) * living.roles


def _portion(terms: _Terms, start: int, stop: int) -> _Terms:
    """Return some of the terms."""
    if not start and stop >= len(terms.worths):  # nearly always
        return terms
    begin, end = np.searchsorted(terms.numbers, (start, stop))
    return _Terms(
        terms.worths[start:stop],
        terms.lengths[start:stop],
        max(0, min(terms.words, stop) - start),
        terms.numbers[begin:end] - start,
        terms.places[begin:end],
        terms.counts[begin:end],
    )


def _found(living: Living, terms: _Terms) -> Rows:
    """Return how often each term stands in or near each passage.

    A run of letters says little of what is near.
    """
    reach = len(living.weights.neighbours)
    width = len(living.order) + 2 * reach
    cells = terms.numbers * width + terms.places + reach
    words = int(terms.lengths[: terms.words].sum())
    near = (terms.places[:words, None] + reach) + living.steps
    same = living.padded[near] == living.sessions[terms.places[:words], None]
    said = terms.counts[:words] * living.roles[terms.places[:words]]
    to = (cells[:words, None] + living.steps)[same]
    more = (said[:, None] * living.shares)[same]
    everything = np.concatenate((terms.counts, more))
    found = np.bincount(np.concatenate((cells, to)), everything, len(terms.worths) * width)
    rows = found.reshape(-1, width)[:, reach : width - reach]
    return cast("Rows", rows)


def _rarest(index: Index, terms: Iterable[int], most: int) -> list[int]:
    """Return the terms that say most, of a long message."""
    found = list(terms)
    if len(found) <= most:
        return found
    return sorted(found, key=lambda term: len(index.postings.get(term, ())))[:most]


def _favour_named(index: Index, living: Living, scores: Scores, wanted: Wanted) -> None:
    for number, name in enumerate(index.names):
        if any(term in wanted.words for term in name):
            scores[living.speakers == number] *= living.weights.named


def _allowed(living: Living, within: Within) -> Flags:
    places = living.keys >> 1
    allowed: Flags = (places >= within.start) & (places < within.stop)
    latest = living.repeated < 0
    if isfinite(within.since) or isfinite(within.until):
        allowed &= (living.times >= within.since) & (living.times < within.until)
        latest |= living.times[living.repeated] >= within.until
    allowed &= latest
    if within.only is not None:
        allowed &= np.isin(places, sorted(within.only))
    if within.authors is not None:
        allowed &= np.isin(living.speakers, sorted(within.authors))
    return allowed
