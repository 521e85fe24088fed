"""App Home: what the bot remembers and overhears, a person's threads, and their export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.settings.settings import DAY
from bots.slack.inbound.events import NAME
from bots.slack.ui import views
from core.domain.admission import FollowUp
from core.domain.errors import DeniedError
from core.domain.message import Kind, ThreadKey

if TYPE_CHECKING:
    from bots.settings.settings import Settings
    from bots.slack.api import Api
    from core.commands.authorized import AuthorizedCommands
    from core.domain.clock import Clock

_NOWHERE = ThreadKey(NAME, "home", "home")
"""The home tab is in no channel."""
_FOLLOWS = {
    FollowUp.ALWAYS: "In a thread where I take part I answer whatever names nobody else.",
    FollowUp.ALONE: (
        "In a thread where I take part I answer without a mention while only one person talks."
    ),
    FollowUp.MENTIONED: "I answer only when I am mentioned.",
}
_DMS = {
    "user": "All your direct messages to me are one conversation.",
    "thread": "Each thread of your direct messages to me is a conversation of its own.",
}


class Home:
    """Fills people's home tabs, and lets them choose one of their threads."""

    def __init__(
        self, api: Api, desk: AuthorizedCommands, clock: Clock, settings: Settings
    ) -> None:
        """Tell people of these settings."""
        self._api = api
        self._desk = desk
        self._clock = clock
        self._settings = settings

    @staticmethod
    async def is_home(event: dict[str, Any]) -> bool:
        """Tell whether it is the home tab that was opened, rather than the messages."""
        return event.get("tab") == "home"

    async def show(self, user: str) -> None:
        """Fill somebody's home tab with how things are now."""
        try:
            await self._desk.admit(user, _NOWHERE)
        except DeniedError as denied:
            view = views.shut(str(denied))
        else:
            infos = await self._desk.threads(user, limit=views.LISTED)
            overhears, setup = self._settings.overhear, setup_lines(self._settings)
            view = views.home(infos, self._clock.now(), overhears=overhears, setup=setup)
        await self._api.call("views.publish", repeat=True, user_id=user, view=view)

    async def chosen(self, user: str, command: str) -> dict[str, Any]:
        """Return the modal in which somebody chooses one of their threads for a command."""
        infos = await self._desk.threads(user, limit=views.LISTED)
        return views.choose(command, infos, self._clock.now())


def setup_lines(settings: Settings) -> list[str]:
    """Return in words how the bot is set up, as far as it concerns who talks to it."""
    days = settings.ttl(Kind.THREAD) / DAY
    here, alone = settings.strategy(Kind.THREAD), settings.strategy(Kind.DM)
    bots = "are" if settings.slack_allow_bots else "are not"
    strangers = "are" if settings.slack_allow_strangers else "are not"
    return [
        _FOLLOWS[settings.follow_up],
        _DMS[settings.slack_dm_scope],
        f"Memory: {here} in threads, {alone} in direct messages.",
        f"A thread's conversation ends after {days:g} days of silence.",
        f"Other bots {bots} answered; people of other organisations {strangers}.",
        "Whoever runs me can change this.",
    ]
