"""An answer in the making, shown on the platform no faster than the platform likes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

from core.errors import StoppedByUserError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from core.clock import Clock
    from core.delivery import Delivery
    from core.platform import Capabilities

Result = TypeVar("Result")


class Preview:
    """Shows the newest text, one call at a time; what comes meanwhile is shown together.

    Leaving the context waits for the call under way, so that nothing of it lands afterwards.
    """

    def __init__(self, delivery: Delivery, capabilities: Capabilities, clock: Clock) -> None:
        """Show nothing yet."""
        self._delivery = delivery
        self._capabilities = capabilities
        self._clock = clock
        self.text = ""
        """All that has come so far."""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start showing, where the platform can."""
        if self._capabilities.previews:
            self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing; raise what ended it, where it ended by itself."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if error is None and not self._task.cancelled():
            self._task.result()

    def show(self, text: str) -> None:
        """Take the whole text so far; the empty text says that the answer starts over."""
        self.text = text
        if text.strip():
            self._changed.set()

    async def unless_stopped(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Return what the body returns; end it when somebody tells the bot to stop.

        Raises `StoppedByUserError` then; `text` is what had come.
        """
        running = asyncio.ensure_future(body)
        stopped = asyncio.create_task(self._delivery.stopped.wait())
        try:
            await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            running.cancel()  # does nothing to one that has ended
            await asyncio.wait({running, stopped})
        if running.cancelled():
            raise StoppedByUserError("somebody told the bot to stop answering")
        return running.result()

    async def _run(self) -> None:
        await self._clock.sleep(self._capabilities.preview_after)
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._delivery.show(self.text)
            await self._clock.sleep(self._capabilities.edit_interval)
