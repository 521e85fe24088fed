"""Slack's timestamps: the id of a message and the time it was said, in one text. Pure.

`1652635099.971779` is seconds and microseconds (docs: messaging/retrieving-messages). As a number
it would lose digits somewhere on the way, so ids stay text and positions are whole microseconds.
"""

from __future__ import annotations

import re

_TS = re.compile(r"(\d{1,11})\.(\d{1,6})", re.ASCII)
"""Up to the year 5138: a calendar's last year is 9999, also in any time zone."""
_MICRO = 1_000_000


def is_ts(text: object) -> bool:
    """Tell whether something is a timestamp."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def micros(ts: str) -> int:
    """Return a timestamp in microseconds, exactly; ValueError where it is none."""
    found = _TS.fullmatch(ts)
    if found is None:
        raise ValueError(f"{ts!r} is no timestamp")
    return int(found[1]) * _MICRO + int(found[2].ljust(6, "0"))


def seconds(ts: str) -> float:
    """Return a timestamp in seconds; ValueError where it is none.

    A double keeps the microseconds until the year 2255.
    """
    return micros(ts) / _MICRO
