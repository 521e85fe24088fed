"""What people are called on a server, and their roles: as they were last seen, else looked up.

Messages that come over the gateway state both; those read from history state neither.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cachetools import TTLCache

from bots.discord.ids import is_id
from bots.discord.inbound.people import is_app, name_of, roles_of
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bots.discord.api import Api
    from core.domain.clock import Clock

    Key: TypeAlias = tuple[str, str]

log = logging.getLogger(__name__)

_KEPT = 10_000
_SECONDS = 3600.0
"""Seconds for which a name and roles are taken to be up to date."""
_SOON = 60.0
"""Seconds for which nobody is looked up a second time in vain."""
_FEW, _MANY = 5, 20
"""The most names that are looked up for one message, and for a page of messages."""
_PATIENCE = 1.0
"""Seconds: a name is not worth a longer wait."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person on one server."""

    name: str
    roles: tuple[str, ...] = ()


class Names:
    """Members by server and id, cached for an hour."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Start with an empty cache."""
        self._api = api
        self._known: TTLCache[Key, Member] = TTLCache(_KEPT, _SECONDS, clock.monotonic)
        self._strangers: TTLCache[Key, bool] = TTLCache(_KEPT, _SOON, clock.monotonic)
        """Ids that were looked up in vain, lately."""

    async def of(self, payload: Mapping[str, Any], guild: str) -> Member:
        """Return a message's author as a member of its server; `guild` is empty for a DM."""
        user = dict_of(payload, "author")
        name = name_of(user, dict_of(payload, "member"))
        key, roles = (guild, str_of(user, "id")), roles_of(payload)
        if not guild or is_id(payload.get("webhook_id")):  # a webhook is no member
            return Member(name, roles or ())
        if roles is not None:
            member = self._known[key] = Member(name, roles)
            return member
        if key in self._strangers:
            return Member(name)
        return self._known.get(key) or await self._look_up(key, Member(name))

    def known(self, guild: str, ids: Collection[str]) -> dict[str, str]:
        """Return the names of those of these people who were seen on a server lately."""
        found = {id_: self._known.get((guild, id_)) for id_ in ids}
        return {id_: member.name for id_, member in found.items() if member is not None}

    async def learn(self, guild: str, ids: Collection[str], most: int = _FEW) -> None:
        """Look up people on a server, so many at most; others stay unknown."""
        keys = [(guild, id_) for id_ in dict.fromkeys(ids)]
        wanted = [k for k in keys if k not in self._known and k not in self._strangers][:most]
        if wanted:
            await asyncio.gather(*(self._look_up(key, Member("")) for key in wanted))

    async def learn_authors(self, guild: str, payloads: Sequence[Mapping[str, Any]]) -> None:
        """Look up the authors of messages from history, all at once."""
        people = [dict_of(each, "author") for each in payloads if not is_app(each)]
        if guild and people:
            await self.learn(guild, [str_of(each, "id") for each in people], _MANY)

    async def _look_up(self, key: Key, otherwise: Member) -> Member:
        guild, user = key
        try:
            found: object = await self._api.call(
                "look up a member",
                lambda: self._api.http.get_member(int(guild), int(user)),
                seconds=_PATIENCE,
            )
        except PlatformError as error:
            log.info("a member can't be looked up: %s", error)
            found = None  # they may have left
        if not isinstance(found, dict):
            self._strangers[key] = True
            return otherwise
        roles = roles_of({"member": found}) or ()
        member = self._known[key] = Member(name_of(dict_of(found, "user"), found), roles)
        return member
