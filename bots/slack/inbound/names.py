"""What people are called and whose they are: asked of Slack once, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.people import LONGEST
from bots.slack.pace import Rank
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.api import Api
    from core.domain.clock import Clock
    from core.domain.message import Message

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
        self._homes: OrderedDict[str, frozenset[str]] = OrderedDict()
        """By user: their workspace and their organisation, which stay what they are."""
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

    async def home_of(self, user: str) -> frozenset[str]:
        """Return the ids of a person's workspace and organisation.

        Raises `PlatformError` where Slack can't be asked now.
        """
        if user in self._homes:
            return self._homes[user]
        return _home(await self._look(user))

    async def named(self, message: Message) -> Message:
        """Return a message with its author's name."""
        name = await self.of(message.author.id)
        return replace(message, author=replace(message.author, name=name))

    async def _ask(self, user: str) -> str:
        try:
            name, fresh = _name(await self._look(user)), _FRESH
        except PlatformError as error:
            log.info("a name is not known: %s", error)
            name, fresh = "", _AGAIN
        self._known[user] = (name, self._clock.monotonic() + fresh)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return name

    async def _look(self, user: str) -> dict[str, Any]:
        answer = await self._api.call("users.info", repeat=True, rank=Rank.COMMAND, user=user)
        found = dict_of(answer, "user")
        self._homes[user] = _home(found)
        if len(self._homes) > _KEPT:
            self._homes.popitem(last=False)
        return found


def _home(user: dict[str, Any]) -> frozenset[str]:
    above = dict_of(user, "enterprise_user")
    return frozenset({str_of(user, "team_id"), str_of(above, "enterprise_id")} - {""})


def _name(user: Mapping[str, Any]) -> str:
    names = dict_of(user, "profile")
    found = (
        str_of(names, "display_name"),
        str_of(names, "real_name"),
        str_of(user, "real_name"),
        str_of(user, "name"),
    )
    return next(filter(None, found), "")[:LONGEST]
