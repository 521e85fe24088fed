"""discord.py's buckets of Discord's limits: looked through seldom, and none left shut.

A call gives its bucket free when it leaves it, perhaps after a sleep (`Ratelimit._refresh`). One
that is cancelled in that sleep does not. Where no answer has told yet when the limit is over, the
bucket then stays shut: each call waits half a minute for it (`Ratelimit.acquire`), which is longer
than any of ours may take.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discord.http import HTTPClient, Ratelimit

_NEW = 256
"""New buckets after which those are looked for that nobody uses any more."""


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


def open_again(buckets: Iterable[Ratelimit]) -> None:
    """Open the buckets that nobody is going to open."""
    for bucket in buckets:
        if _is_left_shut(bucket):
            bucket.reset()  # type: ignore[no-untyped-call]
            bucket._wake(bucket.remaining)  # noqa: SLF001 - what `_refresh` does behind its sleep


def _is_left_shut(bucket: Ratelimit) -> bool:
    in_use = bucket.outgoing or bucket._sleeping.locked()  # noqa: SLF001 - see above
    known = bucket.expires is not None and not bucket.is_expired()
    return bucket.remaining <= 0 and not in_use and not known
