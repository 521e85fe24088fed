"""The thread that a mention in a channel opens, and where to answer when there can be none.

A thread made from a message has that message's id, so it can be named before it is there, and
made twice it is refused with 160004 (docs: resources/channel, "Start Thread from Message"). The
opening message of a post has the post's id as well, and the post is there before it; which of the
two a message opens is told by the channel that the thread is in.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Literal

from bots.discord.api import UNKNOWN_CHANNEL, LimitedError, RefusedError
from bots.discord.inbound.events import channel_of
from bots.discord.inbound.text import unquoted
from core.domain.errors import PlatformBusyError
from core.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bots.discord.api import Api
    from bots.discord.inbound.places import Places
    from core.delivery.port import DeliveryTarget
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_THERE_IS_ONE = 160004
_MINUTES: Literal[1440] = 1440
"""How long a thread is shown without a new message: a day. Later, it opens again by itself."""
_TITLE = 80
"""Characters of a thread's name, of 100 that Discord takes."""
_UNTITLED = "Conversation"
_KEPT = 10_000
_LONGEST_WAIT = 60.0
"""Seconds that an answer waits for its thread; one that would wait longer goes to the channel."""


class Threads:
    """Opens threads, once each."""

    def __init__(self, api: Api, places: Places, clock: Clock) -> None:
        """Know of none."""
        self._api = api
        self._places = places
        self._clock = clock
        self._not_before: dict[str, float] = {}
        """By channel: when Discord lets the bot open a thread there, on the steady clock."""
        self._homes: OrderedDict[str, str] = OrderedDict()
        """By the id of a thread that was opened here: the channel in which to answer."""

    async def open_for(self, where: DeliveryTarget) -> str:
        """Return the channel in which a turn is answered; make it, if it has to be.

        Raises `PlatformError` when that can't be told now.
        """
        home = await self._home(where)
        if home:
            return home
        above = channel_of(where.thread.place)
        try:
            await self._limited(above, lambda: self._start(where))
        except PlatformBusyError as busy:
            if (busy.seconds or 0.0) <= _LONGEST_WAIT:
                raise
            log.warning("answered in the channel, as a thread would take too long: %s", busy)
            return self._keep(where, above)
        except RefusedError as refused:
            if refused.code != _THERE_IS_ONE:
                log.warning("answered in the channel, as no thread can be: %s", refused)
                return self._keep(where, above)
        return self._keep(where, where.answer_in)

    async def _limited(self, channel: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Open a thread in a channel, unless Discord has said that it may not be done yet."""
        now = self._clock.monotonic()
        if (left := self._not_before.get(channel, 0.0) - now) > 0:
            raise LimitedError("Discord opens no thread there yet", seconds=left)
        try:
            await self._api.call("open a thread", start)
        except LimitedError as limited:
            self._not_before = {c: at for c, at in self._not_before.items() if at > now}
            self._not_before[channel] = now + (limited.seconds or 0.0)
            raise

    async def of(self, where: DeliveryTarget) -> str:
        """Return the channel in which a turn is answered, as far as it was; make nothing.

        Raises `PlatformError` when that can't be told now.
        """
        home = await self._home(where)
        if home:
            return home
        try:
            await self._api.call(
                "look at a thread", lambda: self._api.http.get_channel(int(where.answer_in))
            )
        except RefusedError as refused:
            if refused.code != UNKNOWN_CHANNEL:
                raise
            return channel_of(where.thread.place)  # not kept: it may be made yet
        return self._keep(where, where.answer_in)

    def shown(self, where: DeliveryTarget) -> str:
        """Return where to show that the bot works on a turn, as far as is known at once."""
        return self._known(where) or channel_of(where.thread.place)

    def _known(self, where: DeliveryTarget) -> str:
        if not where.answer_in:
            return where.thread.thread
        if where.answer_in != where.trigger:
            return where.answer_in
        if self._places.holds_posts(channel_of(where.thread.place)):
            return where.answer_in
        return self._homes.get(where.answer_in, "")

    async def _home(self, where: DeliveryTarget) -> str:
        """Return the channel in which a turn is answered, if no call has to be made for it."""
        home = self._known(where)
        if home or not await self._places.takes_posts(channel_of(where.thread.place)):
            return home
        return self._keep(where, where.answer_in)

    def _keep(self, where: DeliveryTarget, home: str) -> str:
        self._homes[where.answer_in] = home
        if len(self._homes) > _KEPT:
            self._homes.popitem(last=False)
        return home

    async def _start(self, where: DeliveryTarget) -> None:
        await self._api.http.start_thread_with_message(
            int(channel_of(where.thread.place)),
            int(where.trigger),
            name=title(where.asked),
            auto_archive_duration=_MINUTES,
        )


def title(asked: str) -> str:
    """Return a thread's name for what was asked in its first message."""
    line = " ".join(visible(unquoted(asked)).split())
    return (line if len(line) <= _TITLE else f"{line[: _TITLE - 1]}\u2026") or _UNTITLED
