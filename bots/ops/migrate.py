"""`chatbot migrate`: moves everything from one store to another, and says how it goes."""

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
"""Between two lines on how far it is."""
_SHOWN = 20
"""Differences that are named."""


async def migrate(settings: Settings, source: str, target: str) -> int:
    """Move all that is kept at one URL to another; return 1 where it is not the same in the end.

    Raises `SettingsError`, `StoreRefusedError` or `StoreUnavailableError` where it can't be done.
    """
    for url in (source, target):
        if url.startswith("memory:"):
            raise SettingsError("what is at memory:// ends with its process: it can't be moved")
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
    pace = _Pace()
    await move(source, target, SystemClock(), pace.moved)
    say("All is written. Comparing both stores …")
    pace = _Pace()
    result = await compare(source, target, SystemClock(), pace.compared)
    if not result.differences:
        await finish(target)
        say(
            f"{result.threads:,} threads with {result.records:,} messages and answers are in TO, "
            "each as it is in FROM. Set CHATBOT_STORE to TO before you start the bot; FROM was "
            "left as it is."
        )
        return 0
    for difference in result.differences[:_SHOWN]:
        say(f"chatbot: {difference}")
    say(
        f"chatbot: {len(result.differences):,} differences: stop every bot that runs on FROM or "
        "TO, and run this again with the same FROM and TO; it writes what is missing"
    )
    return 1


class _Pace:
    """Says now and then how far it is."""

    def __init__(self) -> None:
        """Begin to count."""
        self._began = self._said = time.monotonic()

    def moved(self, progress: Progress) -> None:
        """Say how many threads are written, at the last one in any case."""
        self._say(
            progress.threads, f" of {progress.of:,}", "moved", progress.threads == progress.of
        )

    def compared(self, threads: int) -> None:
        """Say how many threads were looked at."""
        self._say(threads, "", "compared", due=False)

    def _say(self, threads: int, of: str, done: str, due: bool) -> None:  # noqa: FBT001
        now = time.monotonic()
        if not due and now - self._said < _SECONDS:
            return
        self._said = now
        rate = threads / max(now - self._began, 0.001)
        say(f"{threads:,}{of} threads {done}, {rate:,.0f} a second")
