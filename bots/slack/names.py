"""What people are called: asked of Slack once, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.slack.people import LONGEST
from core.errors import PlatformError
from core.fields import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.api import Api
    from core.clock import Clock
    from core.message import Message

log = logging.getLogger(__name__)

_PATIENCE = 0.5
"""Seconds: a message is taken in before Slack gets its answer, and Slack waits for three."""
_KEPT = 10_000
_FRESH = 3600.0
_AGAIN = 60.0


class Names:
    """Names by user id, for an hour."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Know nobody yet."""
        self._api = api
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[str]] = {}

    async def of(self, user: str) -> str:
        """Return what a person is called; their id where Slack does not say it in time."""
        name, until = self._known.get(user, ("", 0.0))
        if self._clock.monotonic() < until:
            return name or user
        task = self._asking.get(user)
        if task is None:
            task = self._asking[user] = asyncio.create_task(self._ask(user))
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        return (task.result() if done else name) or name or user

    async def named(self, message: Message) -> Message:
        """Return a message with its author's name."""
        name = await self.of(message.author.id)
        return replace(message, author=replace(message.author, name=name))

    async def _ask(self, user: str) -> str:
        try:
            answer = await self._api.call("users.info", repeat=True, user=user)
        except PlatformError as error:
            log.info("a name is not known: %s", error)
            name, fresh = "", _AGAIN
        else:
            name, fresh = _name(dict_of(answer, "user")), _FRESH
        self._known[user] = (name, self._clock.monotonic() + fresh)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return name


def _name(user: Mapping[str, Any]) -> str:
    names = dict_of(user, "profile")
    found = (
        str_of(names, "display_name"),
        str_of(names, "real_name"),
        str_of(user, "real_name"),
        str_of(user, "name"),
    )
    return next(filter(None, found), "")[:LONGEST]
