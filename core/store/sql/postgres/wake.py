"""Wakes: a step announces a thread that may be claimed, and whoever waits looks for work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from core.store.sql.postgres.errors import FAILURES
from core.store.sql.postgres.write import CHANNEL

if TYPE_CHECKING:
    from core.store.sql.postgres.database import Database

_log = logging.getLogger(__name__)
_PATIENCE = 15.0
"""Seconds of silence after which it is tried whether the connection still stands."""


class Listener:
    """One connection that listens for wakes, from the first wait on, and comes back by itself."""

    def __init__(self, database: Database) -> None:
        """Listen there, once somebody waits."""
        self._database = database
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        """Since somebody has listened last."""

    async def wait(self, seconds: float) -> None:
        """Return at a wake, or after this time."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="postgresql-wakes")
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except FAILURES as error:
                _log.debug("no wakes from PostgreSQL for now: %s", type(error).__name__)
            # Work is found meanwhile, only later.
            await asyncio.sleep(self._database.pause(self._failures))
            self._failures += 1

    async def _hear(self) -> None:
        connection = await self._database.connect()
        try:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            if self._failures:  # nobody has listened for a while: there may be something to find
                self._woken.set()
            self._failures = 0
            while True:
                async with contextlib.aclosing(connection.notifies(timeout=_PATIENCE)) as heard:
                    async for _ in heard:
                        self._woken.set()
                async with asyncio.timeout(_PATIENCE):
                    await connection.execute("SELECT 1")
        finally:
            connection.pgconn.finish()
