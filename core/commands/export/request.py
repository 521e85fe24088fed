"""What a person wants exported: which conversations, of which days, in which form. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo


class ExportFormat(StrEnum):
    """The format of an exported conversation."""

    MARKDOWN = "markdown"
    JSON = "json"
    ZIP = "zip"
    """Both, in one file."""


TEXTS = (ExportFormat.MARKDOWN, ExportFormat.JSON)
"""The formats that are texts."""
FORMATS = {
    "md": ExportFormat.MARKDOWN,
    "markdown": ExportFormat.MARKDOWN,
    "json": ExportFormat.JSON,
    "zip": ExportFormat.ZIP,
}
"""The words that people use for them."""
ENDINGS = {ExportFormat.MARKDOWN: "md", ExportFormat.JSON: "json", ExportFormat.ZIP: "zip"}


ONE, SEVERAL = "conversation", "conversations"
"""What the files are called, without their endings."""


class ExportOf(StrEnum):
    """Which conversations are exported."""

    THREAD = "thread"
    """This one."""
    MINE = "mine"
    """All in which the person took part and which they can still see."""
    CHANNEL = "channel"
    """All of a channel; for admins."""
    ALL = "all"
    """All of a workspace or server; for admins."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included; None: without an end on that side."""

    since: date | None = None
    until: date | None = None

    def span(self, zone: tzinfo) -> Span:
        """Return the times of these days in a time zone."""
        since, until = self.since, self.until
        start = _midnight(since, zone) if since else -math.inf
        try:
            end = _midnight(until + timedelta(days=1), zone) if until else math.inf
        except OverflowError:  # the last day that a calendar has
            end = math.inf
        return Span(start, end)


@dataclass(frozen=True, slots=True)
class Span:
    """Times from `start` up to, and without, `end`: seconds since 1970."""

    start: float = -math.inf
    end: float = math.inf

    def __contains__(self, at: float) -> bool:
        """Return whether a time is in it."""
        return self.start <= at < self.end

    @property
    def is_all(self) -> bool:
        """Return whether it leaves out nothing."""
        return self.start == -math.inf and self.end == math.inf


ALWAYS, ALL_TIMES = Period(), Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export."""

    form: ExportFormat = ExportFormat.MARKDOWN
    of: ExportOf = ExportOf.THREAD
    period: Period = ALWAYS

    def __str__(self) -> str:
        """Return it as the words that `asked` reads."""
        period = self.period
        words: list[str] = [self.of, self.form]
        words += ["since", period.since.isoformat()] if period.since else []
        words += ["until", period.until.isoformat()] if period.until else []
        return " ".join(words)

    @property
    def file_name(self) -> str:
        """Return a name for the file."""
        stem = ONE if self.of is ExportOf.THREAD else SEVERAL
        return f"{stem}.{ENDINGS[self.form]}"


THREAD_AS_MARKDOWN = ExportRequest()

_DAY = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d", re.ASCII)
_WHICH = {
    "thread": ExportOf.THREAD,
    "mine": ExportOf.MINE,
    "channel": ExportOf.CHANNEL,
    "all": ExportOf.ALL,
}
_BEFORE = {"from": "since", "since": "since", "to": "until", "until": "until"}
_FILLERS = {"as", "in"}
UNREAD = (
    "I could not read what to export. Say `export`, and then what you need of this: `mine` for all "
    "conversations that you took part in, or a link to a message of one; `md`, `json` or `zip`; "
    "`since 2026-11-01`; `until 2026-11-30`. Admins may say `channel` or `all`."
)
NO_DAYS = (
    "I could not read these days. Write them as 2026-11-30, the earlier one first: `since` is the "
    "first day of the export, `until` the last."
)
_LONGEST = 12
"""Words of the longest request."""


def day_in(text: str) -> date | None:
    """Return the day that a text is, as in 2026-11-30; None if it is none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def requested(which: str, form: str, since: str, until: str) -> ExportRequest | None:
    """Return what was chosen; None if the days are none, or what was chosen is unknown.

    A day may be empty.
    """
    words = [which, form]
    words += ["since", since.strip()] if since.strip() else []
    words += ["until", until.strip()] if until.strip() else []
    return asked(words)


def asked(words: Sequence[str]) -> ExportRequest | None:
    """Return what words ask for: `mine json since 2026-11-01`; None if they are none of these.

    Each part may be said once, in any order. `all of mine` is `mine`.
    """
    if len(words) > _LONGEST:
        return None
    said = " ".join(words).lower().replace("all of mine", "mine").split()
    found: dict[str, object] = {}
    left = iter(said)
    for word in left:
        if word in _FILLERS:
            continue
        part, value = _part(word, next(left, "") if word in _BEFORE else "")
        if value is None or part in found:
            return None
        found[part] = value
    since, until = found.pop("since", None), found.pop("until", None)
    period = Period(
        since if isinstance(since, date) else None, until if isinstance(until, date) else None
    )
    if period.since and period.until and period.since > period.until:
        return None
    return ExportRequest(period=period, **found)  # type: ignore[arg-type]


def _part(word: str, after: str) -> tuple[str, object]:
    if word in _BEFORE:
        return _BEFORE[word], day_in(after)
    if word in FORMATS:
        return "form", FORMATS[word]
    return "of", _WHICH.get(word)


def _midnight(day: date, zone: tzinfo) -> float:
    """Return when a day begins; the first day of the calendar has no midnight in some zones."""
    try:
        return datetime.combine(day, clock_time(), zone).timestamp()
    except (OverflowError, ValueError):
        return -math.inf
