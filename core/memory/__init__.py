"""What the model gets to see of a conversation. Pure."""

from core.memory.learned_limits import HEADROOM
from core.memory.memory import DEFAULT_STRATEGY, STRATEGIES, Memory, strategy_named
from core.memory.plan import (
    Parts,
    Plan,
    attachments_in_view,
    least_size,
    plan,
    size_of,
)
from core.memory.strategies.strategy import Marks, Strategy

__all__ = [
    "DEFAULT_STRATEGY",
    "HEADROOM",
    "STRATEGIES",
    "Marks",
    "Memory",
    "Parts",
    "Plan",
    "Strategy",
    "attachments_in_view",
    "least_size",
    "plan",
    "size_of",
    "strategy_named",
]
