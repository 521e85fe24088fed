"""`chatbot migrate`: moves everything from one store to another, and reports its progress."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bots.app import say
from core.domain.clock import SystemClock
from core.domain.errors import SettingsError
from core.store.migration.compare import compare
from core.store.migration.migrate import Progress, finish, move
from core.store.urls import open_store

if TYPE_CHECKING:
    from bots.settings.settings import Settings
    from core.store.port import Store

_SECONDS = 2.0
"""Seconds between two lines of progress."""
_SHOWN = 20
"""The most differences to print."""


async def migrate(settings: Settings, source: str, target: str) -> int:
    """Move everything in the store at one URL to another; return 1 if they then differ.

    Raises `SettingsError`, `StoreRefusedError` or `StoreUnavailableError` if it can't be done.
    """
    for url in (source, target):
        if url.startswith("memory:"):
            raise SettingsError("a store at memory:// ends with its process, so it can't be moved")
    if source == target:
        raise SettingsError("FROM and TO are the same store")
    async with AsyncExitStack() as stack:
        stores = []
        for url in (source, target):
            store = await open_store(url, clock=SystemClock(), lease_seconds=settings.lease_seconds)
            stack.push_async_callback(store.close)
            stores.append(store)
        return await _move(*stores)


async def _move(source: Store, target: Store) -> int:
    progress = _ProgressLines()
    await move(source, target, SystemClock(), progress.moved)
    say("Everything is written. Comparing both stores …")
    progress = _ProgressLines()
    result = await compare(source, target, SystemClock(), progress.compared)
    if not result.differences:
        await finish(target)
        say(
            f"{result.threads:,} threads with {result.records:,} messages and answers are in TO, "
            "identical to FROM. Set CHATBOT_STORE to TO before you start the bot. FROM is "
            "unchanged."
        )
        return 0
    for difference in result.differences[:_SHOWN]:
        say(f"chatbot: {difference}")
    say(
        f"chatbot: {len(result.differences):,} differences: stop every bot that uses FROM or TO, "
        "and run the same command again; it writes what is missing"
    )
    return 1


class _ProgressLines:
    """Prints a line of progress every few seconds."""

    def __init__(self) -> None:
        """Start the count."""
        self._began = self._said = time.monotonic()

    def moved(self, progress: Progress) -> None:
        """Report how many threads are written; always report the last."""
        self._say(
            progress.threads, f" of {progress.of:,}", "moved", progress.threads == progress.of
        )

    def compared(self, threads: int) -> None:
        """Report how many threads are compared."""
        self._say(threads, "", "compared", due=False)

    def _say(self, threads: int, of: str, done: str, due: bool) -> None:  # noqa: FBT001
        now = time.monotonic()
        if not due and now - self._said < _SECONDS:
            return
        self._said = now
        rate = threads / max(now - self._began, 0.001)
        say(f"{threads:,}{of} threads {done}, {rate:,.0f} a second")
