"""An answer in the making, shown on the platform no faster than the platform likes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

from core.domain.cancel import StoppedError
from core.domain.errors import StoppedByUserError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from core.delivery.delivery import Delivery
    from core.delivery.port import Capabilities
    from core.domain.clock import Clock

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
        self._begun = 0.0
        self._never: Callable[[], None] | None = None
        """Keeps the first text from being shown, once it is due to be."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin the time for which nothing is shown."""
        self._begun = self._clock.monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing; raise what ended it, where it ended by itself."""
        if self._never is not None:
            self._never()
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if error is None and not self._task.cancelled():
            self._task.result()

    def show(self, text: str) -> None:
        """Take the whole text so far; the empty text says that the answer starts over."""
        self.text = text
        if self._capabilities.previews and text and not text.isspace():
            self._changed.set()
            if self._never is None:
                due = self._begun + self._capabilities.preview_after
                self._never = self._clock.later(due - self._clock.monotonic(), self._start)

    async def unless_stopped(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Return what the body returns; end it when somebody tells the bot to stop.

        Raises `StoppedByUserError` then; `text` is what had come.
        """
        try:
            return await self._delivery.stopped.ends(body)
        except StoppedError:
            raise StoppedByUserError("somebody told the bot to stop answering") from None

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._delivery.show(self.text):
                self._changed.set()  # the model may think for long before its next word
            await self._clock.sleep(self._capabilities.edit_interval)
