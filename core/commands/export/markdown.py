"""A conversation as Markdown, to be read by people. Pure.

Whatever stands outside of a quote is the program's: no text can break out of its quote, and no name
out of its bold type. Each person has a tag, so that nobody can be taken for the bot or for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from core.commands.export.json_form import summary_parts
from core.commands.export.request import ALL_TIMES
from core.domain.limits import in_bytes
from core.domain.pins import PinKind
from core.domain.ratings import counted
from core.domain.session import Answer, AnswerKind, Status
from core.domain.summary import BULLET
from core.domain.text import visible
from core.prompt.tags import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from core.commands.export.request import Span
    from core.domain.message import Author, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.session import Entry, Record
    from core.store.values import Dump

    Link: TypeAlias = Callable[[ThreadKey, str], str]

_MARKUP = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>~"})
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_UNKNOWN = "unknown time"
_DELETED = "*This message was deleted.*\n"
_RESET = "\n---\n\n*Reset: I no longer use what stands above this line.*\n"


def no_link(thread: ThreadKey, message: str) -> str:
    """Return nothing: where a message is has no address."""
    del thread, message
    return ""


class MarkdownSheet:
    """Writes conversations as Markdown, piece by piece."""

    def __init__(
        self, *, at: float, zone: tzinfo, span: Span = ALL_TIMES, link: Link = no_link
    ) -> None:
        """Write what is exported at this time, with times in this zone.

        `span` is what is exported of each conversation; `link` returns the address of a message of
        a thread by its id on the platform, or nothing.
        """
        self._at = at
        self._zone = zone
        self._span = span
        self._link = link
        self._thread: ThreadKey | None = None
        self._day = ""
        self._reset = 0
        self._begun = False

    def begin(self) -> str:
        """Return what stands before the first conversation."""
        return ""

    def head(self, thread: ThreadKey, name: str, dump: Dump) -> str:
        """Return a conversation's title, pins and summary."""
        header, span = dump.header, self._span
        self._thread, self._day = thread, ""
        self._reset = header.reset_position
        apart = "\n\n" if self._begun else ""
        self._begun = True
        title = _plain(name) or _plain(str(thread))
        lines = [f"{apart}# {title}\n\n{self._about(thread, name)}\n"]
        lines += [self._pinned(pin) for pin in header.pins if pin.pinned_at in span]
        if span.is_all:
            lasting, others = summary_parts(header)
            lines += [
                _listed("Remembered for good", lasting),
                _listed("What was going on", others),
            ]
        return "".join(lines)

    def record(self, record: Record) -> str:
        """Return a message or an answer; a heading before the first of each day."""
        moment = moment_of(record.sent_at, self._zone)
        before = ""
        if self._reset and record.position >= self._reset:
            before, self._reset = _RESET, 0
        day = _day(moment) if moment else _UNKNOWN.capitalize()
        if day != self._day:
            before, self._day = f"{before}\n## {day}\n", day
        said = self._answer(record) if isinstance(record, Answer) else self._entry(record)
        return before + said

    def foot(self) -> str:
        """Return what ends a conversation."""
        end = _RESET if self._reset and self._day else ""
        self._reset = 0
        return end

    def end(self) -> str:
        """Return what ends the document."""
        return ""

    def resume(self) -> None:
        """Go on behind a conversation that was written before."""
        self._begun = True

    def _about(self, thread: ThreadKey, name: str) -> str:
        span = self._span
        place = f" from {_bold(name)}" if name else ""
        parts = [f"Exported{place} at {self._time(self._at)} ({_plain(str(self._zone))})."]
        if not span.is_all:
            since = f"from {self._time(span.start)}" if self._has(span.start) else ""
            until = f"until {self._time(span.end)}" if self._has(span.end) else ""
            parts.append(f"Only what was said {' '.join(filter(None, (since, until)))}.")
        if name:
            parts.append(f"Conversation: {_plain(str(thread))}")
        return " ".join(parts)

    def _has(self, at: float) -> bool:
        return moment_of(at, self._zone) is not None

    def _time(self, at: float) -> str:
        moment = moment_of(at, self._zone)
        return f"{_clock(moment)} on {_date(moment)}" if moment else _UNKNOWN

    def _hour(self, at: float, message: str = "") -> str:
        """Return when something was said on its day, with a link to it if it has one."""
        moment = moment_of(at, self._zone)
        shown = _clock(moment) if moment else _UNKNOWN
        address = self._link(self._thread, message) if self._thread and message else ""
        return f"[{shown}]({address})" if address else shown

    def _pinned(self, pin: Pin) -> str:
        kind = "correction" if pin.kind is PinKind.CORRECTION else "pin"
        by = (f"pinned by {_who(pin.by)}",) if pin.by.id != pin.author.id else ()
        heading = _heading(_who(pin.author), self._time(pin.said_at), kind, *by)
        return f"\n{heading}{_quoted(pin.text)}"

    def _answer(self, record: Answer) -> str:
        text = f"{record.text} ✂️" if record.trimmed else record.text
        kind = () if record.kind is AnswerKind.ANSWER else ("notice",)
        searched = [f"searched for {_plain(line)}" for line in record.searched]
        when = self._hour(record.sent_at, record.posted[0] if record.posted else "")
        rated = _rated(record)
        heading = _heading("**bot**", when, *kind, *searched, *map(_plain, record.notes), *rated)
        return f"\n{heading}{_quoted(text)}"

    def _entry(self, record: Entry) -> str:
        status = () if record.status is Status.ADDRESSED else (str(record.status),)
        if record.edited_at and record.status is not Status.DELETED:
            status = (*status, f"edited at {self._time(record.edited_at)}")
        if record.lost_file:
            status = (*status, "a file was removed")
        heading = _heading(
            _who(record.author), self._hour(record.sent_at, record.platform_id), *status
        )
        if record.status is Status.DELETED:
            return f"\n{heading}{_DELETED}"
        shown = "".join(map(self._shown, record.quotes))
        return f"\n{heading}{_quoted(record.text)}{shown}{_files(record)}"

    def _shown(self, quote: Quote) -> str:
        """Return what people saw with a message, under a heading of its own."""
        remarks = [
            "by this bot" if quote.by_bot else f"by {_bold(quote.author)}" if quote.author else "",
            f"in {_bold(quote.place)}" if quote.place else "",
            self._time(quote.sent_at) if quote.sent_at else "",
            f"{quote.cut:,} more characters were not kept" if quote.cut else "",
        ]
        return f"\n{_heading(f'*{quote.kind}*', *filter(None, remarks))}{_quoted(quote.text)}"


def _files(record: Entry) -> str:
    return "".join(
        f"\nFile: {_bold(file.name)}, {_plain(file.media_type)}, {in_bytes(file.size)}\n"
        for file in record.attachments
    )


def _day(moment: datetime) -> str:
    return f"{_DAYS[moment.weekday()]}, {_date(moment)}"


def _date(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _clock(moment: datetime) -> str:
    return f"{moment.hour:02}:{moment.minute:02}"


def _listed(title: str, lines: Sequence[str]) -> str:
    """Return a part of the summary as a heading line and a quote; nothing if it is empty."""
    text = "\n".join(BULLET + line for line in lines)
    return f"\n{_heading(f'**{title}**', 'summary')}{_quoted(text)}" if lines else ""


def _who(author: Author) -> str:
    return f"{_bold(author.name)} ({'app' if author.is_app else 'person'} {author.tag})"


def _heading(*parts: str) -> str:
    return " · ".join(" ".join(visible(part).split()) for part in parts) + "\n\n"


def _bold(name: str) -> str:
    return f"**{_plain(name)}**"


def _plain(text: str) -> str:
    """Return a name on one line, without any meaning in Markdown."""
    return " ".join(visible(" ".join(text.split())).split()).translate(_MARKUP)


def _quoted(text: str) -> str:
    return "".join(f"> {visible(line)}\n" for line in text.splitlines())


def _rated(answer: Answer) -> list[str]:
    """Return in words what people think of an answer, for its heading."""
    good, bad = counted(answer.ratings)
    reasons = [f"why: {_plain(each.reason)}" for each in answer.ratings if each.reason]
    return [*([f"👍 {good}"] if good else []), *([f"👎 {bad}"] if bad else []), *reasons]
