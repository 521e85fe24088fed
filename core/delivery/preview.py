"""Previews: shows an answer while it is written, at the rate that the platform allows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

from core.domain.errors import StoppedByUserError
from core.domain.tasks import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from core.delivery.delivery import Delivery
    from core.delivery.port import Capabilities
    from core.domain.clock import Clock

Result = TypeVar("Result")


class Preview:
    """Shows the newest text, one call at a time; text that arrives meanwhile is shown together.

    Leaving the context waits for the current call, so that it can't take effect later.
    """

    def __init__(self, delivery: Delivery, capabilities: Capabilities, clock: Clock) -> None:
        """Start with nothing shown."""
        self._delivery = delivery
        self._capabilities = capabilities
        self._clock = clock
        self.text = ""
        """The text so far."""
        self._changed = asyncio.Event()
        self._started_at = 0.0
        self._cancel_start: Callable[[], None] | None = None
        """Cancels the timer for the first preview, once it is set."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the time before the first preview."""
        self._started_at = self._clock.monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing; raise the error that ended it, if there was one."""
        if self._cancel_start is not None:
            self._cancel_start()
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if error is None and not self._task.cancelled():
            self._task.result()

    def show(self, text: str) -> None:
        """Take the whole text so far; an empty text means that the answer starts over."""
        self.text = text
        if self._capabilities.previews and text and not text.isspace():
            self._changed.set()
            if self._cancel_start is None:
                due = self._started_at + self._capabilities.preview_after
                self._cancel_start = self._clock.later(due - self._clock.monotonic(), self._start)

    async def unless_stopped(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Return what the body returns; cancel it when a person tells the bot to stop.

        Raises `StoppedByUserError` then; `text` has the answer so far.
        """
        try:
            return await self._delivery.stopped.ends(body)
        except StoppedError:
            raise StoppedByUserError("a person told the bot to stop answering") from None

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._delivery.show(self.text):
                self._changed.set()  # retry: the model may pause long before its next word
            await self._clock.sleep(self._capabilities.edit_interval)
