"""The order of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import LONG, dealt

TESTS = Path(__file__).resolve().parents[1]


def test_each_process_begins_with_some_of_the_long_tests() -> None:
    tests = [*"abLcdMefNghO"]
    order = dealt(tests, [test.isupper() for test in tests], 4)
    assert [order[at : at + 3] for at in range(0, 12, 3)] == [
        [*"Lab"],
        [*"Mcd"],
        [*"Nef"],
        [*"Ogh"],
    ]


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("long", [0, 1, 5, 10])
def test_each_test_is_run_once(long: int, processes: int) -> None:
    tests = range(10)
    assert sorted(dealt(tests, [test < long for test in tests], processes)) == [*tests]


def test_each_long_file_exists() -> None:
    files = [TESTS / folder / name for folder, names in LONG.items() for name in names]
    assert all(file.is_file() for file in files), files
