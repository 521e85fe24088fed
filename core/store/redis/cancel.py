"""Ending when told to: redis-py may not pass it on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

Answer = TypeVar("Answer")


async def heeding(request: Awaitable[Answer]) -> Answer:
    """Return what a request answers; end here if this task was cancelled meanwhile.

    redis-py sends each command within `asyncio.wait_for`, which up to Python 3.11 forgets a
    cancellation that comes just when the command is sent (github.com/python/cpython/issues/86296).
    The task would go on, and whoever cancelled it and waits for its end would wait forever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await request
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer
