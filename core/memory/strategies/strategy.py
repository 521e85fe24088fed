"""Port of memory strategies: which turns stay word for word, and which a summary replaces. Pure.

To add one, write a file with a class of this shape and add a line to `registry.py` beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.domain.session import Turn
    from core.memory.strategies.marks import Marks

EVERYTHING = 1_000_000
"""More positions than any conversation has: everything that no summary covers is loaded."""


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
    def slides(self) -> bool:
        """Return whether the start of the prompt changes with each reply.

        Then no later request reads from the vendor's cache what follows the system prompt.
        """
        ...

    @property
    def keeps_files(self) -> bool:
        """Return whether large files stay in the window for as long as their turns."""
        ...

    @property
    def folds(self) -> bool:
        """Return whether `fold` ever returns a position; if not, no turns are loaded for it."""
        ...

    def window(self, turns: Sequence[Turn]) -> Sequence[Turn]:
        """Return the newest of these turns, those that stay word for word as far as they fit."""
        ...

    def fold(
        self,
        turns: Sequence[Turn],
        sizes: Sequence[int],
        marks: Marks,
        least: Sequence[int] = (),
    ) -> int | None:
        """Return the position up to which the summary takes over now; None if nothing is due.

        `turns` are all turns that no summary covers. The position is the end of one of them, and
        never of the last; `marks.keep` turns stay if there is room for them. `least` are the tokens
        of the turns once long answers are shown by their start, if that differs.
        """
        ...
