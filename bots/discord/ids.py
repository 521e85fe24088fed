"""Discord's ids and times. Pure.

An id, called a snowflake, is a creation time with a counter behind it. The upper 42 of 64 bits are
milliseconds since the first second of 2015 (docs: reference, "Snowflakes"), so ids sort by time.
"""

from __future__ import annotations

from datetime import datetime

_DIGITS = 20
"""Digits of the largest number of 64 bits."""
_EPOCH_MS = 1_420_070_400_000
_SHIFT = 22


def is_id(value: object) -> bool:
    """Return whether a value is an id: text, as in all of Discord's JSON."""
    if not isinstance(value, str) or len(value) > _DIGITS:
        return False
    return value.isdigit() and value.isascii()


def seconds(snowflake: str) -> float:
    """Return the creation time of what has this id, in seconds since 1970."""
    return ((int(snowflake) >> _SHIFT) + _EPOCH_MS) / 1000


def first_at(moment: float) -> str:
    """Return the smallest id of a moment, which is in seconds since 1970."""
    return str(max(0, int(moment * 1000) - _EPOCH_MS) << _SHIFT)


def time_of(text: str) -> float:
    """Return a time of Discord's (ISO 8601) in seconds since 1970; 0 if there is none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except (OSError, OverflowError, ValueError):
        return 0.0
