"""Whom the bot listens to, by the lists of the settings. Pure.

What is denied anywhere is denied. A list of what is allowed leaves out all that is not on it;
people and roles are one such list. In a direct message there is no server that would tell a
person's roles, so there only people count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bots.settings.discord import ids

if TYPE_CHECKING:
    from collections.abc import Collection

    from bots.discord.inbound.events import Spot
    from bots.settings.discord import DiscordSettings

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowLists:
    """Ids that are allowed, and ids that are denied. An empty list of allowed ones allows all."""

    allowed: frozenset[str] = _NOBODY
    denied: frozenset[str] = _NOBODY

    def refuse(self, found: Collection[str]) -> bool:
        """Tell whether something with these ids is refused."""
        here = set(found)
        return bool(here & self.denied) or bool(self.allowed and not here & self.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The lists of all kinds."""

    guilds: AllowLists = AllowLists()
    channels: AllowLists = AllowLists()
    roles: AllowLists = AllowLists()
    users: AllowLists = AllowLists()
    dms: bool = True

    @classmethod
    def of(cls, settings: DiscordSettings) -> Self:
        """Return the rules of the settings."""

        def lists(kind: str) -> AllowLists:
            return AllowLists(
                allowed=ids(getattr(settings, f"discord_allow_{kind}")),
                denied=ids(getattr(settings, f"discord_deny_{kind}")),
            )

        return cls(
            guilds=lists("guilds"),
            channels=lists("channels"),
            roles=lists("roles"),
            users=lists("users"),
            dms=settings.discord_dms,
        )

    def allow(self, spot: Spot, user: str, roles: Collection[str]) -> bool:
        """Tell whether the bot listens to a person with these roles in this place."""
        if user in self.users.denied or set(roles) & self.roles.denied:
            return False
        people = self.users.allowed | self.roles.allowed
        if people and not people & {user, *roles}:
            return False
        if not spot.guild:
            return self.dms
        around = filter(None, (spot.channel, spot.parent, spot.category))
        return not self.guilds.refuse((spot.guild,)) and not self.channels.refuse([*around])


EVERYBODY = Audience()
"""No list at all: the bot listens to everybody, everywhere."""
