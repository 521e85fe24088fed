"""What the model gets to see of a conversation. Pure."""

from core.memory.choice import DEFAULT_STRATEGY, STRATEGIES, Memory, strategy_named
from core.memory.plan import Parts, Plan, attachments_in_view, plan, size_of
from core.memory.strategy import Marks, Strategy

__all__ = [
    "DEFAULT_STRATEGY",
    "STRATEGIES",
    "Marks",
    "Memory",
    "Parts",
    "Plan",
    "Strategy",
    "attachments_in_view",
    "plan",
    "size_of",
    "strategy_named",
]
