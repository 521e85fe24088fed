"""Waiting for work that this or another process leaves in a SQLite file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.clock import Backoff
from core.store.sql.sqlite.claiming import due
from core.store.sql.sqlite.file import SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from pathlib import Path

    from core.domain.clock import Clock

_POLLING = Backoff(first=0.01, cap=0.1)
"""Seconds between two polls of the file; SQLite notifies no process of another one's writes."""


class Watch:
    """Polls by a connection of its own, so that verbs and waiters don't block each other."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Take the path; `open` opens the file."""
        self._file = SqliteFile(path)
        self._clock = clock
        self._waiters: set[asyncio.Event] = set()
        self._closed = False

    async def open(self) -> None:
        """Open the existing file; raises as `SqliteFile.open`."""
        await self._file.open(read_only=True)

    def wake(self) -> None:
        """Make all waiting tasks poll at once."""
        for waiter in self._waiters:
            waiter.set()

    async def wait(self, platforms: Collection[str], seconds: float) -> None:
        """Return when a thread of these platforms may be claimed, or after `seconds`."""
        woken = asyncio.Event()
        self._waiters.add(woken)
        try:
            async with asyncio.timeout(seconds):
                await self._until_due(platforms, woken)
        except TimeoutError:
            return
        finally:
            self._waiters.discard(woken)

    async def close(self) -> None:
        """Close the file; waiting tasks return."""
        self._closed = True
        self.wake()
        await self._file.close()

    async def _until_due(self, platforms: Collection[str], woken: asyncio.Event) -> None:
        pauses = iter(_POLLING)
        pause = next(pauses)
        version = -1
        while not self._closed:
            seen, version = version, await self._file.read(_version)
            if version != seen and await self._file.read(lambda c: self._is_due(c, platforms)):
                return
            try:
                async with asyncio.timeout(pause):
                    await woken.wait()
                woken.clear()
            except TimeoutError:
                pause = next(pauses)

    def _is_due(self, connection: sqlite3.Connection, platforms: Collection[str]) -> bool:
        first = due(connection, platforms)
        return first is not None and first[0] <= self._clock.now()


def _version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection writes."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    assert isinstance(version, int)  # noqa: S101 - for the type checker: a pragma has no type
    return version
