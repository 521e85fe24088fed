"""Work on a long text, done beside the event loop: it would hold up all other turns meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

LONG: Final = 20_000
"""Characters from which on a text is long: up to there, all that is done takes some 10 ms.

A thread costs a tenth of a millisecond, which a short text need not pay.
"""


async def aside(size: int, work: Callable[[], Result]) -> Result:
    """Return what the work returns; with so many characters, in a thread if they are many."""
    return work() if size < LONG else await asyncio.to_thread(work)
