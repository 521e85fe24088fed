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
from core.domain.session import Answer, AnswerKind, Entry, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import TextIO

    from core.domain.message import Quote, ThreadKey
    from core.domain.session import Record
    from core.store.port import Store


async def export(
    store: Store, thread: ThreadKey, form: ExportFormat, *, at: float
) -> AsyncGenerator[str, None]:
    """Yield a conversation as a document in pieces; `at` dates it, in seconds since 1970."""
    if form is ExportFormat.JSON:
        yield f'{{"thread": {_json(str(thread))}, "exported_at": {_json(_time(at))}, "records": ['
    else:
        yield f"# {thread}\n\nExported at {_time(at)}.\n"
    mark = "\n"
    async for record in store.records(thread):
        yield mark + _json(_fields(record)) if form is ExportFormat.JSON else _paragraph(record)
        mark = ",\n"
    if form is ExportFormat.JSON:
        yield "\n]}\n"


def form_for(path: Path) -> ExportFormat:
    """Return the form that a file's name implies."""
    return ExportFormat.JSON if path.suffix.lower() == ".json" else ExportFormat.MARKDOWN


async def export_to(
    store: Store, thread: ThreadKey, file: str, *, at: float, form: ExportFormat | None = None
) -> Path:
    """Write a conversation to a new file that only its owner can read.

    Args:
        store: Where the conversation is.
        thread: The conversation.
        file: The name of the file to create.
        at: When the export is made, in seconds since 1970.
        form: The form to write; None to go by the file's name.

    Returns:
        The file's path.

    Raises:
        OSError: The file exists, or can't be written.
        ValueError: The name can't be that of a file.
        RuntimeError: The name starts with the home directory of an unknown user.
    """
    path = Path(file)
    target = await asyncio.to_thread(_create, path)
    with target:
        async for piece in export(store, thread, form or form_for(path), at=at):
            await asyncio.to_thread(target.write, piece)
    return path


def _create(path: Path) -> TextIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    return os.fdopen(os.open(path.expanduser(), flags, 0o600), "w", encoding="utf-8")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


_NAMES = {"position": "place", "sent_at": "at", "edited_at": "stamp"}
"""Names in exports, which never change, of fields that are called otherwise here."""


def _fields(record: Record) -> dict[str, object]:
    fields = {_NAMES.get(name, name): value for name, value in asdict(record).items()}
    said_by = "bot" if isinstance(record, Answer) else "person"
    return {"said_by": said_by, **fields, "at": _time(record.sent_at)}


def _paragraph(record: Record) -> str:
    """Return a record as a heading line and a quote that no text can break out of."""
    text, shown = record.text, ""
    if isinstance(record, Entry):
        shown = "".join(map(_shown, record.quotes))
        who = f"**{' '.join(record.author.name.split())}**"
        remarks = [f"file: {file.name}" for file in record.attachments]
        if record.status is not Status.ADDRESSED:
            remarks.append(str(record.status))
    else:
        who = "**bot**"
        remarks = list(record.notes)
        if record.kind is not AnswerKind.ANSWER:
            remarks.insert(0, "notice")
        if record.trimmed:
            text += " ✂️"
    heading = "".join(f" · {remark}" for remark in (_time(record.sent_at), *remarks))
    return f"\n{who}{heading}\n\n{_quoted(text)}{shown}"


def _shown(quote: Quote) -> str:
    """Return what people saw with a message, under a heading of its own."""
    who = " ".join(quote.author.split())
    return f"\n*{quote.kind}*{f' · **{who}**' if who else ''}\n\n{_quoted(quote.text)}"


def _quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())
