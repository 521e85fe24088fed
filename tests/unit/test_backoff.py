"""Waits between attempts."""

from itertools import islice

import pytest

from core.domain.clock import Backoff


def test_waits_grow_by_the_factor_up_to_the_cap() -> None:
    assert list(islice(Backoff(first=1, cap=5), 5)) == [1, 2, 4, 5, 5]
    assert list(islice(Backoff(first=1, cap=5, factor=1.5), 4)) == [1, 1.5, 2.25, 3.375]


def test_each_iteration_starts_over() -> None:
    backoff = Backoff(first=1, cap=5)
    assert next(iter(backoff)) == next(iter(backoff)) == 1


@pytest.mark.parametrize("failures", [0, 1])
def test_a_wait_is_never_shorter_than_the_first(failures: int) -> None:
    assert Backoff(first=0.5, cap=5).wait(failures) == 0.5


def test_any_number_of_failures_has_a_wait() -> None:
    assert Backoff(first=1, cap=60).wait(100_000) == 60


def test_jitter_takes_off_at_most_its_share_and_spreads_waits() -> None:
    backoff = Backoff(first=1, cap=8, jitter=0.5)
    waits = [backoff.wait(3) for _ in range(50)]
    assert all(2 <= wait <= 4 for wait in waits)
    assert len(set(waits)) > 1
