"""What people are called, and where they belong: asked of Slack once, and without a long wait."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from bots.slack.inbound.people import LONGEST
from bots.slack.pace import Rank
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.slack.api import Api
    from core.domain.clock import Clock
    from core.domain.message import Message

log = logging.getLogger(__name__)

_PATIENCE = 0.5
"""Seconds: a message is taken in before Slack gets its acknowledgement, and Slack waits three."""
_KEPT = 10_000
_FRESH = 3600.0
"""Seconds for which a name is kept."""
_RETRY = 60.0
"""Seconds after which a name that Slack did not give is asked for again."""


class Names:
    """Names by user id, kept for an hour."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Start with no names."""
        self._api = api
        self._clock = clock
        self._known: LRUCache[str, tuple[str, float]] = LRUCache(_KEPT)
        """By user: their name, and until when it is good."""
        self._homes: LRUCache[str, frozenset[str]] = LRUCache(_KEPT)
        """By user: their workspace and their organisation, which do not change."""
        self._asking: dict[str, asyncio.Task[str]] = {}
        self._tasks = Tasks("a look-up of a name")

    async def of(self, user: str) -> str:
        """Return a person's name; their id if Slack does not give it in time."""
        name, until = self._known.get(user, ("", 0.0))
        if self._clock.monotonic() < until:
            return name or user
        task = self._asking.get(user)
        if task is None:
            task = self._asking[user] = self._tasks.start(self._ask(user))
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        return (task.result() if done else name) or name or user

    async def home_of(self, user: str) -> frozenset[str]:
        """Return the ids of a person's workspace and organisation.

        Raises `PlatformError` if Slack can't be asked now.
        """
        if user in self._homes:
            return self._homes[user]
        return _home(await self._look_up(user))

    async def named(self, message: Message) -> Message:
        """Return a message with its author's name."""
        name = await self.of(message.author.id)
        return replace(message, author=replace(message.author, name=name))

    async def _ask(self, user: str) -> str:
        try:
            name, fresh = _name(await self._look_up(user)), _FRESH
        except PlatformError as error:
            log.info("a name is not known: %s", error)
            name, fresh = "", _RETRY
        self._known[user] = (name, self._clock.monotonic() + fresh)
        return name

    async def _look_up(self, user: str) -> dict[str, Any]:
        answer = await self._api.call("users.info", repeat=True, rank=Rank.COMMAND, user=user)
        found = dict_of(answer, "user")
        self._homes[user] = _home(found)
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
