"""Port of memory strategies: which turns stay word for word, and which a summary replaces. Pure.

To add one, write a file with a class of this shape and add a line to `registry.py` beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn

EVERYTHING = 1_000_000
"""More positions than any conversation has: everything that no summary covers is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The tokens of turns without a summary at which folding starts and ends.

    There are two marks, so that the start of the prompt rarely changes and is read from the
    vendor's cache in between.
    """

    high: int = 8000
    """Above this, the summary takes over the oldest turns."""
    low: int = 2000
    """Folding ends when at most this is left."""

    def within(self, room: int) -> Marks:
        """Return marks at which turns are folded before they outgrow `room` and get lost."""
        high = min(self.high, room)
        return Marks(high=high, low=min(self.low, high // 2))


class Strategy(Protocol):
    """Decides by turns, oldest first, and their sizes in tokens."""

    @property
    def name(self) -> str:
        """Return the name that the settings use."""
        ...

    @property
    def lookback(self) -> int:
        """Return how many positions before the first waiting message a turn has to load."""
        ...

    @property
    def shows_summary(self) -> bool:
        """Return whether the model sees the summary, if there is one."""
        ...

    @property
    def folds(self) -> bool:
        """Return whether `fold` ever returns a position; if not, no turns are loaded for it."""
        ...

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the newest of these turns, those that stay word for word as far as they fit."""
        ...

    def fold(self, turns: Sequence[Turn], sizes: Sequence[int], marks: Marks) -> int | None:
        """Return the position up to which the summary takes over now; None if nothing is due.

        `turns` are all turns that no summary covers. The position is the end of one of them, and
        never of the last.
        """
        ...
