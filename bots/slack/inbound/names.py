"""What people, channels and groups are called: asked of Slack, and kept for an hour.

A private channel's name is nobody's but its members', so it is not known here: people who are not
in it see none either.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from bots.slack.faults import LACKING, RefusedError
from bots.slack.inbound.content import ids_of
from bots.slack.inbound.people import LONGEST, id_to_name, is_id
from bots.slack.pace import Rank
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, dicts_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bots.slack.api import Api
    from bots.slack.inbound.events import Me
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds: a message is taken in before Slack gets its acknowledgement, and Slack waits three."""
_PLACE_PATIENCE = 1.0
"""Seconds: a turn waits for the name of its place, while its files are fetched."""
_MEMBERS = 20
"""The most people of a group direct message that are named; Slack allows nine."""
_KEPT = 10_000
_FRESH = 3600.0
"""Seconds for which a name is kept."""
_RETRY = 60.0
"""Seconds after which a name that Slack did not give is asked for again."""
_PRIVATE = "private-channel"
"""What Slack calls a private channel before people who are not in it."""
_GROUPS = "usergroups"
"""The key of the list of all user groups: Slack has no method for a single one."""


class Names:
    """Names by the id of a person, an app, a channel or a user group."""

    def __init__(self, api: Api, clock: Clock, me: Me) -> None:
        """Start with the names of the bot and its workspace."""
        self._api = api
        self._clock = clock
        self._me = me
        self.known: LRUCache[str, str] = LRUCache(_KEPT)
        """By id: what it is called, even if that was long ago."""
        self.known.update({id_: name for id_, name in me.names.items() if id_ and name})
        self._places: LRUCache[str, tuple[str, float]] = LRUCache(_KEPT)
        """By channel: what people call it, and until when that is good."""
        self._until: LRUCache[str, float] = LRUCache(_KEPT)
        """By id: until when it need not be asked for, whether it was answered or not."""
        self.homes: LRUCache[str, frozenset[str]] = LRUCache(_KEPT)
        """By user: their workspaces and their organisation, which do not change."""
        self.people: LRUCache[str, bool] = LRUCache(_KEPT)
        """By user: whether it is a person, and not a bot."""
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._tasks = Tasks("a look-up of a name")

    async def of(self, id_: str) -> str:
        """Return a name; the id if Slack does not give it in time."""
        await self.learn([id_])
        return self.known.get(id_, id_)

    async def home_of(self, user: str) -> frozenset[str]:
        """Return the ids of a person's workspaces and organisation.

        Raises `PlatformError` if Slack can't be asked now.
        """
        if user in self.homes:
            return self.homes[user]
        return _home(await self._look_up(user))

    async def place(self, channel: str) -> str:
        """Return what the people in a conversation call it; empty if that is not known in time."""
        name, until = self._places.get(channel, ("", 0.0))
        if self._clock.monotonic() < until:
            return name
        try:
            async with asyncio.timeout(_PLACE_PATIENCE):
                name, fresh = await self._find_place(channel), _FRESH
        except (PlatformError, TimeoutError) as error:
            log.info("a place's name is not known: %s", type(error).__name__)
            fresh = _RETRY
        self._places[channel] = (name, self._clock.monotonic() + fresh)
        return name

    async def meet(self, user: str, patience: float | None = None) -> None:
        """Find out what `homes` and `people` say of a user; nothing if Slack won't say.

        Raises `PlatformError` if Slack can't be asked now, or in `patience` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                await self._look_up(user)
        except RefusedError as refused:
            log.info("a user is taken for a bot or a stranger: %s", refused)
            self.homes[user], self.people[user] = frozenset(), False
        except TimeoutError:
            raise PlatformError("Slack does not say in time who a user is") from None

    def unknown(self, messages: Iterable[Mapping[str, Any]]) -> set[str]:
        """Return the ids in messages of Slack's whose names are not known, authors included."""
        now, until = self._clock.monotonic(), self._until
        wanted: set[str] = set()
        for message in messages:
            author = id_to_name(message)
            if author and until.get(author, 0.0) <= now:
                wanted.add(author)
            wanted.update(id_ for id_ in ids_of(message) if until.get(_key(id_), 0.0) <= now)
        return wanted

    def ask(self, ids: Iterable[str]) -> set[asyncio.Task[None]]:
        """Ask Slack for names, and return what to wait for; what is being asked is not asked."""
        return {self._asked(_key(id_)) for id_ in ids if is_id(id_)}

    async def learn(self, ids: Iterable[str]) -> None:
        """Ask for names that are not known, and wait half a second for them at most."""
        now = self._clock.monotonic()
        if tasks := self.ask(id_ for id_ in ids if self._until.get(_key(id_), 0.0) <= now):
            await asyncio.wait(tasks, timeout=PATIENCE)

    async def close(self) -> None:
        """Ask for nothing more."""
        await self._tasks.close()

    def _asked(self, key: str) -> asyncio.Task[None]:
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = self._tasks.start(self._ask(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask(self, id_: str) -> None:
        fresh = _FRESH
        try:
            await self._find(id_)
        except PlatformError as error:
            log.info("a name is not known: %s", error)
            lacking = isinstance(error, RefusedError) and error.code in LACKING
            fresh = _FRESH if lacking else _RETRY
        self._until[id_] = self._clock.monotonic() + fresh

    async def _find(self, id_: str) -> None:
        if id_ == _GROUPS:
            await self._find_groups()
        elif id_.startswith(("C", "G", "D")):
            await self._find_channel(id_)
        elif id_.startswith("B"):
            answer = await self._api.call("bots.info", repeat=True, rank=Rank.COMMAND, bot=id_)
            self._learned(id_, str_of(dict_of(answer, "bot"), "name"))
        else:
            self._learned(id_, _name(await self._look_up(id_)))

    async def _find_channel(self, id_: str) -> None:
        channel = await self._channel(id_)
        private = channel.get("is_private") is True
        self._learned(id_, _PRIVATE if private else str_of(channel, "name"))

    async def _find_place(self, id_: str) -> str:
        channel = await self._channel(id_)
        if id_.startswith("D") or channel.get("is_im") is True:
            return f"a direct message with {await self.of(str_of(channel, 'user'))}"
        if channel.get("is_mpim") is not True:
            return f"#{str_of(channel, 'name')[:LONGEST]}" if str_of(channel, "name") else ""
        answer = await self._api.call(
            "conversations.members", repeat=True, rank=Rank.COMMAND, channel=id_, limit=_MEMBERS
        )
        given = answer.get("members")
        members = given if isinstance(given, list) else []
        others = [each for each in members if isinstance(each, str) and each != self._me.user]
        await self.learn(others)
        people = [self.known.get(each, each) for each in others]
        return f"a group direct message with {', '.join(people)}" if people else ""

    async def _channel(self, id_: str) -> dict[str, Any]:
        answer = await self._api.call(
            "conversations.info", repeat=True, rank=Rank.COMMAND, channel=id_
        )
        return dict_of(answer, "channel")

    async def _find_groups(self) -> None:
        answer = await self._api.call("usergroups.list", repeat=True, rank=Rank.COMMAND)
        for group in dicts_of(answer, "usergroups"):
            self._learned(str_of(group, "id"), str_of(group, "handle") or str_of(group, "name"))

    async def _look_up(self, user: str) -> dict[str, Any]:
        answer = await self._api.call("users.info", repeat=True, rank=Rank.COMMAND, user=user)
        found = dict_of(answer, "user")
        self.homes[user] = _home(found)
        self.people[user] = _is_person(found)
        return found

    def _learned(self, id_: str, name: str) -> None:
        if id_ and name:
            self.known[id_] = name[:LONGEST]
            self._until[id_] = self._clock.monotonic() + _FRESH


def _key(id_: str) -> str:
    return _GROUPS if id_.startswith("S") else id_


def _home(user: dict[str, Any]) -> frozenset[str]:
    # In an organisation, `team_id` may be missing (looker/lookerbot, issue 184).
    above = dict_of(user, "enterprise_user")
    found = {str_of(user, "team_id"), str_of(user, "enterprise_id"), str_of(above, "enterprise_id")}
    for part in (user, above):
        teams = part.get("teams")
        found.update(filter(None, map(str, teams if isinstance(teams, list) else ())))
    return frozenset(found - {""})


def _is_person(user: Mapping[str, Any]) -> bool:
    bots = ("is_bot", "is_workflow_bot", "is_connector_bot")
    return bool(str_of(user, "id")) and not any(user.get(kind) for kind in bots)


def _name(user: Mapping[str, Any]) -> str:
    names = dict_of(user, "profile")
    found = (
        str_of(names, "display_name"),
        str_of(names, "real_name"),
        str_of(user, "real_name"),
        str_of(user, "name"),
    )
    return next(filter(None, found), "")
