"""Which memory a conversation has: its strategy, its budget, and how tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from core.memory.full import Full
from core.memory.hybrid import Hybrid
from core.memory.strategy import Marks, Strategy
from core.memory.summary import RunningSummary
from core.memory.window import PAIRS, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.memory.tokens import TokenCounter
    from core.message import Kind

STRATEGIES: Final = ("full", "window", "summary", "hybrid")
"""The names of all strategies."""
DEFAULT_STRATEGY: Final = "hybrid"


def strategy_named(name: str, *, pairs: int = PAIRS) -> Strategy:
    """Return the strategy of this name; `pairs` is how many exchanges `window` keeps.

    Raises `KeyError` for a name that is not in `STRATEGIES`.
    """
    every: tuple[Strategy, ...] = (Full(), Window(pairs), RunningSummary(), Hybrid())
    return {strategy.name: strategy for strategy in every}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How the bot remembers, in all conversations."""

    counter: TokenCounter
    budget: int
    """Tokens of a whole prompt."""
    marks: Marks = field(default_factory=Marks)
    by_kind: Mapping[Kind, str] = field(default_factory=dict)
    """The name of the strategy for a kind of conversation, where it is not the default."""
    pairs: int = PAIRS

    def strategy(self, kind: Kind, chosen: str = "") -> Strategy:
        """Return the strategy for a conversation; `chosen` is what people set for it, if anything.

        A choice that this version does not know counts as none: it must not stop the bot.
        """
        name = chosen if chosen in STRATEGIES else self.by_kind.get(kind, DEFAULT_STRATEGY)
        return strategy_named(name, pairs=self.pairs)
