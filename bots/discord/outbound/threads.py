"""The thread that a mention in a channel opens, and where to answer if none can be opened.

A thread opened from a message has that message's id, so it can be named before it exists; opening
it twice is refused with 160004 (docs: resources/channel, "Start Thread from Message"). The opening
message of a post has the post's id as well, but there the post comes first. The channel that a
thread is in tells which of the two a message opens.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from cachetools import LRUCache, TLRUCache

from bots.discord.faults import UNKNOWN_CHANNEL, LimitedError, RefusedError
from bots.discord.inbound.events import channel_of
from bots.discord.inbound.text import plain
from core.domain.errors import PlatformBusyError
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bots.discord.api import Api
    from bots.discord.inbound.channels import Channels
    from core.delivery.port import DeliveryTarget
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_EXISTS = 160004
_ARCHIVE_MINUTES: Literal[1440] = 1440
"""Minutes without a new message after which a thread is archived; a new message reopens it."""
_TITLE = 80
"""Characters of a thread's name, of the 100 that Discord allows."""
_UNTITLED = "Conversation"
_KEPT = 10_000
"""Threads whose channel is remembered."""
_LONGEST_WAIT = 60.0
"""Seconds for which an answer waits until its thread can be opened, rather than be posted in the
channel."""


class Threads:
    """Opens threads, once each."""

    def __init__(self, api: Api, channels: Channels, clock: Clock) -> None:
        """Start without any thread known."""
        self._api = api
        self._channels = channels
        self._clock = clock
        self._limited_until: TLRUCache[str, float] = TLRUCache(
            _KEPT, ttu=lambda _channel, until, _now: until, timer=clock.monotonic
        )
        """By channel: when Discord lets the bot open a thread there, on the steady clock."""
        self._answer_in: LRUCache[str, str] = LRUCache(_KEPT)
        """By a thread's id: the channel in which its turns are answered."""

    async def open_for(self, target: DeliveryTarget) -> str:
        """Return the channel in which a turn is answered; open it if necessary.

        Raises `PlatformError` if that can't be done now.
        """
        channel = await self._find(target)
        if channel:
            return channel
        above = channel_of(target.thread.channel)
        try:
            await self._unless_limited(above, lambda: self._start(target))
        except PlatformBusyError as busy:
            if (busy.seconds or 0.0) <= _LONGEST_WAIT:
                raise
            log.warning("answered in the channel, as a thread would take too long: %s", busy)
            return self._keep(target, above)
        except RefusedError as refused:
            if refused.code != _EXISTS:
                log.warning("answered in the channel, as no thread can be opened: %s", refused)
                return self._keep(target, above)
        return self._keep(target, target.answer_in)

    async def of(self, target: DeliveryTarget) -> str:
        """Return the channel in which a turn was answered, if it was; open nothing.

        Raises `PlatformError` if that is not known now.
        """
        channel = await self._find(target)
        if channel:
            return channel
        try:
            await self._api.call(
                "look up a thread", lambda: self._api.http.get_channel(int(target.answer_in))
            )
        except RefusedError as refused:
            if refused.code != UNKNOWN_CHANNEL:
                raise
            return channel_of(target.thread.channel)  # not remembered: it may be opened yet
        return self._keep(target, target.answer_in)

    def known(self, target: DeliveryTarget) -> str:
        """Return the channel in which to show that the bot works on a turn; makes no call."""
        return self._known(target) or channel_of(target.thread.channel)

    def _known(self, target: DeliveryTarget) -> str:
        if not target.answer_in:
            return target.thread.thread
        if target.answer_in != target.trigger:
            return target.answer_in
        if self._channels.is_forum(channel_of(target.thread.channel)):
            return target.answer_in
        return self._answer_in.get(target.answer_in, "")

    async def _find(self, target: DeliveryTarget) -> str:
        """Return the channel in which a turn is answered; empty if a thread may have to open."""
        channel = self._known(target)
        if channel or not await self._channels.look_up_forum(channel_of(target.thread.channel)):
            return channel
        return self._keep(target, target.answer_in)

    async def _unless_limited(
        self, channel: str, start: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Open a thread in a channel, unless Discord has said that it is too early."""
        until = self._limited_until.get(channel)
        if until is not None:
            left = until - self._clock.monotonic()
            raise LimitedError("Discord opens no thread there yet", seconds=left)
        try:
            await self._api.call("open a thread", start)
        except LimitedError as limited:
            self._limited_until[channel] = self._clock.monotonic() + (limited.seconds or 0.0)
            raise

    async def _start(self, target: DeliveryTarget) -> None:
        await self._api.http.start_thread_with_message(
            int(channel_of(target.thread.channel)),
            int(target.trigger),
            name=title(target.asked),
            auto_archive_duration=_ARCHIVE_MINUTES,
        )

    def _keep(self, target: DeliveryTarget, channel: str) -> str:
        self._answer_in[target.answer_in] = channel
        return channel


def title(asked: str) -> str:
    """Return a thread's name for the text of its first message."""
    line = " ".join(visible(plain(asked)).split())
    return (line if len(line) <= _TITLE else f"{line[: _TITLE - 1]}\u2026") or _UNTITLED
