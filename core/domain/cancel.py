"""A cancellation scope that another task can trigger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

Result = TypeVar("Result")


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
