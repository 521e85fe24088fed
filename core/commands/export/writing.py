"""Writing conversations into documents, record by record, so that memory use stays constant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from core.commands.export.json_form import JsonSheet
from core.commands.export.markdown import MarkdownSheet, no_link
from core.commands.export.request import ALL_TIMES, ExportFormat
from core.commands.memory_view import counted
from core.store.values import Dump

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
    from datetime import tzinfo

    from core.commands.export.markdown import Link
    from core.commands.export.request import Span
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.domain.session import Record
    from core.store.port import Store

    Tell: TypeAlias = Callable[["Progress"], Awaitable[None]]

SO_FAR = "I am writing your export: {progress} so far."
EVERY = 5.0
"""Seconds until the first report of progress, and between two of them."""
_LOOK = 100
"""Records between two looks at the clock."""


class Source(NamedTuple):
    """A conversation to export."""

    thread: ThreadKey
    name: str = ""
    """What people call where it took place; empty if that is not known."""


class Sheet(Protocol):
    """Turns conversations into the pieces of one document. Pure."""

    def begin(self) -> str:
        """Return what stands before the first conversation."""

    def head(self, thread: ThreadKey, name: str, dump: Dump) -> str:
        """Return what stands before the records of a conversation."""

    def record(self, record: Record) -> str:
        """Return a record of the conversation."""

    def foot(self) -> str:
        """Return what stands behind the records of the conversation."""

    def end(self) -> str:
        """Return what stands behind the last conversation."""

    def resume(self) -> None:
        """Go on behind a conversation that was written before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How documents look: what goes into them, and what the times in them mean."""

    at: float
    """When the export is made, in seconds since 1970."""
    zone: tzinfo = UTC
    span: Span = ALL_TIMES
    link: Link = no_link
    several: bool = False
    """The documents are of any number of conversations."""

    def sheet(self, form: ExportFormat) -> Sheet:
        """Return a new document in one of the forms that are texts."""
        if form is ExportFormat.JSON:
            return JsonSheet(several=self.several, span=self.span)
        return MarkdownSheet(at=self.at, zone=self.zone, span=self.span, link=self.link)


@dataclass(slots=True)
class Progress:
    """How much of an export is written; reported to a person while it takes long."""

    conversations: int = 0
    records: int = 0

    def __str__(self) -> str:
        """Return it in words."""
        said = counted(self.records, "message or answer", "messages and answers")
        return f"{counted(self.conversations, 'conversation')}, {said}"


@dataclass(slots=True)
class Reporter:
    """Reports progress every few seconds."""

    clock: Clock
    tell: Tell | None = None
    progress: Progress = field(default_factory=Progress)
    _due: float = 0.0

    def __post_init__(self) -> None:
        """Start to wait for the first report."""
        self._due = self.clock.monotonic() + EVERY

    async def wrote(self) -> None:
        """Count a record, and report if it is time."""
        self.progress.records += 1
        if self.progress.records % _LOOK or self.tell is None:
            return
        now = self.clock.monotonic()
        if now >= self._due:
            await self.tell(self.progress)
            self._due = self.clock.monotonic() + EVERY


async def contents(store: Store, source: Source, look: Look) -> AsyncGenerator[Dump | Record, None]:
    """Yield what is known of a conversation beside its records, and then those that are wanted.

    Nothing, if it is gone; nor if it is one of several, and nothing was said in these days.
    """
    dump = await store.dump(source.thread)
    if dump is None:
        return
    waits = look.several and not look.span.is_all
    if not waits:
        yield dump
    async for record in store.records(source.thread):
        if record.sent_at in look.span:
            if waits:
                yield dump
                waits = False
            yield record


async def export(
    store: Store, sources: AsyncIterable[Source], form: ExportFormat, *, look: Look
) -> AsyncGenerator[str, None]:
    """Yield conversations as a document in pieces; see `contents`."""
    sheet = look.sheet(form)
    yield sheet.begin()
    async for source in sources:
        is_begun = False
        async for each in contents(store, source, look):
            if isinstance(each, Dump):
                is_begun = True
                yield sheet.head(source.thread, source.name, each)
            else:
                yield sheet.record(each)
        if is_begun:
            yield sheet.foot()
    yield sheet.end()
