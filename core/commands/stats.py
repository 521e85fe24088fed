"""Statistics: how long conversations are, and where people drop off. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.store.values import ThreadInfo

IDLE_SECONDS = 7 * 24 * 3600
"""Seconds of silence after which a session counts as dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How the numbers of turns per conversation are distributed."""

    count: int = 0
    mean: float = 0.0
    median: float = 0.0
    p90: int = 0
    max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The statistics of many sessions."""

    lengths: Lengths = field(default_factory=Lengths)
    last_turns: Mapping[int, int]
    """For dropped sessions: the number of the last turn → how many sessions ended there."""

    @property
    def dropped(self) -> int:
        """Return how many sessions dropped."""
        return sum(self.last_turns.values())


def stats_of(sessions: Iterable[ThreadInfo], now: float) -> Stats:
    """Return the statistics of these sessions, leaving out those without a turn."""
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
        p90=ordered[math.ceil(0.9 * count) - 1],  # nearest rank, so a length that occurs
        max=ordered[-1],
    )
