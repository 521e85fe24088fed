"""What people are called on a server, and their roles: known from what they say, else asked for.

Messages that come through the gateway bring both; those that are read from history bring neither.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.discord.inbound.people import name_of, roles_of
from core.domain.errors import PlatformError
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bots.discord.api import Api
    from core.domain.clock import Clock

log = logging.getLogger(__name__)

_KEPT = 10_000
_FRESH = 3600.0
_PATIENCE = 1.0
"""Seconds: a name is not worth a longer wait."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on one server."""

    name: str
    roles: tuple[str, ...] = ()


class Names:
    """People by server and id, for an hour."""

    def __init__(self, api: Api, clock: Clock) -> None:
        """Know nobody yet."""
        self._api = api
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[Member, float]] = OrderedDict()

    async def of(self, payload: Mapping[str, Any], guild: str) -> Member:
        """Return who has said something, as a member of the server that it was said on."""
        user = dict_of(payload, "author")
        name = name_of(user, dict_of(payload, "member"))
        roles = roles_of(payload)
        if not guild:
            return Member(name)
        key = (guild, str_of(user, "id"))
        if roles is not None:
            return self._keep(key, Member(name, roles))
        member, until = self._known.get(key, (None, 0.0))
        if member is None or until < self._clock.monotonic():
            return await self._ask(key, Member(name))
        return member

    async def _ask(self, key: tuple[str, str], otherwise: Member) -> Member:
        guild, user = key
        try:
            found: object = await self._api.call(
                "look at a member",
                lambda: self._api.http.get_member(int(guild), int(user)),
                seconds=_PATIENCE,
            )
        except PlatformError as error:
            log.info("a member is not known: %s", error)
            return otherwise  # has left, perhaps
        if not isinstance(found, dict):
            return otherwise
        roles = roles_of({"member": found}) or ()
        return self._keep(key, Member(name_of(dict_of(found, "user"), found), roles))

    def _keep(self, key: tuple[str, str], member: Member) -> Member:
        self._known.pop(key, None)
        self._known[key] = (member, self._clock.monotonic() + _FRESH)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return member
