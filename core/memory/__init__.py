"""What the model gets to see of a conversation. Pure."""

from core.memory.choice import DEFAULT_STRATEGY, STRATEGIES, Memory, strategy_named
from core.memory.limits import HEADROOM
from core.memory.plan import (
    Parts,
    Plan,
    attachments_in_view,
    least_size,
    plan,
    size_of,
)
from core.memory.strategy import Marks, Strategy

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
