"""Wakes: a step announces a thread that may be claimed, and waiting tasks look for work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from core.store.sql.postgres.connecting.errors import FAILURES
from core.store.sql.postgres.write import CHANNEL
from core.store.wakes import Wakes

if TYPE_CHECKING:
    from core.store.sql.postgres.database import Database

_log = logging.getLogger(__name__)
_PATIENCE = 15.0
"""Seconds of silence after which the listener tests its connection."""


class Listener:
    """One connection that listens for wakes, and reconnects by itself."""

    def __init__(self, database: Database) -> None:
        """Listen from the first wait on."""
        self._database = database
        self.wakes = Wakes(self._listen, "postgresql-wakes")
        """The wakes to wait for."""
        self._failures = 0
        """Failures since the connection last listened."""

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except FAILURES as error:
                _log.debug("no wakes from PostgreSQL for now: %s", type(error).__name__)
            # Meanwhile only polling finds work.
            await asyncio.sleep(self._database.pause(self._failures))
            self._failures += 1

    async def _hear(self) -> None:
        connection = await self._database.connect()
        try:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            self.wakes.wake()  # wakes may have been missed until now
            self._failures = 0
            while True:
                async with contextlib.aclosing(connection.notifies(timeout=_PATIENCE)) as heard:
                    async for _ in heard:
                        self.wakes.wake()
                async with asyncio.timeout(_PATIENCE):
                    await connection.execute("SELECT 1")
        finally:
            connection.pgconn.finish()
