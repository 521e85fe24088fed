"""The water marks: at how many tokens turns are folded, and how many stay. Pure.

Between two foldings the prompt only grows at its end, so that all but the last exchange is read
from the vendor's cache. Each folding writes to the cache again what stays. A long window costs more
with each request, and a short one is folded more often: `Marks.fitting` weighs one against the
other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEP = 4
"""The exchanges that stay word for word, whatever they weigh."""
_WIDTH = 5.5
"""How far the marks are apart, by the square root of what an exchange and a folding cost.

A request with a window of L to H tokens reads on average (L + H) / 2 of them at a tenth of the
price. Every (H - L) / m exchanges of m tokens a folding writes L tokens, and R that stand before
them, at 1.25 of the price. The sum is least for H - L = sqrt(25 m (L + R)). With the cache for an
hour it is least for sqrt(40 m (L + R)). With this width it is at most 1 % more in both.
"""
SYSTEM = 1_100
"""About the tokens of the system prompt: its guide."""
_SUMMARY = 500
"""The tokens of a summary and pins at least, as a folding will write them."""
_HIGHEST = 24_000
"""No high mark is above this, or twice the low mark: models lose sight of the middle."""


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
    keep: int = KEEP
    """How many exchanges stay, whatever they weigh, as long as there is room for them."""
    room: int = 1_000_000_000
    """The tokens that the budget holds; more are folded even of the exchanges to keep."""

    def within(self, room: int) -> Marks:
        """Return marks at which turns are folded before they outgrow `room` and get lost."""
        high = min(self.high, room)
        return replace(self, high=high, low=min(self.low, high // 2), room=min(self.room, room))

    @classmethod
    def chosen(
        cls, high: int | None, low: int | None, *, base: Marks | None = None, keep: int = KEEP
    ) -> Marks | None:
        """Return the marks that people chose; `base` if they chose none.

        What they left open is as in `base`, or the default, as far as it fits the other mark.
        """
        if high is None and low is None:
            return base
        usual = base or cls(keep=keep)
        high = high or usual.high
        low = min(usual.low, high // 4) if low is None else min(low, high - 1)
        return replace(usual, high=high, low=low)

    @classmethod
    def fitting(
        cls,
        sizes: Sequence[int],
        *,
        cache_minimum: int = 0,
        keep: int = KEEP,
        system: int = SYSTEM,
        lead: int = 0,
    ) -> Marks:
        """Return the marks that cost least for turns of these sizes.

        Args:
            sizes: The tokens of the turns that no summary covers.
            cache_minimum: The tokens from which on the model caches a prefix. What is left by a
                folding has to be long enough, since nothing is cached until it is.
            keep: How many exchanges stay in any case.
            system: The tokens of the system prompt.
            lead: The tokens of the summary and of pins, as they are now.
        """
        mean = sum(sizes) / max(1, len(sizes))
        # Half an exchange more than is needed: a folding leaves as much less on average.
        low = max(keep * mean, cache_minimum - system - lead + mean / 2)
        rest = max(lead, _SUMMARY) + (system if system < cache_minimum else 0)
        high = min(low + _WIDTH * sqrt(mean * (low + rest)), max(_HIGHEST, 2 * low))
        return cls(high=round(high), low=round(low), keep=keep)
