"""The running summary and every turn after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.memory.strategies.strategy import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.strategy import Marks


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Lets the summary take over the oldest turns when the high-water mark is passed."""

    name: str = "hybrid"
    reach: int = EVERYTHING
    shows_summary: bool = True
    folds: bool = True

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return all turns that no summary covers."""
        return turns

    def fold(self, turns: Sequence[Turn], sizes: Sequence[int], marks: Marks) -> int | None:
        """Return the end of the last turn that has to go so that the low-water mark is kept."""
        left = sum(sizes)
        if left <= marks.high:
            return None
        place = None
        for turn, size in zip(turns[:-1], sizes, strict=False):  # the last turn always stays
            if left <= marks.low:
                break
            left -= size
            place = turn.end
        return place
