"""Moving the threads and settings of one channel to another key of the same store.

A platform may change a channel's id. Nothing is lost if this is interrupted: a thread exists at its
old key until it exists at the new one, and starting again goes on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core.domain.settings import ScopeSettings
from core.store.migration.migrate import portions_of, unheld

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.port import Store
    from core.store.values import Dump

log = logging.getLogger(__name__)

_PAUSE = 0.2
"""Seconds between two looks whether a turn has ended."""


async def relocate(
    store: Store,
    old: tuple[str, str],
    new: str,
    renamed: Callable[[ThreadKey], ThreadKey],
    clock: Clock,
) -> None:
    """Move what is kept of a channel.

    Args:
        store: The store, on which bots may run.
        old: The platform and the channel.
        new: The channel's new key on the platform.
        renamed: Returns the new key of a thread.
        clock: Waits for turns that run.

    Raises:
        StoreError: It did not work; it may be started again.
    """
    threads = [info.thread async for info in store.all_threads(channel=old)]
    for thread in threads:
        await _relocate_thread(store, thread, renamed(thread), clock)
    platform, channel = old
    settings, nothing = await store.channel_settings(platform, channel), ScopeSettings()
    if settings != nothing:
        if await store.channel_settings(platform, new) == nothing:
            await store.set_channel(platform, new, settings)
        await store.set_channel(platform, channel, nothing)


async def _relocate_thread(
    store: Store, thread: ThreadKey, target: ThreadKey, clock: Clock
) -> None:
    if await store.peek(target) is not None:
        log.warning("a thread stays at its old key, since people went on at the new one")
        return
    while (dump := await _at_rest(store, thread, clock)) is not None:
        first = True
        async for records, is_last in portions_of(store, thread, dump.header):
            await store.load(target, records, first=first, dump=dump if is_last else None)
            first = False
        if _is_same(dump, await store.dump(thread)):
            await store.load(thread, (), first=True, dump=None)
            return


async def _at_rest(store: Store, thread: ThreadKey, clock: Clock) -> Dump | None:
    """Return a thread once no turn runs in it; None if there is no thread."""
    while (dump := await store.dump(thread)) is not None and dump.header.is_held(dump.time):
        await clock.sleep(_PAUSE)
    return await unheld(store, thread, clock)


def _is_same(dump: Dump, now: Dump | None) -> bool:
    """Return whether nothing has happened in a thread since it was read."""
    if now is None:
        return False
    (one, other) = (dump.header, now.header)
    is_still = (one.revision, one.next, one.fence) == (other.revision, other.next, other.fence)
    return is_still and one.pins == other.pins
