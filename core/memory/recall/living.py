"""The living passages of an index in the order in which they were said, ready for queries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.memory.recall.index import BOT

if TYPE_CHECKING:
    from core.memory.recall.index import Index

    Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
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


@dataclass(slots=True)
class Living:
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
    padded: Numbers
    """The sessions, with -1 for the neighbours that the first and last passages lack."""
    steps: Numbers
    """Where a passage's neighbours stand, from its place."""
    shares: Scores
    """How much a term counts in each."""
    weights: Weights


def living_of(index: Index, weights: Weights = WEIGHTS) -> Living:
    """Return the living passages in order; quick if the index has not changed since."""
    state = (len(index.owners), index.dead, weights)
    if index.prepared is None or index.prepared[0] != state:
        index.prepared = (state, _living(index, weights))
    living: Living = index.prepared[1]
    return living


def _living(index: Index, weights: Weights) -> Living:
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
    sessions = np.concatenate(([0], np.cumsum(other)))
    reach = len(weights.neighbours)
    steps = [step for each in range(1, reach + 1) for step in (-each, each)]
    return Living(
        order=order,
        rank=rank,
        speakers=speakers,
        keys=keys,
        times=times,
        sessions=sessions,
        roles=roles,
        norms=_norms(lengths[order], roles, weights),
        repeated=_repeated(index, order, speakers),
        padded=np.pad(sessions, reach, constant_values=-1),
        steps=np.array(steps),
        shares=np.repeat(weights.neighbours, 2),
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
