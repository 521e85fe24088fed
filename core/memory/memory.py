"""Which memory a conversation has: its strategy, its budget, and how tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.memory.learned_limits import LearnedLimits
from core.memory.strategies.registry import DEFAULT_STRATEGY, STRATEGIES, strategy_named
from core.memory.strategies.strategy import Marks
from core.memory.strategies.window import PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.domain.message import Kind, ThreadKey
    from core.memory.strategies.strategy import Strategy
    from core.memory.tokens import TokenCounter


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How the bot remembers, in all conversations."""

    counter: TokenCounter
    budget: int
    """Tokens of a whole prompt, by settings and by what is known of the model; see `room`."""
    marks: Marks = field(default_factory=Marks)
    by_kind: Mapping[Kind, str] = field(default_factory=dict)
    """The name of the strategy for a kind of conversation, where it is not the default."""
    pairs: int = PAIRS
    limits: LearnedLimits = field(default_factory=LearnedLimits)
    """What refusals have taught since."""

    def room(self, thread: ThreadKey | None = None, *, now: float) -> int:
        """Return the tokens to plan a prompt for: the budget, or what is left of it by refusals.

        Less in a thread where the model refused less. `now` is the steady time.
        """
        room = self.limits.prompt_tokens(self.budget, now=now)
        units = None if thread is None else self.limits.thread_units(thread, now=now)
        return room if units is None else min(room, int(units * self.counter.factor))

    def strategy(self, kind: Kind, chosen: str = "") -> Strategy:
        """Return the strategy for a conversation; `chosen` is what people set for it, if anything.

        A choice that this version does not know counts as none: it must not stop the bot.
        """
        name = chosen if chosen in STRATEGIES else self.by_kind.get(kind, DEFAULT_STRATEGY)
        return strategy_named(name, pairs=self.pairs)
