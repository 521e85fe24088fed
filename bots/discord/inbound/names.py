"""What people are called on a server, and their roles: as they were last seen, else looked up.

Messages that come over the gateway state both; those read from history state neither.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cachetools import TTLCache

from bots.discord.inbound.people import name_of, roles_of
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from core.domain.clock import Clock

    Key: TypeAlias = tuple[str, str]

log = logging.getLogger(__name__)

_KEPT = 10_000
_SECONDS = 3600.0
"""Seconds for which a name and roles are taken to be up to date."""
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

    async def of(self, payload: Mapping[str, Any], guild: str) -> Member:
        """Return a message's author as a member of its server; `guild` is empty for a DM."""
        user = dict_of(payload, "author")
        name = name_of(user, dict_of(payload, "member"))
        if not guild:
            return Member(name)
        key, roles = (guild, str_of(user, "id")), roles_of(payload)
        if roles is not None:
            member = self._known[key] = Member(name, roles)
            return member
        return self._known.get(key) or await self._look_up(key, Member(name))

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
            return otherwise  # they may have left
        if not isinstance(found, dict):
            return otherwise
        roles = roles_of({"member": found}) or ()
        member = self._known[key] = Member(name_of(dict_of(found, "user"), found), roles)
        return member
