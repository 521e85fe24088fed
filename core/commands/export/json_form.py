"""A conversation as JSON, version 2 of the form that `docs/export.schema.json` describes. Pure.

Nothing of it is internal: no token, no lease. A document holds no date of its own, so two exports
of one conversation are the same bytes. Each record is a line.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from core.commands.export.request import ALL_TIMES
from core.domain.ratings import WORDS
from core.domain.session import Answer
from core.domain.summary import LineKind, loaded, parts_of, split
from core.store import codec

if TYPE_CHECKING:
    from core.commands.export.request import Span
    from core.domain.message import Author, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.ratings import Rating
    from core.domain.session import Entry, Record
    from core.domain.summary import Segment
    from core.store.header import Header
    from core.store.values import Dump

Json: TypeAlias = dict[str, Any]

FORMAT, VERSION = "chatbot-export", 2
LINE_KINDS = {"lasting": LineKind.LASTING, "waiting": LineKind.WAITING, "other": LineKind.GOING_ON}
"""The kinds of a summary's lines, by their names in an export."""
_LINE_NAMES = {kind: name for name, kind in LINE_KINDS.items()}
_UNSEEN = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""What a terminal obeys, or what reorders the text around it, as JSON writes it too."""


class JsonSheet:
    """Writes conversations as one JSON document, piece by piece."""

    def __init__(self, *, several: bool, span: Span = ALL_TIMES) -> None:
        """Write one conversation, or a list of them; `span` is what is exported of each."""
        self._several = several
        self._span = span
        self._mark = ""

    def begin(self) -> str:
        """Return what stands before the first conversation."""
        span = self._span
        about: Json = {"format": FORMAT, "version": VERSION}
        if not span.is_all:
            about |= {"from": bound(span.start), "to": bound(span.end)}
        listed = ', "conversations": [' if self._several else ""
        return f"{text_of(about)[:-1]}{listed}"

    def head(self, thread: ThreadKey, name: str, dump: Dump) -> str:
        """Return what is known of a conversation beside its records."""
        fields = text_of(head_fields(thread, name, dump, self._span))[1:-1]
        start = f"{self._mark}\n{{" if self._several else ", "
        self._mark = "\n"
        return f'{start}{fields}, "records": ['

    def record(self, record: Record) -> str:
        """Return a message or an answer."""
        mark, self._mark = self._mark, ",\n"
        return mark + text_of(fields_of(record))

    def foot(self) -> str:
        """Return what ends a conversation."""
        self._mark = ","
        return "\n]}" if self._several else "\n]"

    def end(self) -> str:
        """Return what ends the document."""
        return "\n]}\n" if self._several else "}\n"

    def resume(self) -> None:
        """Go on behind a conversation that was written before."""
        self._mark = ","


def text_of(value: object) -> str:
    """Return a value as one line of JSON that is inert on a terminal."""
    return json.dumps(value, ensure_ascii=False).translate(_UNSEEN)


def time_of(at: float) -> str | float:
    """Return a time as RFC 3339 has it; the seconds themselves if no calendar has the time."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return at


def bound(at: float) -> str | float | None:
    """Return where a period begins or ends; None if it does not."""
    return None if at in {float("inf"), float("-inf")} else time_of(at)


def head_fields(thread: ThreadKey, name: str, dump: Dump, span: Span) -> Json:
    """Return what an export has of a conversation beside its records.

    Of a period, it leaves out the summary, which tells of other times, too.
    """
    header = dump.header
    stored = json.loads(codec.dump(header.settings))
    settings = {
        name: value
        for name, value in stored.items()
        if (value or name == "memory_low") and name != "v"
    }
    return {
        "thread": str(thread),
        "name": name,
        "kind": header.kind,
        "started_at": time_of(header.started_at),
        "last_at": time_of(header.last_at),
        "reset_place": header.reset_position,
        "people": sorted(dump.people),
        "turns": header.turns,
        "usage": asdict(header.usage),
        "seen_from": header.seen_from,
        "explained": header.explained,
        "takes_part": header.taking_part,
        "settings": settings,
        "pins": [_pin(pin) for pin in header.pins if pin.pinned_at in span],
        "summary": _summary(header) if span.is_all else None,
    }


def fields_of(record: Record) -> Json:
    """Return the fields of a message or an answer."""
    return _answer(record) if isinstance(record, Answer) else _entry(record)


def _entry(entry: Entry) -> Json:
    return {
        "said_by": "person",
        "place": entry.position,
        "id": entry.id,
        "author": _author(entry.author),
        "text": entry.text,
        "at": time_of(entry.sent_at),
        "status": entry.status,
        "edited_at": _if_known(entry.edited_at),
        "answer_in": entry.answer_in,
        "attachments": [asdict(file) for file in entry.attachments],
        "quotes": [_quote(quote) for quote in entry.quotes],
        "requeued_from": entry.requeued_from,
        "lost_file": entry.lost_file,
    }


def _answer(answer: Answer) -> Json:
    return {
        "said_by": "bot",
        "place": answer.position,
        "turn": answer.turn,
        "kind": answer.kind,
        "text": answer.text,
        "at": time_of(answer.sent_at),
        "notes": list(answer.notes),
        "trimmed": answer.trimmed,
        "explain_trim": answer.explain_trim,
        "posted": list(answer.posted),
        "recalled": list(answer.recalled),
        "searched": list(answer.searched),
        "usage": asdict(answer.usage) if answer.usage is not None else None,
        "units": float(answer.units),
        **({"ratings": list(map(_rating, answer.ratings))} if answer.ratings else {}),
    }


def _rating(rating: Rating) -> Json:
    return {
        "person": rating.person,
        "value": WORDS[rating.value],
        "at": time_of(rating.at),
        "reason": rating.reason,
    }


def _author(author: Author) -> Json:
    return {"id": author.id, "name": author.name, "is_app": author.is_app}


def _quote(quote: Quote) -> Json:
    return {
        "kind": quote.kind,
        "text": quote.text,
        "author": quote.author,
        "by_bot": quote.by_bot,
        "place": quote.place,
        "sent_at": _if_known(quote.sent_at),
        "cut": quote.cut,
    }


def _pin(pin: Pin) -> Json:
    return {
        "id": pin.id,
        "kind": pin.kind,
        "text": pin.text,
        "author": _author(pin.author),
        "by": _author(pin.by),
        "said_at": time_of(pin.said_at),
        "pinned_at": time_of(pin.pinned_at),
        "source": pin.source,
        "edited_at": _if_known(pin.edited_at),
    }


def _if_known(at: float) -> str | float | None:
    return time_of(at) if round(at, 6) else None  # as precise as a time is written


def summary_parts(header: Header) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the two parts of a thread's summary; that of an earlier version has one."""
    segments = loaded(header.summary)
    if segments:
        return parts_of(segments)
    return (), () if header.withheld else tuple(split(header.summary))


def _summary(header: Header) -> Json:
    lasting, others = summary_parts(header)
    segments = loaded(header.summary)
    old = header.summary if header.summary and not segments and not header.withheld else None
    return {
        "lasting": lasting,
        "going_on": others,
        "covers": header.covers,
        "is_stale": header.stale,
        "is_withheld": header.withheld,
        "text": old,
        "segments": [_segment(segment) for segment in segments],
    }


def _segment(segment: Segment) -> Json:
    state = "withheld" if segment.withheld else "stale" if segment.stale else "current"
    lines = [
        {
            "kind": _LINE_NAMES[line.kind],
            "text": line.text,
            "corrected_at": line.corrected_at if line.corrected_at >= 0 else None,
        }
        for line in segment.lines
    ]
    return {
        "begin": segment.begin,
        "end": segment.end,
        "state": state,
        "edits": list(segment.edits),
        "shortened_to": segment.shortened_to,
        "lines": lines,
    }
