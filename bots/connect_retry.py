"""What can't be reached, tried again until it is there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from core.domain.errors import OutOfReachError
from core.models.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_PAUSES = RetryPolicy(first_wait=1.0, longest_wait=60.0)
"""Seconds between two tries: from one on, doubling up to a minute, spread by chance."""


async def until_there(
    attempt: Callable[[], Awaitable[Result]], clock: Clock, pauses: RetryPolicy = _PAUSES
) -> Result:
    """Return what the attempt does, which is made until all of it can be reached.

    Says once that it waits, and why. Raises whatever else the attempt does, at once.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except OutOfReachError as error:
            failures += 1
            if failures == 1:  # once for an outage, not once a try
                log.warning("%s. It is tried until it is there.", error)
            pause = pauses.wait(failures, error.retry_after)
        await clock.sleep(pause)
