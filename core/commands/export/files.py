"""Exports as files, each whole or not there.

An export is written beside its file and takes the file's name once it is whole. What is written of
one with many conversations may stay behind if it is interrupted, with a journal, so that the same
call goes on from there: see `journal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import time
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from core.commands.export.journal import Written, first_line, line_for, written
from core.commands.export.request import ENDINGS, TEXTS, ExportFormat
from core.commands.export.writing import contents
from core.store.values import Dump

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Sequence
    from pathlib import Path
    from typing import TextIO

    from core.commands.export.writing import Look, Progress, Reporter, Sheet, Source
    from core.domain.message import ThreadKey
    from core.store.port import Store

_BUFFER = 256 * 1024
"""Characters that are written at once."""
_SAFE = 1.0
"""Seconds after which what is written is made safe on the disk."""


def form_for(path: Path) -> ExportFormat:
    """Return the form that a file's name implies."""
    by_ending = {ending: form for form, ending in ENDINGS.items()}
    return by_ending.get(path.suffix.lower()[1:], ExportFormat.MARKDOWN)


async def export_to(
    store: Store,
    sources: AsyncIterable[Source],
    path: Path,
    form: ExportFormat,
    look: Look,
    reporter: Reporter,
    *,
    resumable: str = "",
) -> Progress:
    """Write conversations to a new file that only its owner can read.

    Args:
        store: Where the conversations are.
        sources: The conversations; one that is gone is left out.
        path: The file to create.
        form: What it becomes.
        look: How it looks.
        reporter: Counts what is written, and reports it.
        resumable: What is exported, in words. If given, what is written stays behind when this is
            interrupted, and a later call with the same words goes on.

    Returns:
        How much was written.

    Raises:
        OSError: The file exists, or can't be written; then nothing stays behind.
        StoreError: The store can't be read.
    """
    _refuse_existing(path)
    draft = Draft(path, form, look)
    try:
        await draft.begin(store, resumable)
        async for source in sources:
            if str(source.thread) not in draft.done:
                await _write(store, source, draft, look, reporter)
        await draft.finish()
    except OSError:  # also of the disk: what is half written only fills it
        draft.close()
        draft.remove()
        raise
    except BaseException:
        draft.close()
        if not resumable:
            draft.remove()
        raise
    return reporter.progress


async def _write(
    store: Store, source: Source, draft: Draft, look: Look, reporter: Reporter
) -> None:
    sheets, revision = draft.sheets, ""
    async for each in contents(store, source, look):
        if isinstance(each, Dump):
            reporter.progress.conversations += 1
            revision = each.header.revision
            await draft.add([sheet.head(source.thread, source.name, each) for sheet in sheets])
        else:
            await draft.add([sheet.record(each) for sheet in sheets])
            await reporter.wrote()
    if revision:
        await draft.add([sheet.foot() for sheet in sheets])
        await draft.completed(source.thread, revision)


@dataclass(slots=True)
class _Document:
    """One document of an export that is being written."""

    name: str
    path: Path
    sheet: Sheet
    file: TextIO | None = None
    pending: list[str] = field(default_factory=list)


class Draft:
    """The documents of an export before it is whole, in files beside it."""

    def __init__(self, path: Path, form: ExportFormat, look: Look) -> None:
        """Write what becomes a file of this form at `path`."""
        self.done: frozenset[str] = frozenset()
        """The conversations that an earlier call has written."""
        self._path = path
        self._form = form
        self._at = look.at
        self._documents = [
            _Document(
                f"{path.stem}.{ENDINGS[each]}",
                path.with_name(f"{path.name}.part-{ENDINGS[each]}"),
                look.sheet(each),
            )
            for each in (TEXTS if form is ExportFormat.ZIP else (form,))
        ]
        self._zip = path.with_name(f"{path.name}.part")
        self._journal_path = path.with_name(f"{path.name}.part-journal")
        self._journal: TextIO | None = None
        self._lines: list[str] = []
        self._size = 0
        self._due = 0.0

    @property
    def sheets(self) -> Sequence[Sheet]:
        """Return the documents, each as what turns conversations into its text."""
        return [each.sheet for each in self._documents]

    async def begin(self, store: Store, resumable: str) -> None:
        """Begin the documents, or go on with those of an earlier call."""
        paths = [each.path for each in self._documents]
        stands = (
            await written(self._journal_path, resumable, paths, store) if resumable else Written()
        )
        await asyncio.to_thread(self._open, stands, resumable)
        self.done = stands.threads
        if not stands.sizes:
            await self.add([each.sheet.begin() for each in self._documents])
            return
        for each in self._documents:
            each.sheet.resume()

    async def add(self, parts: Sequence[str]) -> None:
        """Add a piece to each document."""
        for document, text in zip(self._documents, parts, strict=True):
            document.pending.append(text)
            self._size += len(text)
        if self._size >= _BUFFER:
            await asyncio.to_thread(self._flush)

    async def completed(self, thread: ThreadKey, revision: str) -> None:
        """Note that a conversation is written, as of this revision."""
        if self._journal is not None:
            await asyncio.to_thread(self._note, thread, revision)

    async def finish(self) -> None:
        """Make the file of the documents."""
        await self.add([each.sheet.end() for each in self._documents])
        await asyncio.to_thread(self._finish)

    def close(self) -> None:
        """Close the documents."""
        files = [self._journal, *(each.file for each in self._documents)]
        for file in filter(None, files):
            with contextlib.suppress(OSError):
                file.close()

    def remove(self) -> None:
        """Remove what is written beside the file."""
        for path in (*(each.path for each in self._documents), self._journal_path, self._zip):
            path.unlink(missing_ok=True)

    # --- in a thread ----------------------------------------------------------------------------

    def _open(self, stands: Written, resumable: str) -> None:
        if not stands.sizes:
            self.remove()
        for number, each in enumerate(self._documents):
            each.file = _opened(each.path, stands.sizes[number] if stands.sizes else None)
        if resumable:
            self._journal = _opened(self._journal_path, stands.journal if stands.sizes else None)
            if not stands.sizes:
                self._journal.write(first_line(resumable))

    def _flush(self) -> None:
        for each in self._documents:
            if each.file is not None:
                each.file.write("".join(each.pending))
            each.pending.clear()
        self._size = 0

    def _note(self, thread: ThreadKey, revision: str) -> None:
        """Keep a line for the journal; write it once the documents are safe on the disk."""
        self._flush()
        sizes = [each.file.tell() for each in self._documents if each.file is not None]
        self._lines.append(line_for(thread, revision, sizes))
        if time.monotonic() < self._due or self._journal is None:
            return
        for each in self._documents:
            if each.file is not None:
                each.file.flush()
                os.fsync(each.file.fileno())
        self._journal.write("".join(self._lines))
        self._journal.flush()
        self._lines.clear()
        self._due = time.monotonic() + _SAFE

    def _finish(self) -> None:
        self._flush()
        for each in self._documents:
            if each.file is not None:
                each.file.close()  # raises if the disk has no room for its end
        made = self._documents[0].path
        if self._form is ExportFormat.ZIP:
            made = self._zip
            self._pack()
        _named(made, self._path)
        self.close()
        self.remove()

    def _pack(self) -> None:
        # A ZIP has local times.
        when = datetime.fromtimestamp(max(self._at, _OLDEST)).timetuple()[:6]  # noqa: DTZ006
        with (
            os.fdopen(os.open(self._zip, _NEW, 0o600), "wb") as target,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for each in self._documents:
                about = zipfile.ZipInfo(each.name, when)
                about.compress_type = zipfile.ZIP_DEFLATED
                about.external_attr = 0o600 << 16
                entry = packed.open(about, "w", force_zip64=True)
                with each.path.open("rb") as source, entry:
                    shutil.copyfileobj(source, entry, _BUFFER)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLDEST = 400_000_000.0
"""A time in 1982: a ZIP has none before 1980."""


def _opened(path: Path, size: int | None) -> TextIO:
    """Open a file that only its owner can read: a new one, or the first bytes of one."""
    if size is None:
        return os.fdopen(os.open(path, _NEW, 0o600), "w", encoding="utf-8", newline="")
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    os.ftruncate(descriptor, size)
    os.lseek(descriptor, size, os.SEEK_SET)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")


def _named(made: Path, path: Path) -> None:
    """Give a file its name, unless another file has it by now."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        _refuse_existing(path)
        made.rename(path)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
