"""Background tasks of one component, their cancellation, and long computations off the loop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from core.domain.errors import described

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

log = logging.getLogger(__name__)

Result = TypeVar("Result")

LONG: Final = 20_000
"""Characters from which a text counts as long: up to here, all work on it takes some 10 ms.

Starting a thread costs a tenth of a millisecond, which a short text need not pay.
"""


class Tasks:
    """The background tasks of one component: none is garbage-collected, and no error is lost.

    asyncio keeps only weak references to tasks, so the code that starts one has to keep one::

        self._tasks = Tasks("a thread's title")
        self._tasks.start(self._set_title(thread))  # runs beside the caller
        await self._tasks.close(grace=1.0)  # lets tasks finish for a second, then cancels them

    An error that ends a task is logged as "a thread's title failed: ...": an error of ours with its
    sentence, any other by its kind and position only, since its text may quote what people said.
    """

    def __init__(self, name: str) -> None:
        """Start without tasks.

        Args:
            name: What the tasks do, as the log names it.
        """
        self._name = name
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return how many tasks run."""
        return len(self._running)

    def start(self, job: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run a coroutine as a task; return the task, which the caller need not keep."""
        task = asyncio.create_task(job, name=self._name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until the tasks that run now have ended, for at most `seconds` if given."""
        if running := self._others():
            await asyncio.wait(running, timeout=seconds)

    async def close(self, grace: float = 0.0) -> None:
        """End all tasks, those included that they start meanwhile.

        Args:
            grace: Seconds in which tasks may finish by themselves before they are cancelled.
        """
        if grace > 0:
            await self.wait(grace)
        while running := self._others():
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    def _others(self) -> set[asyncio.Task[Any]]:
        """Return the running tasks except the caller's own, which can't wait for itself."""
        return self._running - {asyncio.current_task()}

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", self._name, described(error))


async def off_loop_if_long(size: int, compute: Callable[[], Result]) -> Result:
    """Return what `compute` returns; run it in a thread if it works on `LONG` characters or more.

    `size` is that number. On the event loop it would hold up all other turns meanwhile.
    """
    return compute() if size < LONG else await asyncio.to_thread(compute)


class StoppedError(Exception):
    """The scope was triggered, so its body was cancelled."""


class CancelScope:
    """Triggered at most once, and for good.

    Every turn has two of them, so it is a scope of the task that runs, and not a task that waits.
    """

    def __init__(self) -> None:
        """Create it untriggered."""
        self._is_set = False
        self._timeout: asyncio.Timeout | None = None

    def set(self) -> None:
        """Trigger it."""
        if not self._is_set and self._timeout is not None:
            self._timeout.reschedule(0)
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether it was triggered."""
        return self._is_set

    async def ends(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Return the body's result; cancel the body when the scope is triggered.

        Raises `StoppedError` then, unless the body ends with a result or an error of its own.
        """
        timeout = asyncio.timeout(0 if self._is_set else None)
        try:
            async with timeout:
                self._timeout = timeout
                try:
                    return await body
                finally:
                    self._timeout = None
        except TimeoutError:
            if timeout.expired():
                raise StoppedError from None
            raise
