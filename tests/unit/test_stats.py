"""How long conversations are, and where people drop off."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from core.commands.stats import IDLE_SECONDS, Lengths, lengths_of, stats_of
from core.domain.message import Kind, ThreadKey
from core.store.values import ThreadInfo

NOW = 1_800_000_000.0


def session(turns: int, idle: float = 0) -> ThreadInfo:
    return ThreadInfo(
        thread=ThreadKey("terminal", "ada", f"t{turns}-{idle}"),
        kind=Kind.TERMINAL,
        turns=turns,
        started_at=NOW - 1e6,
        last_at=NOW - idle,
    )


def test_lengths_of_ten_conversations() -> None:
    lengths = lengths_of([1, 1, 2, 3, 3, 4, 5, 8, 20, 100])
    assert lengths == Lengths(count=10, mean=14.7, median=3.5, p90=20, max=100)


def test_no_conversations_have_no_lengths() -> None:
    stats = stats_of([], NOW)
    assert stats.lengths == Lengths()
    assert stats.dropped == 0


@given(st.lists(st.integers(1, 10_000), min_size=1))
def test_the_figures_agree_with_the_statistics_module(turns: list[int]) -> None:
    lengths = lengths_of(turns)
    assert lengths.median == statistics.median(turns)
    assert abs(lengths.mean - statistics.mean(turns)) < 1e-6
    assert lengths.max == max(turns)
    assert sum(n <= lengths.p90 for n in turns) >= 0.9 * len(turns)
    assert sum(n < lengths.p90 for n in turns) < 0.9 * len(turns)


def test_people_drop_off_at_the_last_turn_of_sessions_idle_for_seven_days() -> None:
    week = IDLE_SECONDS
    stats = stats_of(
        [session(3, week), session(1, 2 * week), session(3, week + 1), session(9, week - 1)], NOW
    )
    assert stats.last_turns == {1: 1, 3: 2}
    assert stats.dropped == 3
    assert stats.lengths.count == 4


def test_a_session_without_a_turn_never_began() -> None:
    stats = stats_of([session(0, 2 * IDLE_SECONDS)], NOW)
    assert stats.lengths.count == 0
    assert stats.last_turns == {}
