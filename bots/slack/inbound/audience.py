"""To whom the bot listens: the people of its organisation, and others where a setting says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bots.slack.inbound.events import Me
    from bots.slack.inbound.names import Names


class Audience:
    """The one question for every way in, by what Slack says of a person.

    What an event says of who sent it is looked at first (`people.is_stranger`): it costs no call.
    """

    def __init__(self, names: Names, me: Me, *, strangers: bool) -> None:
        """Listen to all where `strangers` is set."""
        self._names = names
        self._home = {me.team, me.enterprise} - {""}
        self._strangers = strangers

    async def is_ours(self, person: str) -> bool:
        """Tell whether a person is of this organisation; raises `PlatformError`."""
        return not self._home.isdisjoint(await self._names.home_of(person))

    async def listens_to(self, person: str) -> bool:
        """Tell whether a person may talk to the bot; raises `PlatformError`."""
        return self._strangers or await self.is_ours(person)
