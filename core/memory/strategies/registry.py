"""The memory strategies by name. Pure.

A new strategy is one file in this folder, with a class of the shape of `Strategy`, and one line in
`STRATEGIES`. The property tests in `tests/properties/test_memory.py` then run on it as well.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from core.memory.strategies.full import Full
from core.memory.strategies.hybrid import Hybrid
from core.memory.strategies.summary import RunningSummary
from core.memory.strategies.window import PAIRS, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.memory.strategies.strategy import Strategy

STRATEGIES: Final[Mapping[str, Callable[[int], Strategy]]] = {
    "full": lambda _: Full(),
    "window": Window,
    "summary": lambda _: RunningSummary(),
    "hybrid": lambda _: Hybrid(),
}
"""Each strategy's name, and what makes it from how many exchanges a window keeps."""
DEFAULT_STRATEGY: Final = "hybrid"


@cache  # a strategy holds no state, so each is made once
def strategy_named(name: str, *, pairs: int = PAIRS) -> Strategy:
    """Return the strategy of this name; `pairs` is how many exchanges `window` keeps.

    Raises `KeyError` for a name that is not in `STRATEGIES`.
    """
    return STRATEGIES[name](pairs)
