"""When things were said, in words: the day with its weekday, and the hour. Pure.

All times are those of one zone, the people's. A line with the time stands before a message that is
the first one of its day or of its hour. It depends on this message and the one before it alone, and
never on the time of the request, so a message reads the same in every request: the vendor's cache
only works for prompts that begin with the same bytes.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from core.prompt.tags import TIME, alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from core.domain.session import Entry, Turn

UNKNOWN = "unknown"
"""What stands for a time that no calendar has."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST_LINE = alone(TIME, ' on="Wed 2026-11-25" at="23:59"')
"""A line that is as long as any."""


def day_of(moment: datetime) -> str:
    """Return a day with its weekday, as "Mon 2026-11-23"; the names depend on no locale."""
    return f"{_DAYS[moment.weekday()]} {moment.date().isoformat()}"  # quicker than a format


def when(at: float, zone: tzinfo) -> str:
    """Return a time as "Mon 2026-11-23 14:05".

    `at` is in seconds since 1970. A wrong timestamp must not stop the bot, so it is "unknown".
    """
    moment = moment_of(at, zone)
    if moment is None:
        return UNKNOWN
    return f"{_DAYS[moment.weekday()]} {moment.isoformat(' ', 'minutes')[:16]}"


def on_day(at: float, zone: tzinfo) -> str:
    """Return the day of a time as "Mon 2026-11-23"; like `when`, without the hour."""
    moment = moment_of(at, zone)
    return UNKNOWN if moment is None else day_of(moment)


def moment_of(at: float, zone: tzinfo) -> datetime | None:
    """Return a time in the zone; None if no calendar has it."""
    try:
        return datetime.fromtimestamp(at, zone)
    except (OverflowError, ValueError, OSError):
        return None


@lru_cache(maxsize=8192)  # the same messages stand in every request of a thread
def time_line(at: float, before: float | None, zone: tzinfo) -> str:
    """Return the line that stands before a message; empty if it needs none.

    Args:
        at: When the message was sent, in seconds since 1970.
        before: When the message before it was sent; None if it is the first one that is shown.
        zone: The time zone of the people.
    """
    moment = moment_of(at, zone)
    if moment is None:
        return ""
    last = None if before is None else moment_of(before, zone)
    if last is None or moment.date() != last.date():
        return alone(TIME, f' on="{day_of(moment)}" at="{moment:%H:%M}"')
    return "" if moment.hour == last.hour else alone(TIME, f' at="{moment:%H:%M}"')


def time_lines(entries: Iterable[Entry], before: float | None, zone: tzinfo) -> list[str]:
    """Return the line before each of these messages; see `time_line` for the arguments."""
    lines: list[str] = []
    for entry in entries:
        lines.append(time_line(entry.sent_at, before, zone))
        before = entry.sent_at
    return lines


def times_before(turns: Sequence[Turn]) -> list[float | None]:
    """Return when the last message before each turn was sent.

    The first one is None, since nothing that is shown stands before it.
    """
    last: float | None = None
    times: list[float | None] = []
    for turn in turns:
        times.append(last)
        if turn.entries:
            last = turn.entries[-1].sent_at
    return times


def last_time(turns: Sequence[Turn]) -> float | None:
    """Return when the last message in these turns was sent; None if there is none."""
    return next((turn.entries[-1].sent_at for turn in reversed(turns) if turn.entries), None)
