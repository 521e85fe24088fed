"""Exports for one person, each after checking that the person may have it.

Rights are those that the person has at the moment of the command, conversation by conversation.
What an admin gets by an admin's right is audited before it is read.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands import audit
from core.commands.access import NOT_YOURS, Right, Standing
from core.commands.export import temp_files
from core.commands.export.files import export_to
from core.commands.export.request import ExportOf
from core.commands.export.writing import Look, Reporter, Source
from core.domain.errors import ChatbotError, DeniedError
from core.domain.message import ThreadKey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from datetime import tzinfo
    from pathlib import Path

    from core.commands.access import Directory
    from core.commands.authorized import AuthorizedCommands
    from core.commands.export.request import ExportRequest, Span
    from core.commands.export.writing import Progress, Tell
    from core.domain.clock import Clock
    from core.store.port import Store
    from core.store.values import ThreadInfo

log = logging.getLogger(__name__)

UNKNOWN = "I have no conversation there."
NOT_ADMIN = {
    ExportOf.CHANNEL: (
        "Only admins can export a whole channel. `export mine` has all conversations that you took "
        "part in."
    ),
    ExportOf.ALL: (
        "Only admins can export everything. `export mine` has all conversations that you took part "
        "in."
    ),
}
NOTHING = "There is nothing to export: no conversation that you may have is kept there."
NOTHING_THEN = "Nothing was said in these days, so there is nothing to export."
_AT_ONCE = 2
"""Exports that one process writes at once: each reads whole conversations."""


class Exports:
    """Writes files for people who have the right to what is in them."""

    def __init__(
        self,
        authorized: AuthorizedCommands,
        directory: Directory,
        store: Store,
        clock: Clock,
        zone: tzinfo,
    ) -> None:
        """Create it.

        Args:
            authorized: Says who has which right.
            directory: Who may see what on the platform, and what it is called.
            store: Where the conversations are.
            clock: Dates the exports and the audit log.
            zone: The time zone of people of whom the platform tells none; days begin in it.
        """
        self._authorized = authorized
        self._directory = directory
        self._store = store
        self._clock = clock
        self._zone = zone
        self._writing = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def file(
        self, person: str, thread: ThreadKey, request: ExportRequest, tell: Tell | None = None
    ) -> AsyncGenerator[Path, None]:
        """Write a file, which exists for the duration of the block.

        Args:
            person: The id of the person who asks.
            thread: The thread, or one that is where the person asks.
            request: What to export.
            tell: Reports progress while it takes long.

        Raises:
            DeniedError: The person may not, or there is nothing.
            OSError: The file can't be written.
        """
        zone = await self._directory.zone_of(person) or self._zone
        span = request.period.span(zone)
        sources = await self._sources(person, thread, request, span)
        look = Look(
            at=self._clock.now(),
            zone=zone,
            span=span,
            link=self._directory.link_to,
            several=request.of is not ExportOf.THREAD,
        )
        reporter = Reporter(self._clock, _quiet(tell) if tell else None)
        with temp_files.folder() as folder:
            path = folder / request.file_name
            async with self._writing:
                written = await export_to(self._store, sources, path, request.form, look, reporter)
            if not (written.records or span.is_all):
                raise DeniedError(NOTHING_THEN)
            if not written.conversations:
                raise DeniedError(UNKNOWN if request.of is ExportOf.THREAD else NOTHING)
            yield path

    async def _sources(
        self, person: str, thread: ThreadKey, request: ExportRequest, span: Span
    ) -> AsyncIterator[Source]:
        """Return the conversations to export; audit those that an admin may have as an admin."""
        if request.of is ExportOf.THREAD:
            return await self._one(person, thread)
        await self._authorized.admit(person, thread)
        if request.of is ExportOf.MINE:
            return self._mine(person, span)
        if not (self._is_ours(thread) and await self._directory.is_admin(person, thread)):
            raise DeniedError(NOT_ADMIN[request.of])
        everywhere = request.of is ExportOf.ALL
        place = self._directory.tenant(thread) if everywhere else thread.channel
        await self._audit(person, ThreadKey(thread.platform, place, audit.EVERY))
        return self._admins(person, thread, span, everywhere=everywhere)

    async def _one(self, person: str, thread: ThreadKey) -> AsyncIterator[Source]:
        held = await self._authorized.right(person, thread)
        if held is Right.NONE:
            raise DeniedError(NOT_YOURS)
        if await self._store.peek(thread) is None:
            raise DeniedError(UNKNOWN)
        if held is Right.ADMIN:
            await self._audit(person, thread)
        return self._named(thread)

    async def _named(self, thread: ThreadKey) -> AsyncIterator[Source]:
        yield Source(thread, await self._directory.place_of(thread))

    async def _mine(self, person: str, span: Span) -> AsyncIterator[Source]:
        """Yield the conversations in which a person took part and which they can still see."""
        seen: dict[str, bool] = {}
        async for info in self._store.all_threads(person=person):
            thread = info.thread
            if not (self._is_ours(thread) and _touches(info, span)):
                continue
            scope = self._directory.scope(thread)
            if scope not in seen:
                listens = await self._directory.listens_to(person, thread)
                seen[scope] = listens and await self._directory.can_see(person, thread)
            if seen[scope]:
                yield Source(thread, await self._directory.place_of(thread))

    async def _admins(
        self, person: str, at: ThreadKey, span: Span, *, everywhere: bool
    ) -> AsyncIterator[Source]:
        """Yield the conversations of a channel, or of all, that an admin may have."""
        directory, seen = self._directory, dict[str, Standing]()
        tenant = directory.tenant(at)
        within = None if everywhere else (at.platform, at.channel)
        own = {i.thread async for i in self._store.all_threads(person=person, channel=within)}
        async for info in self._store.all_threads(channel=within):
            thread = info.thread
            is_there = self._is_ours(thread) and directory.tenant(thread) == tenant
            if not (is_there and _touches(info, span)):
                continue
            scope = directory.scope(thread)
            if scope not in seen:
                seen[scope] = await self._standing(person, thread)
            standing = replace(seen[scope], took_part=thread in own)
            if self._authorized.held(standing) is not Right.NONE:
                yield Source(thread, await directory.place_of(thread))

    async def _standing(self, person: str, thread: ThreadKey) -> Standing:
        """Return how a person stands to a thread, and so to all of its scope."""
        try:
            return await self._authorized.standing(person, thread)
        except DeniedError:  # the bot does not listen to them there
            return Standing(took_part=False, can_see=False)

    def _is_ours(self, thread: ThreadKey) -> bool:
        return thread.platform == self._directory.name and self._directory.is_ours(thread)

    async def _audit(self, person: str, what: ThreadKey) -> None:
        await audit.record(self._store, "export", by=person, thread=what, at=self._clock.now())


def _touches(info: ThreadInfo, span: Span) -> bool:
    """Return whether anything of a conversation may have been said in a period.

    What was said before the bot took part is older than the conversation is by its own count.
    """
    return info.last_at >= span.start


def _quiet(tell: Tell) -> Tell:
    """Return a function whose failures stop no export."""

    async def told(progress: Progress) -> None:
        try:
            await tell(progress)
        except ChatbotError as error:
            log.info("the progress of an export was not reported: %s", error)

    return told
