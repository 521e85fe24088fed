"""Which opinion of an answer counts, in whatever order they come."""

from __future__ import annotations

from itertools import permutations

import pytest

from core.domain.ratings import BAD, GOOD, NONE, Opinion, Rating, changed, counted


def after(*opinions: Opinion) -> tuple[Rating, ...]:
    ratings: tuple[Rating, ...] = ()
    for opinion in opinions:
        ratings = changed(ratings, opinion)
    return ratings


UP = Opinion(person="ANN", value=GOOD, at=1.0)
NO_UP = Opinion(person="ANN", value=GOOD, at=2.0, taken_back=True)
DOWN = Opinion(person="ANN", value=BAD, at=3.0)


@pytest.mark.parametrize("order", list(permutations((UP, NO_UP, DOWN))))
def test_the_last_word_counts_in_whatever_order_they_come(order: tuple[Opinion, ...]) -> None:
    assert counted(after(*order)) == (0, 1)
    assert counted(after(*order, *order)) == (0, 1)


@pytest.mark.parametrize("order", list(permutations((UP, NO_UP))))
def test_what_is_taken_back_stays_so_when_an_earlier_event_comes_late(
    order: tuple[Opinion, ...],
) -> None:
    assert counted(after(*order)) == (0, 0)
    assert counted(after(*order, UP)) == (0, 0)


def test_taking_one_back_leaves_the_other_that_was_said_since() -> None:
    taken = Opinion(person="ANN", value=GOOD, at=4.0, taken_back=True)
    assert counted(after(UP, DOWN, taken)) == (0, 1)


def test_a_reason_stays_with_its_value() -> None:
    why = Opinion(person="ANN", value=BAD, at=4.0, reason="too long")
    again = Opinion(person="ANN", value=BAD, at=5.0)
    assert after(DOWN, why, again)[0].reason == "too long"
    assert after(DOWN, why, Opinion(person="ANN", value=GOOD, at=5.0))[0].reason == ""


def test_a_reason_joins_its_value_although_its_clock_is_behind() -> None:
    early = Opinion(person="ANN", value=BAD, at=2.5, reason="too long")
    assert after(DOWN, early) == (Rating(person="ANN", value=BAD, at=3.0, reason="too long"),)
    assert after(UP, Opinion(person="ANN", value=BAD, at=0.5, reason="too long")) == after(UP)


def test_who_is_forgotten_leaves_nothing() -> None:
    bob = Opinion(person="BOB", value=GOOD, at=1.0)
    gone = Opinion(person="ANN", value=NONE, at=0.0)
    assert [each.person for each in after(UP, bob, NO_UP, gone)] == ["BOB"]
