"""Retries a connection to a platform until it can be reached."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from core.domain.clock import Backoff
from core.domain.errors import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.domain.clock import Clock

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_BACKOFF = Backoff(first=1.0, cap=60.0, jitter=0.5)


async def retry_until_reached(
    attempt: Callable[[], Awaitable[Result]], clock: Clock, backoff: Backoff = _BACKOFF
) -> Result:
    """Return the result of `attempt`, retrying it while it raises `OutOfReachError`.

    The wait between two attempts grows from a second to a minute, or is what the platform asks for
    if that is longer. The log says once that it retries, and why. Any other error is raised at
    once.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except OutOfReachError as error:
            failures += 1
            if failures == 1:
                log.warning("%s; retrying.", error)
            wait = max(backoff.wait(failures), error.retry_after or 0.0)
        await clock.sleep(wait)
