"""What refusals teach of how much a model takes, and for how long."""

from __future__ import annotations

import pytest

from core.domain.errors import MessageTooLargeError, PromptTooLargeError
from core.domain.message import ThreadKey
from core.memory.learned import HEADROOM, HOLDS, LearnedLimits
from core.memory.memory import Memory
from core.memory.tokens import counter_for

ONE, OTHER = ThreadKey("fake", "place", "one"), ThreadKey("fake", "place", "other")


def a_memory(budget: int = 100_000) -> Memory:
    return Memory(counter=counter_for("x", rank_file=None), budget=budget)


def test_nothing_learned_is_the_budget() -> None:
    memory = a_memory()
    assert memory.room(now=0) == memory.room(ONE, now=0) == memory.budget


def test_a_limit_leaves_room_for_the_answer_and_some_to_spare() -> None:
    memory = a_memory()
    memory.limits.limit(50_000, answer=4_000, now=0)
    assert memory.room(now=1) == memory.room(ONE, now=1) == int(46_000 * (1 - HEADROOM))
    assert memory.limits.answer_tokens(4_000, now=1) == 4_000
    memory.limits.limit(6_000, answer=4_000, now=2)
    assert memory.room(now=3) == int(3_000 * (1 - HEADROOM))
    assert memory.limits.answer_tokens(4_000, now=3) == 3_000


@pytest.mark.parametrize(
    ("limit", "fixed", "room"),
    [(8_000, 1_000, 4_000), (4_000, 1_000, 2_000), (2_200, 1_000, 700), (2_000, 2_000, 500)],
)
def test_an_answer_gives_way_to_what_every_prompt_has(limit: int, fixed: int, room: int) -> None:
    memory = a_memory()
    memory.limits.limit(limit, answer=4_000, fixed=fixed, now=0)
    assert memory.limits.answer_tokens(4_000, now=0) == room
    assert memory.room(now=0) == int((limit - room) * (1 - HEADROOM))
    assert memory.limits.answer_tokens(50, now=0) == 50


def test_a_larger_limit_than_is_believed_changes_nothing() -> None:
    memory = a_memory()
    memory.limits.limit(10**9, answer=4_000, now=0)
    assert memory.room(now=0) == memory.budget


@pytest.mark.parametrize("number", [0, 1, 13, 255])
def test_a_number_that_is_no_limit_changes_nothing(number: int) -> None:
    memory = a_memory()
    memory.limits.limit(number, answer=4_000, now=0)
    assert memory.room(now=0) == memory.budget


def test_what_is_learned_holds_for_a_while() -> None:
    memory = a_memory()
    memory.limits.limit(6_000, answer=4_000, now=0)
    memory.limits.thread(ONE, 500, now=0)
    assert memory.room(ONE, now=HOLDS - 1) == int(500 * memory.counter.factor)
    assert memory.room(ONE, now=HOLDS) == memory.room(now=HOLDS) == memory.budget
    assert memory.limits.answer_tokens(4_000, now=HOLDS) == 4_000


def test_what_one_thread_teaches_is_about_that_thread_and_follows_the_count() -> None:
    memory = a_memory()
    memory.limits.thread(ONE, 1_000, now=0)
    assert memory.room(ONE, now=0) == int(1_000 * memory.counter.factor)
    assert memory.room(OTHER, now=0) == memory.budget
    counter = memory.counter.scaled(1.5)
    assert memory.room(ONE, now=0, counter=counter) == int(1_000 * counter.factor) > 1_500


def test_of_many_threads_the_newest_are_remembered() -> None:
    limits = LearnedLimits()
    for n in range(5_000):
        limits.thread(ThreadKey("fake", "place", str(n)), 1, now=0)
    assert limits.thread_units(ThreadKey("fake", "place", "4999"), now=0) == 1
    assert limits.thread_units(ThreadKey("fake", "place", "0"), now=0) is None


def test_a_refusal_says_how_much_would_fit() -> None:
    def share(size: int | None, limit: int | None) -> float | None:
        return PromptTooLargeError("no", size=size, limit=limit).share(4_000)

    assert share(200_000, 104_000) == 0.5
    assert share(6_000, 6_000) == 0.5  # the answer takes half at most
    assert share(None, 6_000) is share(6_000, None) is share(100, 6_000) is None


def test_a_short_message_is_never_called_long() -> None:
    for room in (0, 5, None):
        assert "too long" not in str(MessageTooLargeError(size=30, room=room, fixed=600))
        assert "too long" in str(MessageTooLargeError(size=5_000, room=room, fixed=9_000))
