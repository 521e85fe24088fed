"""What a thread's replies say of the vendor's cache: how long it should last, and its minimum."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.session import Answer, AnswerKind, Turn, Usage
from core.memory.learned import lasts_an_hour, minimum_of
from core.memory.memory import Memory
from core.memory.tokens import counter_for


def answers(*times: float) -> list[Turn]:
    """Return turns that were answered at these times, in minutes."""
    said = Answer(position=0, turn="t", token="", kind=AnswerKind.ANSWER, text="a", sent_at=0)
    return [Turn((), replace(said, sent_at=60 * time)) for time in times]


def replies(*usage: Usage | None) -> list[Answer]:
    return [
        replace(turn.answer, usage=each)
        for turn, each in zip(answers(*[0] * len(usage)), usage, strict=True)
    ]


@pytest.mark.parametrize(
    ("minutes", "now", "hour"),
    [
        ([], 0, False),
        ([0, 1, 4, 8], 9, False),
        ([0, 20, 21, 22], 23, True),
        ([0, 1, 2], 22, True),  # the silence that ends now counts
        ([0, 1, 2], 90, False),  # the cache for an hour would have been gone, too
        ([0, 6, *range(7, 20)], 20, False),  # that was long ago
        ([0, 500, 1000, 1500], 2000, False),
    ],
)
def test_an_hour_is_asked_for_where_one_of_the_last_silences_was_shorter_than_that(
    minutes: list[float], now: float, hour: bool
) -> None:
    assert lasts_an_hour(answers(*minutes), 60 * now) is hour


@pytest.mark.parametrize(
    ("used", "assumed", "minimum"),
    [
        ([], 4096, 4096),
        ([None], 1024, 1024),
        ([Usage(input=100, cache_write=1300)], 4096, 1024),
        ([Usage(input=900), Usage(input=100, cache_read=1300)], 4096, 1024),
        ([Usage(input=3900), Usage(input=100, cache_write=4200)], 1024, 4096),
        ([Usage(input=3900)], 1024, 4096),
        ([Usage(input=900)], 1024, 1024),
        ([Usage(input=90_000)], 1024, 1024),  # it never caches anything
        ([Usage(input=50_000), Usage(cache_read=600)], 4096, 600),
        ([Usage(input=100, cache_read=9000)], 4096, 4096),
    ],
)
def test_the_minimum_is_seen_in_what_was_billed(
    used: list[Usage | None], assumed: int, minimum: int
) -> None:
    assert minimum_of(replies(*used), assumed) == minimum


def test_what_one_thread_has_shown_counts_for_the_next() -> None:
    counter = counter_for("claude-sonnet-5-5", rank_file=None)
    memory = Memory(counter=counter, budget=100_000, marks=None, cache_minimum=4_096)
    cautious = memory.marks_for([80] * 9, 50_000)
    cached = replies(Usage(input=10, cache_read=1_100))
    assert memory.marks_for([80] * 9, 50_000, cached).high < cautious.high
    assert memory.marks_for([80] * 9, 50_000).high < cautious.high
