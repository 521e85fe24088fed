"""Every turn, word for word; if they no longer fit, the oldest are left out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.memory.strategies.strategy import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.marks import Marks


@dataclass(frozen=True, slots=True)
class Full:
    """Makes no summary, but shows one that another strategy has made."""

    name: str = "full"
    lookback: int = EVERYTHING
    shows_summary: bool = True
    slides: bool = False
    keeps_files: bool = True
    folds: bool = False

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return all turns."""
        return turns

    def fold(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[int],
        marks: Marks,
        least: Sequence[int] = (),
    ) -> None:
        """Return None: the summary takes over nothing."""
        del turns, sizes, marks, least
