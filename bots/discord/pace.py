"""Discord's rate limits: what is left of each, and how long a call may wait for more.

Limits are known from the headers of answers alone; they "should not be hard coded" (docs:
topics/rate-limits). discord.py keeps to them by waiting, silently, and with no bound below thirty
seconds. Two things are different here. `Bucket` replaces its buckets: a call waits only if none is
left, and no longer than it may. And `Pace` keeps calls for previews from taking the last calls of a
bucket, which the answer itself will need.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
from cachetools import LRUCache
from discord import RateLimited
from discord.http import Ratelimit

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from discord.http import HTTPClient

    from core.domain.clock import Clock

Route: TypeAlias = tuple[str, str]
"""The method and the channel of a call that posts or edits."""

_RESERVE = 2
"""Calls that have to be left in a bucket for an optional call to be made."""
_PATH = re.compile(r"/channels/(\d+)/messages(/\d+)?\Z")
_KEPT = 2000
"""Routes whose limits are remembered."""
_LIMITED = 429
_NEW = 256
"""New buckets after which unused ones are removed."""


class Pace:
    """Reads the limits from the answers to one client's calls that post and edit."""

    def __init__(self, clock: Clock) -> None:
        """Know of no limit yet."""
        self._clock = clock
        self._left: LRUCache[Route, tuple[int, float]] = LRUCache(_KEPT)
        """What was left of a route's bucket, and until when that holds, on the steady clock."""
        self._optional: dict[Route, Callable[[], None]] = {}
        """Running optional calls, each with what cancels it."""

    def trace(self) -> aiohttp.TraceConfig:
        """Return the tracing for an aiohttp session by which this reads its answers."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._ended)
        return config

    def has_spare(self, route: Route) -> bool:
        """Return whether an optional call would leave enough for the calls that matter."""
        left, until = self._left.get(route, (_RESERVE, 0.0))
        return left >= _RESERVE or self._clock.monotonic() >= until

    @contextmanager
    def cancelling(self, route: Route, cancel: Callable[[], None]) -> Iterator[None]:
        """Call `cancel` as soon as Discord refuses a call on this route for its limits."""
        self._optional[route] = cancel
        try:
            yield
        finally:
            if self._optional.get(route) is cancel:
                del self._optional[route]

    async def _ended(
        self,
        _session: aiohttp.ClientSession,
        _context: object,
        ended: aiohttp.TraceRequestEndParams,
    ) -> None:
        found = _PATH.search(ended.url.path)
        if found is None:
            return
        route = (ended.method, found[1])
        if ended.response.status == _LIMITED and (cancel := self._optional.get(route)):
            cancel()
        self._note(route, ended.response.headers)

    def _note(self, route: Route, headers: Mapping[str, Any]) -> None:
        try:
            left = int(headers["X-RateLimit-Remaining"])
            after = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        self._left[route] = (left, self._clock.monotonic() + after)


class Bucket(Ratelimit):
    """What Discord has left of one limit, and the calls that wait for more.

    discord.py's own bucket refuses a call by the time until the bucket is full again, even while
    calls are left (`Ratelimit.acquire` of 2.7); it lets the call that empties a bucket sleep until
    it is full; and it stays shut if that call is cancelled in its sleep.
    """

    __slots__ = ("_patience", "_timer")

    def __init__(self, patience: float) -> None:
        """Let no call wait for more than `patience` seconds."""
        super().__init__(None)
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self) -> None:
        """Take one of the calls that are left; raise `RateLimited` if that takes too long."""
        self._last_request = self._loop.time()
        if self.is_expired():
            self.reset()  # type: ignore[no-untyped-call]
        while self.remaining <= 0:
            if (left := self._left()) > self._patience:
                raise RateLimited(left)
            self._wake_later()
            future = self._loop.create_future()
            self._pending_requests.append(future)
            try:
                await future
            except BaseException:
                future.cancel()
                if self.remaining > 0:  # this call would have taken it
                    self._wake_next()
                raise
        self.remaining -= 1
        self.outgoing += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Pass what is left on to the calls that wait."""
        self.outgoing -= 1
        if self.remaining > 0:
            self._wake(self.remaining)
        elif self.expires is None:
            if not self.outgoing:  # no answer has named a limit
                self._open()
        elif (left := self._left()) > self._patience:
            self._wake(len(self._pending_requests), exception=RateLimited(left))
        else:
            self._wake_later()

    def _left(self) -> float:
        """Return the seconds until the bucket is full again; 0 if that is unknown."""
        return 0.0 if self.expires is None else max(0.0, self.expires - self._loop.time())

    def _wake_later(self) -> None:
        if self.expires is not None and self._timer is None:
            self._timer = self._loop.call_at(self.expires, self._open)

    def _open(self) -> None:
        self._timer = None
        self.reset()  # type: ignore[no-untyped-call]
        self._wake(self.remaining)


def keep_to_limits(http: HTTPClient, patience: float) -> None:
    """Give discord.py these buckets, in which no call waits for more than `patience` seconds.

    Unused buckets are removed once for `_NEW` new ones. Each channel has one, and with 256 of them
    discord.py would look at all for each new one: a good part of a turn's time while the first
    messages of a thousand channels arrive.
    """
    http.max_ratelimit_timeout = patience  # for a 429, whose wait discord.py sleeps out itself
    remove_unused, made = http._try_clear_expired_ratelimits, count(1)  # noqa: SLF001 - no other way

    def bucket(key: str) -> Ratelimit:
        found = http._buckets.get(key)  # noqa: SLF001
        if found is None:
            found = http._buckets[key] = Bucket(patience)  # noqa: SLF001
            if next(made) % _NEW == 0:
                remove_unused()
        return found

    http.get_ratelimit = bucket  # type: ignore[method-assign]
