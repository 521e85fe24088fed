"""Exports of a conversation as Markdown or JSON, written in pieces to keep memory use small."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.parser import ExportFormat
from core.domain.limits import in_bytes
from core.domain.pins import PinKind
from core.domain.session import Answer, AnswerKind, Status
from core.domain.summary import BULLET, parts_of, split
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import TextIO

    from core.domain.message import Author, Quote, ThreadKey
    from core.domain.pins import Pin
    from core.domain.session import Record
    from core.store.port import Store
    from core.store.values import Work


async def export(
    store: Store, thread: ThreadKey, form: ExportFormat, *, at: float, place: str = ""
) -> AsyncGenerator[str, None]:
    """Yield a conversation as a document in pieces; `at` dates it, in seconds since 1970.

    `place` is what people call where it took place.
    """
    work = await store.peek(thread)
    pins = work.pins if work is not None else ()
    lasting, others = _summed_up(work)
    if form is ExportFormat.JSON:
        yield f'{{"thread": {_json(str(thread))}, "exported_at": {_json(_time(at))}, '
        yield f'"pins": {_json(list(map(_pin_fields, pins)))}, '
        yield f'"summary": {_json({"lasting": lasting, "going_on": others})}, "records": ['
    else:
        where = f" from {_bold(place)}" if place else ""
        yield f"# {thread}\n\nExported{where} at {_time(at)}.\n"
        yield "".join(map(_pinned, pins))
        yield _listed("Remembered for good", lasting) + _listed("What was going on", others)
    mark = "\n"
    async for record in store.records(thread):
        yield mark + _json(_fields(record)) if form is ExportFormat.JSON else _paragraph(record)
        mark = ",\n"
    if form is ExportFormat.JSON:
        yield "\n]}\n"


def _summed_up(work: Work | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the two parts of a thread's summary; that of an earlier version has one."""
    if work is None:
        return (), ()
    summary = work.summary
    return parts_of(summary.segments) if summary.segments else ((), tuple(split(summary.text)))


def form_for(path: Path) -> ExportFormat:
    """Return the form that a file's name implies."""
    return ExportFormat.JSON if path.suffix.lower() == ".json" else ExportFormat.MARKDOWN


async def export_to(
    store: Store,
    thread: ThreadKey,
    file: str,
    *,
    at: float,
    form: ExportFormat | None = None,
    place: str = "",
) -> Path:
    """Write a conversation to a new file that only its owner can read.

    Args:
        store: Where the conversation is.
        thread: The conversation.
        file: The name of the file to create.
        at: When the export is made, in seconds since 1970.
        form: The form to write; None to go by the file's name.
        place: What people call where it took place.

    Returns:
        The file's path.

    Raises:
        OSError: The file exists, or can't be written.
        ValueError: The name can't be that of a file.
        RuntimeError: The name starts with the home directory of an unknown user.
    """
    path = Path(file)
    target = await asyncio.to_thread(_create, path)
    try:
        with target:
            async for piece in export(store, thread, form or form_for(path), at=at, place=place):
                await asyncio.to_thread(target.write, piece)
    except BaseException:
        # Half an export looks like a whole one, and would stand in the way of the next.
        _remove(path)
        raise
    return path


def _create(path: Path) -> TextIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    return os.fdopen(os.open(path.expanduser(), flags, 0o600), "w", encoding="utf-8")


def _remove(path: Path) -> None:
    path.expanduser().unlink(missing_ok=True)


_UNSEEN = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""What a terminal obeys, or what reorders the text around it, as JSON writes it too."""
_MARKUP = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>~"})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_UNSEEN)


def _time(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a wrong timestamp must not stop an export
        return "unknown"


_NAMES = {"position": "place", "sent_at": "at", "edited_at": "stamp"}
"""Names in exports, which never change, of fields that are called otherwise here."""


def _fields(record: Record) -> dict[str, object]:
    fields = {_NAMES.get(name, name): value for name, value in asdict(record).items()}
    said_by = "bot" if isinstance(record, Answer) else "person"
    return {"said_by": said_by, **fields, "at": _time(record.sent_at)}


def _pin_fields(pin: Pin) -> dict[str, object]:
    fields = asdict(pin)
    return {**fields, "said_at": _time(pin.said_at), "pinned_at": _time(pin.pinned_at)}


def _pinned(pin: Pin) -> str:
    """Return a pin as a heading line and a quote, as `_paragraph` returns a record."""
    kind = "correction" if pin.kind is PinKind.CORRECTION else "pin"
    by = (f"pinned by {_who(pin.by)}",) if pin.by.id != pin.author.id else ()
    heading = _heading(_who(pin.author), _time(pin.said_at), kind, *by)
    return f"\n{heading}{_quoted(pin.text)}"


def _listed(title: str, lines: Sequence[str]) -> str:
    """Return a part of the summary as a heading line and a quote; nothing if it is empty."""
    text = "\n".join(BULLET + line for line in lines)
    return f"\n{_heading(f'**{title}**', 'summary')}{_quoted(text)}" if lines else ""


def _who(author: Author) -> str:
    return f"{_bold(author.name)} ({'app' if author.is_app else 'person'} {author.tag})"


def _paragraph(record: Record) -> str:
    """Return a record as a heading line, and what was said as a quote.

    No text can break out of its quote, and no name out of its bold type: whatever stands outside is
    the program's. Each person has a tag, so that nobody can be taken for the bot or for another.
    """
    if isinstance(record, Answer):
        text = f"{record.text} ✂️" if record.trimmed else record.text
        kind = () if record.kind is AnswerKind.ANSWER else ("notice",)
        searched = [f"searched for {_plain(line)}" for line in record.searched]
        heading = _heading("**bot**", _time(record.sent_at), *kind, *searched, *record.notes)
        return f"\n{heading}{_quoted(text)}"
    status = () if record.status is Status.ADDRESSED else (str(record.status),)
    heading = _heading(_who(record.author), _time(record.sent_at), *status)
    shown = "".join(map(_shown, record.quotes))
    files = "".join(
        f"\nFile: {_bold(file.name)}, {_plain(file.media_type)}, {in_bytes(file.size)}\n"
        for file in record.attachments
    )
    return f"\n{heading}{_quoted(record.text)}{shown}{files}"


def _shown(quote: Quote) -> str:
    """Return what people saw with a message, under a heading of its own."""
    remarks = [
        "by this bot" if quote.by_bot else f"by {_bold(quote.author)}" if quote.author else "",
        f"in {_bold(quote.place)}" if quote.place else "",
        _time(quote.sent_at) if quote.sent_at else "",
        f"{quote.cut:,} more characters were not kept" if quote.cut else "",
    ]
    return f"\n{_heading(f'*{quote.kind}*', *filter(None, remarks))}{_quoted(quote.text)}"


def _heading(*parts: str) -> str:
    return " · ".join(" ".join(visible(part).split()) for part in parts) + "\n\n"


def _bold(name: str) -> str:
    return f"**{_plain(name)}**"


def _plain(text: str) -> str:
    """Return a name on one line, without any meaning in Markdown."""
    return " ".join(visible(" ".join(text.split())).split()).translate(_MARKUP)


def _quoted(text: str) -> str:
    return "".join(f"> {visible(line)}\n" for line in text.splitlines())
