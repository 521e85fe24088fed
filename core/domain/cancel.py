"""A word that ends what runs, given from outside of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

Result = TypeVar("Result")


class StoppedError(Exception):
    """What ran was ended."""


class CancelScope:
    """Not given yet, or given for good.

    Every turn has two of them, so it is a scope of the task that runs, and not a task that waits.
    """

    def __init__(self) -> None:
        """Begin without it."""
        self._given = False
        self._scope: asyncio.Timeout | None = None

    def set(self) -> None:
        """Give it."""
        if not self._given and self._scope is not None:
            self._scope.reschedule(0)
        self._given = True

    def is_set(self) -> bool:
        """Tell whether it was given."""
        return self._given

    async def ends(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Return what the body returns; cancel it when the word is given.

        Raises `StoppedError` then. A body that ends in another way all the same, does.
        """
        scope = asyncio.timeout(0 if self._given else None)
        try:
            async with scope:
                self._scope = scope
                try:
                    return await body
                finally:
                    self._scope = None
        except TimeoutError:
            if scope.expired():
                raise StoppedError from None
            raise
