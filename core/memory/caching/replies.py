"""What a thread's own replies say of the vendor's prompt cache: its minimum and its time. Pure.

A reply's `usage` says what was read from the cache and written to it, and its time says how long
the thread was silent. Facts on the cache are from Anthropic's documentation, "Prompt caching": an
entry lives for five minutes, or for an hour if that is asked for, from when it was last read;
writing costs 1.25 of the price of input, or twice the price; a prefix below a minimum, which each
model has, is not cached, and nothing says so.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.domain.session import Answer, Turn, Usage

FIVE_MINUTES = 300.0
HOUR = 3600.0
_GAPS = 12
"""The silences that decide. An hour is cheaper from about 8 % of turns after 5 to 60 minutes on,
which is one in twelve."""
_STEPS = (512, 1_024, 2_048, 4_096)
"""The minimums that models have."""
_STABLE = 0.5
"""The share of a prompt that is before its last breakpoint at least."""


def lasts_an_hour(turns: Sequence[Turn], now: float) -> bool:
    """Return whether the cache for an hour is cheaper, by the last silences of the thread.

    Args:
        turns: The turns that are loaded, oldest first.
        now: When the request is made, in seconds since 1970.
    """
    times = [*(turn.answer.sent_at for turn in turns[-_GAPS:]), now]
    return any(FIVE_MINUTES < after - before < HOUR for before, after in pairwise(times))


def minimum_of(answers: Iterable[Answer], assumed: int) -> int:
    """Return from how many tokens on the model caches a prefix, by its replies.

    A reply that used the cache shows that its prefix was long enough; a longer prompt without any
    use shows that it was not. Of what contradicts itself, the use of the cache counts.

    Args:
        answers: The replies of one thread, in any order.
        assumed: What the catalog says, which may be a guess.
    """
    used = [answer.usage for answer in answers if answer.usage is not None]
    cached = [cached_in(usage) for usage in used if cached_in(usage)]
    most = min(cached, default=_STEPS[-1])
    least = max([usage.prompt * _STABLE for usage in used if not cached_in(usage)], default=0)
    possible = [step for step in _STEPS if least < step <= most]
    if assumed in possible:
        return assumed
    return possible[-1] if possible else min(assumed, most)


def cached_in(usage: Usage) -> int:
    """Return how many tokens of a prompt were read from the cache, or written to it."""
    return usage.cache_read + usage.cache_write
