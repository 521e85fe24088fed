"""How long conversations are, and where people drop off. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.store.values import ThreadInfo

IDLE_SECONDS = 7 * 24 * 3600
"""A session that was silent for this long counts as dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How many turns conversations have."""

    count: int = 0
    mean: float = 0.0
    median: float = 0.0
    p90: int = 0
    max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The figures of many sessions."""

    lengths: Lengths = field(default_factory=Lengths)
    last_turns: Mapping[int, int]
    """For the sessions that dropped: the number of their last turn → how many ended there."""

    @property
    def dropped(self) -> int:
        """Return how many sessions dropped."""
        return sum(self.last_turns.values())


def stats_of(sessions: Iterable[ThreadInfo], now: float) -> Stats:
    """Return the figures of these sessions; those without a turn never began, and don't count."""
    turns: list[int] = []
    last: Counter[int] = Counter()
    for session in sessions:
        if not session.turns:
            continue
        turns.append(session.turns)
        if now - session.last_at >= IDLE_SECONDS:
            last[session.turns] += 1
    return Stats(lengths=lengths_of(turns), last_turns=dict(sorted(last.items())))


def lengths_of(turns: Sequence[int]) -> Lengths:
    """Return how these numbers of turns are distributed."""
    if not turns:
        return Lengths()
    ordered = sorted(turns)
    count = len(ordered)
    return Lengths(
        count=count,
        mean=sum(ordered) / count,
        median=(ordered[(count - 1) // 2] + ordered[count // 2]) / 2,
        p90=ordered[math.ceil(0.9 * count) - 1],  # the nearest rank: a length that occurs
        max=ordered[-1],
    )
