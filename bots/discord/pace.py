"""What is left of Discord's limits, as it says with each answer, and which calls it has refused.

discord.py keeps to the limits by waiting, without saying so and with no bound that is below thirty
seconds; a call that empties a bucket returns only when that is full again. Nothing waits behind a
preview here: one is shown only while that leaves room for the answer itself. Limits are known from
headers alone, "should not be hard coded" (docs: topics/rate-limits).
"""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from core.domain.clock import Clock

_LEFT = 2
"""Calls that must be left in a bucket for one that nothing depends on to be made."""
_PATH = re.compile(r"/channels/(\d+)/messages(/\d+)?\Z")
_KEPT = 2000
_LIMITED = 429


class Pace:
    """Listens to the answers of one client's calls that post and edit."""

    def __init__(self, clock: Clock) -> None:
        """Know of no limit yet."""
        self._clock = clock
        self._left: dict[tuple[str, str], tuple[int, float]] = {}
        """By method and channel: what was left of the bucket, and until when that holds."""
        self._refused: dict[tuple[str, str], asyncio.Event] = {}

    def trace(self) -> aiohttp.TraceConfig:
        """Return what lets it listen."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._ended)
        return config

    def spares(self, method: str, channel: str) -> bool:
        """Tell whether a call that nothing depends on leaves room for those that matter."""
        left, until = self._left.get((method, channel), (_LEFT, 0.0))
        return left >= _LEFT or self._clock.monotonic() >= until

    def refusals(self, method: str, channel: str) -> AbstractContextManager[asyncio.Event]:
        """Return an event that is set as soon as Discord refuses such a call for its limits."""
        return self._watched((method, channel))

    @contextmanager
    def _watched(self, key: tuple[str, str]) -> Iterator[asyncio.Event]:
        event = self._refused[key] = asyncio.Event()
        try:
            yield event
        finally:
            if self._refused.get(key) is event:
                del self._refused[key]

    async def _ended(
        self,
        _session: aiohttp.ClientSession,
        _context: object,
        ended: aiohttp.TraceRequestEndParams,
    ) -> None:
        found = _PATH.search(ended.url.path)
        if found is None:
            return
        key = (ended.method, found[1])
        if ended.response.status == _LIMITED and key in self._refused:
            self._refused[key].set()
        self._note(key, ended.response.headers)

    def _note(self, key: tuple[str, str], headers: Mapping[str, Any]) -> None:
        try:
            left = int(headers["X-RateLimit-Remaining"])
            after = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        self._left.pop(key, None)
        self._left[key] = (left, self._clock.monotonic() + after)
        if len(self._left) > _KEPT:
            del self._left[next(iter(self._left))]
