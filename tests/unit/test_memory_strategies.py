"""Which turns stay word for word, and which the summary takes over."""

from __future__ import annotations

import pytest

from core.domain.message import Kind
from core.memory.memory import Memory
from core.memory.strategies.marks import Marks
from core.memory.strategies.registry import DEFAULT_STRATEGY, STRATEGIES, strategy_named
from core.memory.tokens import counter_for
from tests.talk import entry, turn, turns

TEN = turns(*(f"message {n}" for n in range(10)))
MARKS = Marks(high=800, low=200, keep=1)


def test_each_strategy_is_found_by_its_own_name() -> None:
    assert [strategy_named(name).name for name in STRATEGIES] == list(STRATEGIES)


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(KeyError):
        strategy_named("elephant")


@pytest.mark.parametrize("name", ["full", "summary", "hybrid"])
def test_all_turns_stay_as_far_as_they_fit(name: str) -> None:
    assert tuple(strategy_named(name).window(TEN)) == TEN


def test_window_keeps_the_last_pairs() -> None:
    window = strategy_named("window", pairs=3)
    assert tuple(window.window(TEN)) == TEN[7:]
    assert tuple(window.window(TEN[:2])) == TEN[:2]
    assert window.lookback >= 3


@pytest.mark.parametrize("name", ["full", "window"])
def test_full_and_window_make_no_summary(name: str) -> None:
    strategy = strategy_named(name)
    assert strategy.fold(TEN, [1000] * 10, MARKS) is None
    assert not strategy.folds


def test_only_window_does_not_show_a_summary() -> None:
    assert [name for name in STRATEGIES if not strategy_named(name).shows_summary] == ["window"]


def test_summary_takes_over_all_but_the_last_turn() -> None:
    strategy = strategy_named("summary")
    assert strategy.fold(TEN, [1] * 10, MARKS) == 9
    assert strategy.fold(TEN[:2], [1] * 2, MARKS) == 1
    assert strategy.fold(TEN[:1], [10_000], MARKS) is None
    assert strategy.fold((), (), MARKS) is None


@pytest.mark.parametrize(
    ("sizes", "place"),
    [
        ([80] * 10, None),  # 800: at the high-water mark, not above it
        ([80] * 9 + [81], 8),  # 801: two turns are left, since 161 fit under 200 and 241 don't
        ([100] * 10, 8),
        ([10] * 9 + [900], 9),  # the last turn stays, however large
        ([900] + [10] * 9, 1),
        ([1000] * 10, 9),
    ],
)
def test_hybrid_folds_above_the_high_mark_down_to_the_low_mark(
    sizes: list[int], place: int | None
) -> None:
    assert strategy_named("hybrid").fold(TEN, sizes, MARKS) == place


@pytest.mark.parametrize(
    ("sizes", "room", "place"),
    [
        ([100] * 10, 10_000, 6),
        ([1000] * 10, 10_000, 6),  # whatever they weigh
        ([1000] * 10, 3000, 7),  # but no more than there is room for
        ([1000] * 10, 500, 9),
        ([1000] * 4, 10_000, None),
        ([900] + [10] * 9, 10_000, 1),
    ],
)
def test_hybrid_keeps_the_last_exchanges_as_long_as_there_is_room_for_them(
    sizes: list[int], room: int, place: int | None
) -> None:
    marks = Marks(high=800, low=200, keep=4, room=room)
    assert strategy_named("hybrid").fold(TEN[: len(sizes)], sizes, marks) == place


def test_the_marks_fit_the_talk_and_the_cache_of_the_model() -> None:
    usual = Marks.fitting([320] * 10)
    assert (usual.low, usual.keep) == (4 * 320, 4)
    assert 5_000 < usual.high < 7_000
    short, long = Marks.fitting([80] * 10), Marks.fitting([1_100] * 10)
    assert short.high < usual.high < long.high
    large = Marks.fitting([320] * 10, cache_minimum=4_096)
    assert large.low + 1_000 >= 4_096
    assert Marks.fitting([320] * 10, cache_minimum=1_024) == usual
    assert Marks.fitting([320], keep=10).low == 3_200
    assert Marks.fitting([20_000] * 4).high == 2 * 80_000
    assert Marks.fitting([]).high >= 0


def test_hybrid_never_folds_the_only_turn() -> None:
    assert strategy_named("hybrid").fold(TEN[:1], [5000], MARKS) is None


def test_hybrid_folds_at_the_end_of_a_turn_of_several_messages() -> None:
    long = (turn(entry(0, "a"), entry(1, "b"), entry(2, "c")), turn(entry(3, "d")))
    assert strategy_named("hybrid").fold(long, [700, 150], MARKS) == 3


def test_marks_leave_room_for_what_they_guard() -> None:
    assert Marks(high=8000, low=2000).within(100_000) == Marks(high=8000, low=2000, room=100_000)
    assert Marks(high=8000, low=2000).within(1000) == Marks(high=1000, low=500, room=1000)


def test_the_strategy_is_chosen_by_thread_then_by_kind_then_by_default() -> None:
    memory = Memory(
        counter=counter_for("offline", rank_file=None),
        budget=1000,
        by_kind={Kind.DM: "full"},
        pairs=4,
    )
    assert memory.strategy(Kind.DM).name == "full"
    assert memory.strategy(Kind.THREAD).name == DEFAULT_STRATEGY == "hybrid"
    assert memory.strategy(Kind.DM, "window") == strategy_named("window", pairs=4)
    assert memory.strategy(Kind.DM, "from a later version").name == "full"
