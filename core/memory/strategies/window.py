"""The last exchanges, word for word, and nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.marks import Marks

PAIRS = 10
_MESSAGES_PER_PAIR = 4
"""A pair may be several messages that are answered together, or overheard ones."""


@dataclass(frozen=True, slots=True)
class Window:
    """Shows the last `pairs` exchanges."""

    pairs: int = PAIRS
    name: str = "window"
    shows_summary: bool = False
    slides: bool = True
    keeps_files: bool = False
    folds: bool = False

    @property
    def lookback(self) -> int:
        """Return the positions to load: enough for all pairs, even if people write in bursts."""
        return self.pairs * _MESSAGES_PER_PAIR

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the last turns."""
        return turns[-self.pairs :]

    def fold(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[int],
        marks: Marks,
        least: Sequence[int] = (),
    ) -> None:
        """Return None: the summary takes over nothing."""
        del turns, sizes, marks, least
