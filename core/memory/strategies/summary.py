"""The running summary and the last exchange. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.memory.strategies.strategy import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.marks import Marks


@dataclass(frozen=True, slots=True)
class RunningSummary:
    """Lets the summary take over all but the last turn, after every reply."""

    name: str = "summary"
    lookback: int = EVERYTHING
    shows_summary: bool = True
    slides: bool = True
    keeps_files: bool = False
    folds: bool = True

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return all turns that no summary covers, so that nothing is lost if it lags behind."""
        return turns

    def fold(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[int],
        marks: Marks,
        least: Sequence[int] = (),
    ) -> int | None:
        """Return the end of the second-to-last turn."""
        del sizes, marks, least
        return turns[-2].end if len(turns) > 1 else None
