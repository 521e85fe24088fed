"""Slack's timestamps, each of which is a message's id and its time. Pure.

`1652635099.971779` is seconds and microseconds (docs: messaging/retrieving-messages). A number
could lose digits in transit, so ids stay text, and exact times are whole microseconds.
"""

from __future__ import annotations

import re

_TS = re.compile(r"(\d{1,11})\.(\d{1,6})", re.ASCII)
"""Up to the year 5138; Python's dates end in 9999, in every time zone."""
_MICRO = 1_000_000


def is_ts(text: object) -> bool:
    """Return whether something is a timestamp."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def micros(ts: str) -> int:
    """Return a timestamp in whole microseconds; raises `ValueError` if it is none."""
    found = _TS.fullmatch(ts)
    if found is None:
        raise ValueError(f"{ts!r} is not a timestamp")
    return int(found[1]) * _MICRO + int(found[2].ljust(6, "0"))


def seconds(ts: str) -> float:
    """Return a timestamp in seconds; raises `ValueError` if it is none.

    A float keeps the microseconds until the year 2255.
    """
    return micros(ts) / _MICRO


def ts_of(micros: int) -> str:
    """Return the timestamp of a moment in whole microseconds."""
    return f"{micros // _MICRO}.{micros % _MICRO:06d}"
