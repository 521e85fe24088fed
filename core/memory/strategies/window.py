"""The last exchanges, word for word, and nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.strategy import Marks

PAIRS = 10
_PLACES_PER_PAIR = 4
"""Messages that are answered together, or were overheard, make one pair of several places."""


@dataclass(frozen=True, slots=True)
class Window:
    """Shows the last `pairs` exchanges."""

    pairs: int = PAIRS
    name: str = "window"
    shows_summary: bool = False
    folds: bool = False

    @property
    def reach(self) -> int:
        """Return the places to load: enough for all pairs where people talk in bursts."""
        return self.pairs * _PLACES_PER_PAIR

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the last turns."""
        return turns[-self.pairs :]

    def fold(self, turns: Sequence[Turn], sizes: Sequence[int], marks: Marks) -> None:
        """Return None: the summary takes over nothing."""
        del turns, sizes, marks
