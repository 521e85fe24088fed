"""`chatbot export` and `chatbot import`: conversations as files, and back. They return exit codes.

People who can run these have the store, so no rights are asked for and nothing is audited.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from bots.app import App, say
from bots.ops.operator import thread_named
from bots.terminal.text import inert
from core.commands.export.files import export_to, form_for
from core.commands.export.importing import ImportRefusedError, import_file
from core.commands.export.request import TEXTS, ExportFormat, Period, day_in
from core.commands.export.writing import Look, Reporter, Source, export
from core.commands.memory_view import counted
from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import AsyncIterator
    from datetime import date

    from bots.settings.settings import Settings
    from core.commands.export.writing import Progress
    from core.domain.message import ThreadKey
    from core.store.port import Store

_SECONDS = 2.0
"""Seconds between two lines of progress of an import."""


class Wanted(NamedTuple):
    """What an operator wants exported."""

    thread: str
    """Its name or key; empty for all threads."""
    file: str
    form: ExportFormat | None
    """None: as the file's name implies."""
    channel: str = ""
    """Only the threads of this channel, as `PLATFORM:CHANNEL`."""
    period: Period = Period()

    @classmethod
    def of(cls, options: Namespace) -> Wanted:
        """Return what the options of the command line ask for; raise `SettingsError`."""
        several = options.all or bool(options.channel)
        if not (several or options.thread):
            raise SettingsError("export what? Name a thread, or add --all")
        if several and options.file:
            raise SettingsError("with --all or --channel, name a file and no thread")
        form = ExportFormat.JSON if options.json else ExportFormat.ZIP if options.zip else None
        return cls(
            "" if several else options.thread,
            options.thread if several else options.file,
            form,
            options.channel,
            Period(_day(options.since), _day(options.until)),
        )


async def export_threads(settings: Settings, wanted: Wanted) -> int:
    """Write conversations to a file, or to stdout."""
    zone = ZoneInfo(settings.timezone)
    span = wanted.period.span(zone)
    async with await App.open(settings) as app:
        look = Look(at=app.clock.now(), zone=zone, span=span, several=not wanted.thread)
        if not wanted.thread:
            return await _write(app, _sources(app.store, wanted.channel), wanted, look)
        key = thread_named(wanted.thread, settings.user)
        if await app.store.peek(key) is None:
            say(f"chatbot: there is no thread {key}")
            return 1
        if wanted.file:
            return await _write(app, _only(key), wanted, look)
        return await _print(app.store, _only(key), wanted, look)


async def import_threads(settings: Settings, files: list[str]) -> int:
    """Read exported conversations into the store; return 1 if not all could be."""
    code = 0
    async with await App.open(settings) as app:
        for file in files:
            shown, lines = inert(file), _ImportLines()
            try:
                path = _path(file)
                done = await import_file(
                    app.store, path, app.clock, ttl=settings.ttl, tell=lines.tell
                )
            except OSError as error:
                say(f"chatbot: {shown} can't be read: {error.strerror or error}")
                code = 1
                continue
            except (ImportRefusedError, RuntimeError) as error:
                say(f"chatbot: {inert(str(error))}")
                code = 1
                continue
            say(
                f"{shown}: {counted(done.conversations, 'conversation')} with "
                f"{counted(done.records, 'message or answer', 'messages and answers')} imported; "
                f"{done.there:,} were there already."
            )
            for thread in done.others:
                say(f"chatbot: {thread} is there with other contents, and stays as it is")
                code = 1
    return code


async def _write(app: App, sources: AsyncIterator[Source], wanted: Wanted, look: Look) -> int:
    """Write a file, or to stdout if there is none."""
    if not wanted.file:
        return await _print(app.store, sources, wanted, look)
    shown = inert(wanted.file)
    try:
        path = _path(wanted.file)
        form = wanted.form or form_for(path)
        resumable = f"{wanted.channel or 'all'} {form} {look.span}" if look.several else ""
        reporter = Reporter(app.clock, _tell)
        done = await export_to(app.store, sources, path, form, look, reporter, resumable=resumable)
    except OSError as error:
        say(f"chatbot: {shown} can't be written: {error.strerror or error}")
        return 1
    except (ValueError, RuntimeError):  # a NUL, or the home of an unknown user
        say(f"chatbot: {wanted.file!r} is not a valid file name")
        return 1
    about = f": {done}" if look.several else ""
    say(f"Written to {path}{about}.")
    return 0


async def _print(store: Store, sources: AsyncIterator[Source], wanted: Wanted, look: Look) -> int:
    form = wanted.form or ExportFormat.MARKDOWN
    if form not in TEXTS:
        raise SettingsError("a ZIP can't be printed: name a file to write")
    async for piece in export(store, sources, form, look=look):
        sys.stdout.write(piece)
    sys.stdout.flush()
    return 0


async def _sources(store: Store, channel: str) -> AsyncIterator[Source]:
    platform, _, place = channel.partition(":")
    within = (platform, place) if channel else None
    async for info in store.all_threads(channel=within):
        yield Source(info.thread)


async def _only(thread: ThreadKey) -> AsyncIterator[Source]:
    yield Source(thread)


async def _tell(progress: Progress) -> None:
    say(f"Writing: {progress} so far")


def _path(file: str) -> Path:
    return Path(file).expanduser()


def _day(text: str) -> date | None:
    day = day_in(text) if text else None
    if text and day is None:
        raise SettingsError(f"{text!r} is no day: write it as 2026-11-30")
    return day


class _ImportLines:
    """Prints a line of progress every few seconds."""

    def __init__(self) -> None:
        """Start to wait for the first line."""
        self._said = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Say how many conversations are written."""
        if time.monotonic() - self._said >= _SECONDS:
            self._said = time.monotonic()
            say(f"{done:,} of {of:,} conversations imported")
