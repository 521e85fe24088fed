"""Being told to stop: SIGTERM and SIGHUP drain, SIGINT (Ctrl-C) ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from typing import Any

INTERRUPTED = 130


class Signals:
    """Whether the program was told to stop, and with which exit code it does."""

    def __init__(self) -> None:
        """Nobody said so yet."""
        self._told = asyncio.Event()
        self._code = 0

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Listen to signals; the loop must run."""
        loop = asyncio.get_running_loop()
        signals = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}
        if hasattr(signal, "SIGHUP"):
            signals[signal.SIGHUP] = 0
        # Where a loop can't listen to signals, Ctrl-C still ends the program as Python does.
        with contextlib.suppress(NotImplementedError):
            for number, code in signals.items():
                loop.add_signal_handler(number, self._tell, code)
        yield
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)

    async def or_end_of(self, body: Coroutine[Any, Any, int]) -> int:
        """Return what the body returns; when told to stop first, end it and return that code."""
        running = asyncio.ensure_future(body)
        told = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            if not running.done():
                running.cancel()
            await asyncio.wait({running, told})
        return self._code if running.cancelled() else running.result()

    def _tell(self, code: int) -> None:
        if self._told.is_set() and code == INTERRUPTED:
            os._exit(INTERRUPTED)  # said twice: whatever it still waits for is not worth it
        self._told.set()
        self._code = code
