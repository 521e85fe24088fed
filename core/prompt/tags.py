"""The tags of a prompt, what they say of names and times, and how text opens none of them. Pure.

Only this program writes a tag that begins with `chat_`. In everything else, the first character of
whatever reads like such a tag is escaped, and nothing is changed beside it. A tag reads like ours
with invisible characters between its letters, with letters of other scripts that look the same, or
with another bracket, too: a model may take it for ours.

All times are those of one zone, the people's. A line with the time stands before a message that is
the first one of its day or of its hour. It depends on this message and the one before it alone, and
never on the time of the request, so a message reads the same in every request: the vendor's cache
only works for prompts that begin with the same bytes.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

# not `re`: before Python 3.11.5 its possessive groups go wrong
import regex  # type: ignore[import-untyped] # ships no types

from core.domain.text import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from core.domain.session import Entry, Turn

SUMMARY = "chat_summary"
TRANSCRIPT = "chat_transcript"
MESSAGE = "chat_message"
ANSWER = "chat_answer"
NOTICE = "chat_notice"
SCENE = "chat_scene"
FILE = "chat_file"
QUOTE = "chat_quote"
PLACE = "chat_place"
PERSON = "chat_person"
CUT = "chat_cut"
TIME = "chat_time"
RECALLED = "chat_recalled"
LINKED = "chat_linked"
PINS = "chat_pins"
PIN = "chat_pin"
CORRECTIONS = "chat_corrections"

NAME_LIMIT = 80
"""The most characters of a name that are shown."""
_BRACKETS = "<\uff1c\ufe64\u2039\u2329\u27e8\u3008\u276c\u276e\u02c2\u1438\u29fc\u27ea\u300a\u226e"
"""What looks like the bracket that opens a tag."""
_SLASHES = r"/\\\uff0f\u2044\u2215\u29f8\u27cb\ufe68"
_UNSEEN = r"\s\p{C}\p{Z}\p{M}\u115f\u1160\u3164\uffa0\u2800\ufffd"
"""What can't be seen, or stands above or below a letter."""
_LIKE_OURS = regex.compile(
    rf"[{_BRACKETS}]([{_UNSEEN}{_SLASHES}]*+(\w)[{_UNSEEN}]*+(\w)[{_UNSEEN}]*+(\w)[{_UNSEEN}]*+(\w)"
    rf"(?:[\u0320\u0331\u0332\u0333]|[{_UNSEEN}]*+[\p{{Pc}}\u02cd\u2581]))"
)
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(sign)) for sign in flag) for flag in ("gbeng", "gbsct", "gbwls")
)
_HIDDEN = regex.compile(
    rf"\U0001f3f4(?:{_FLAGS})\U000e007f(*SKIP)(*FAIL)|[\U000e0000-\U000e007f]++"
)
"""Tag characters, but for the flags that are made of them (Unicode's emoji-sequences.txt).

Sources: NVIDIA/SkillSpector, issue 169 and pull request 167; aaif-goose/goose, pull request 3920.
"""
_NAME = "chat"
_LETTERS = {
    "c": "\u0441\u03f2\u1d04\u2ca5\ua4da\u13df\u217d\u00a2\u10c1",
    "h": "\u04bb\u0570\u029c\u043d\u03b7\u13c2\u157c\ua4e7\u210f\u0127\u2c68\u04a3",
    "a": "\u0430\u0251\u03b1\u1d00\u13aa\ua4ee\u237a\u0259",
    "t": "\u0442\u03c4\u1d1b\u13a2\ua4d4\u04ad\u22a4\u0167\u01ad\u0236",
}
"""Letters that look like those of our tags, in lower case (Unicode's confusables.txt)."""
_ALIKE = {other: letter for letter, others in _LETTERS.items() for other in others}


def quoted(text: str) -> str:
    """Return the text with the first character of whatever reads like one of our tags escaped.

    Text in Unicode's tag characters, which a model can read and people can't see, is taken out, and
    a tag says so.
    """
    if "<" not in text and text.isascii():  # nearly always
        return text
    plain: str = _HIDDEN.sub(_named, _LIKE_OURS.sub(_escaped, text))
    return plain


def one_line(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name on one line, quoted, and cut to about `limit` characters."""
    return quoted(flat(text, limit))


def flat(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a name on one line, without control characters, and cut to `limit` characters."""
    if text.isascii() and text.isprintable():  # nearly always
        return " ".join(text.split())[:limit]
    seen: str = _HIDDEN.sub("", " ".join(visible(" ".join(text.split())).split()))
    return seen[:limit]


def file_name(name: str) -> str:
    """Return a file's name on one line, without control characters; a long one has its ending."""
    return shortened(flat(name, len(name)), NAME_LIMIT)


def enclosed(tag: str, text: str, marks: str = "") -> str:
    """Return a text, which is quoted already, between a tag and its end."""
    return f"<{tag}{marks}>\n{text}\n</{tag}>"


def alone(tag: str, marks: str = "") -> str:
    """Return a tag that encloses nothing."""
    return f"<{tag}{marks}/>"


def marks(named: Mapping[str, str], limit: int = NAME_LIMIT) -> str:
    """Return the attributes of a tag, from any text; without those that are empty."""
    return "".join([_mark(name, text, limit) for name, text in named.items() if text])


@lru_cache(maxsize=4096)  # the same names stand in every request of a thread
def _mark(name: str, text: str, limit: int) -> str:
    shown = flat(text, limit)
    return f' {name}="{_attribute(shown)}"' if shown else ""


def _attribute(text: str) -> str:
    return quoted(escape(text, quote=False).replace('"', "&quot;"))


def _named(found: regex.Match[str]) -> str:
    count = len(found[0])
    kind = "character" if count == 1 else "characters"
    return alone(CUT, marks({"note": f"{count:,} {kind} that people can't see"}))


def _escaped(found: regex.Match[str]) -> str:
    letters = found.groups()[1:]
    same = all(map(_is_alike, letters, _NAME))
    return f"&lt;{found[1]}" if same else found[0]


def _is_alike(char: str, letter: str) -> bool:
    if char.isascii():
        return char.lower() == letter
    base = unicodedata.normalize("NFKD", char)[0].casefold()[:1]
    return _ALIKE.get(base, base) == letter


# --- times ----------------------------------------------------------------------------------------

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
    last = [turn.entries[-1].sent_at if turn.entries else None for turn in turns[:-1]]
    times = [None, *last][: len(turns)]
    if None in last:  # all messages of a turn were deleted
        for place in range(1, len(times)):
            times[place] = times[place - 1] if times[place] is None else times[place]
    return times


def last_time(turns: Sequence[Turn]) -> float | None:
    """Return when the last message in these turns was sent; None if there is none."""
    return next((turn.entries[-1].sent_at for turn in reversed(turns) if turn.entries), None)
