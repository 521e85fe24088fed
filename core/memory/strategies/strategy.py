"""A memory strategy: what of a conversation stays word for word, and what the summary takes over.

To add one: a file with a class of this shape, and a line in `core/memory/strategies/registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn

EVERYTHING = 1_000_000
"""A reach that no conversation has: everything that no summary covers is loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Water marks, in tokens of turns that no summary covers.

    Two marks and not one, so that the start of the prompt changes seldom and is read from the
    vendor's cache meanwhile.
    """

    high: int = 8000
    """Above it, the summary takes over the oldest turns."""
    low: int = 2000
    """Until no more than this is left."""

    def within(self, room: int) -> Marks:
        """Return marks with which turns are folded before they outgrow `room` and are lost."""
        high = min(self.high, room)
        return Marks(high=high, low=min(self.low, high // 2))


class Strategy(Protocol):
    """Pure: it is handed turns, oldest first, and their sizes in tokens."""

    @property
    def name(self) -> str:
        """Return what settings and people call it."""
        ...

    @property
    def reach(self) -> int:
        """Return how many places before the first unanswered one a turn needs to load."""
        ...

    @property
    def shows_summary(self) -> bool:
        """Tell whether the model gets to see the summary, where there is one."""
        ...

    @property
    def folds(self) -> bool:
        """Tell whether `fold` ever returns a place; if not, nobody has to load turns for it."""
        ...

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the newest of these turns that stay word for word, as far as they fit."""
        ...

    def fold(self, turns: Sequence[Turn], sizes: Sequence[int], marks: Marks) -> int | None:
        """Return the place up to which the summary should take over now; None for not now.

        `turns` are all that no summary covers. The place is the end of one of them, and never
        of the last.
        """
        ...
