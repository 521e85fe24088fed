"""discord.py's buckets of Discord's limits, kept to by what is left in each.

discord.py's own refuse a call by the time until a bucket is full again, also while there are calls
left in it (`Ratelimit.acquire` of 2.7), let a call that empties one sleep until it is full, and
stay shut where that call is cancelled in its sleep. Here a call waits only for a call that is left,
and for no longer than it may; at once, its caller learns how long that would be.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from discord import RateLimited
from discord.http import Ratelimit

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    from discord.http import HTTPClient

_NEW = 256
"""New buckets after which those are looked for that nobody uses any more."""


class Bucket(Ratelimit):
    """What Discord has said is left of one limit, and the calls that wait for more."""

    __slots__ = ("_patience", "_timer")

    def __init__(self, patience: float) -> None:
        """Let no call wait for longer than `patience` seconds."""
        super().__init__(None)
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self) -> None:
        """Take one of the calls that are left; raise `RateLimited` where that takes too long."""
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
                if self.remaining > 0:  # it was this call's to take
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
        """Give what is left to those that wait."""
        self.outgoing -= 1
        if self.remaining > 0:
            self._wake(self.remaining)
        elif self.expires is None:
            if not self.outgoing:  # no answer has told of a limit
                self._open()
        elif (left := self._left()) > self._patience:
            self._wake(len(self._pending_requests), exception=RateLimited(left))
        else:
            self._wake_later()

    def _left(self) -> float:
        """Return the seconds until the bucket is full again; 0 where that is not known."""
        return 0.0 if self.expires is None else max(0.0, self.expires - self._loop.time())

    def _wake_later(self) -> None:
        if self.expires is not None and self._timer is None:
            self._timer = self._loop.call_at(self.expires, self._open)

    def _open(self) -> None:
        self._timer = None
        self.reset()  # type: ignore[no-untyped-call]
        self._wake(self.remaining)


def keep_to_limits(http: HTTPClient, patience: float) -> None:
    """Let it keep to Discord's limits by buckets of ours, and for `patience` seconds at most."""
    http.max_ratelimit_timeout = patience  # for a 429, whose wait it sleeps out itself

    def bucket(key: str) -> Ratelimit:
        found = http._buckets.get(key)  # noqa: SLF001 - no other way
        if found is None:
            found = http._buckets[key] = Bucket(patience)  # noqa: SLF001
            http._try_clear_expired_ratelimits()  # noqa: SLF001
        return found

    http.get_ratelimit = bucket  # type: ignore[method-assign]


def look_seldom(http: HTTPClient) -> None:
    """Let it look through its buckets now and then, for those that nobody uses any more.

    Each channel has one. discord.py looks at all of them for each new one, once there are 256: a
    good part of a turn's time where a thousand channels are talked in for the first time.
    """
    look, made = http._try_clear_expired_ratelimits, count(1)  # noqa: SLF001 - no other way

    def now_and_then() -> None:
        if next(made) % _NEW == 0:
            look()

    http._try_clear_expired_ratelimits = now_and_then  # type: ignore[method-assign]  # noqa: SLF001
