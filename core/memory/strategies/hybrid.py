"""The running summary and every turn after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.memory.strategies.strategy import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.marks import Marks


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Lets the summary take over the oldest turns once they pass the high mark."""

    name: str = "hybrid"
    lookback: int = EVERYTHING
    shows_summary: bool = True
    slides: bool = False
    keeps_files: bool = False
    folds: bool = True

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return all turns that no summary covers."""
        return turns

    def fold(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[int],
        marks: Marks,
        least: Sequence[int] = (),
    ) -> int | None:
        """Return the end of the last turn to fold until the rest fits the low mark.

        What is left counts with shortened answers, so that these give way before people's words.
        """
        whole, left = sum(sizes), sum(least or sizes)
        if whole <= marks.high:
            return None
        end = None
        for number, turn in enumerate(turns[:-1]):
            if number >= len(turns) - marks.keep:
                if whole <= marks.room:
                    break
            elif end is not None and left <= marks.low:
                break
            whole -= sizes[number]
            left -= (least or sizes)[number]
            end = turn.end
        return end
