"""Discord's ids: the time at which something was made, and a number behind it. Pure.

The first 42 of 64 bits are milliseconds since the first second of 2015 (docs: reference,
"Snowflakes"), so ids order as their times do.
"""

from __future__ import annotations

_DIGITS = 20
"""Of the largest number of 64 bits."""
_EPOCH_MS = 1_420_070_400_000
_SHIFT = 22


def is_id(value: object) -> bool:
    """Tell whether something is an id, as text."""
    if not isinstance(value, str) or len(value) > _DIGITS:
        return False
    return value.isdigit() and value.isascii()


def seconds(snowflake: str) -> float:
    """Return when something with this id was made: seconds since 1970."""
    return ((int(snowflake) >> _SHIFT) + _EPOCH_MS) / 1000


def first_at(moment: float) -> str:
    """Return an id before which is all that was made before a moment, in seconds since 1970."""
    return str(max(0, int(moment * 1000) - _EPOCH_MS) << _SHIFT)
