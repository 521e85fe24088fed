"""The order of the tests: each of pytest's processes begins with some of those that take longest.

Otherwise one process would begin a test of minutes when the others are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Item = TypeVar("Item")

LONG = {
    "contract": ("test_cost.py",),
    "properties": ("test_moving.py", "test_store_machine.py"),
}
"""The files whose tests take longest, by folder; each runs in one process, and no clock hurries it.

Tests that start programs stay where they are: many programs that start at once are late.
"""


def takes_long(file: Path) -> bool:
    """Return whether a file's tests are among those that take longest."""
    return file.name in LONG.get(file.parent.name, ())


def dealt(tests: Sequence[Item], long: Sequence[bool], processes: int) -> list[Item]:
    """Return the tests in an order in which each process gets as many of the long ones, first.

    With `--dist worksteal`, each process gets a part of the list at first, one after the other and
    of equal length. One that is ready takes over what another would do last.
    """
    first = [test for test, is_long in zip(tests, long, strict=True) if is_long]
    rest = [test for test, is_long in zip(tests, long, strict=True) if not is_long]
    order: list[Item] = []
    for process in range(processes):
        own = first[process::processes]
        size = (len(tests) - len(order)) // (processes - process)
        others = max(size - len(own), 0)
        order += [*own, *rest[:others]]
        del rest[:others]
    return order
