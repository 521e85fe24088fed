"""Signals that stop the program: SIGTERM and SIGHUP drain, SIGINT (Ctrl-C) ends at once."""

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
"""The exit code after Ctrl-C, as shells have it."""


class Signals:
    """Knows whether a signal arrived that stops the program, and the exit code for it."""

    def __init__(self) -> None:
        """Start before any signal."""
        self._arrived = asyncio.Event()
        self._code = 0

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Handle signals within the block; call it in a running event loop."""
        loop = asyncio.get_running_loop()
        signals = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}
        if hasattr(signal, "SIGHUP"):
            signals[signal.SIGHUP] = 0
        # If a loop can't handle signals, Ctrl-C still ends the program as Python does.
        with contextlib.suppress(NotImplementedError):
            for number, code in signals.items():
                loop.add_signal_handler(number, self._stop, code)
        yield
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)

    async def run(self, body: Coroutine[Any, Any, int]) -> int:
        """Return the exit code of `body`, or of a signal that arrives first and cancels it."""
        running = asyncio.ensure_future(body)
        arrived = asyncio.create_task(self._arrived.wait())
        try:
            await asyncio.wait({running, arrived}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrived.cancel()
            if not running.done():
                running.cancel()
            await asyncio.wait({running, arrived})
        return self._code if running.cancelled() else running.result()

    def _stop(self, code: int) -> None:
        if self._arrived.is_set() and code == INTERRUPTED:
            os._exit(INTERRUPTED)  # pressed twice: leave whatever still runs
        self._arrived.set()
        self._code = code
