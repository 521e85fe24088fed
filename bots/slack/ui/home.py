"""App Home: what the bot remembers and reads, its settings, and a person's threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.settings import privacy
from bots.settings.settings import DAY
from bots.slack.ui import views
from core.domain.admission import FollowUp
from core.domain.errors import DeniedError
from core.domain.message import Kind

if TYPE_CHECKING:
    from bots.settings.settings import Settings
    from bots.slack.api import Api
    from core.commands.authorized import AuthorizedCommands
    from core.domain.clock import Clock

_FOLLOWS = {
    FollowUp.ALWAYS: "In a thread I take part in, I answer all messages that mention no one else.",
    FollowUp.ALONE: (
        "In a thread I take part in, I answer without a mention while only one person talks."
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
        self, api: Api, authorized: AuthorizedCommands, clock: Clock, settings: Settings
    ) -> None:
        """List threads by `authorized`, and explain these settings."""
        self._api = api
        self._authorized = authorized
        self._clock = clock
        self._settings = settings

    @staticmethod
    async def is_home(event: dict[str, Any]) -> bool:
        """Return whether the home tab was opened, not the messages tab."""
        return event.get("tab") == "home"

    async def show(self, user: str) -> None:
        """Fill a person's home tab."""
        try:
            await self._authorized.admit(user, views.NOWHERE)
        except DeniedError as denied:
            view = views.shut(str(denied))
        else:
            infos = await self._authorized.threads(user, limit=views.LISTED)
            overhears, setup = self._settings.overhear, setup_lines(self._settings)
            view = views.home(infos, self._clock.now(), overhears=overhears, setup=setup)
        await self._api.call("views.publish", repeat=True, user_id=user, view=view)

    def privacy(self) -> dict[str, Any]:
        """Return the modal with the privacy page."""
        return views.words("Privacy", privacy.lines(self._settings, "slack"))

    async def choice(self, user: str, command: str, text: str = "") -> dict[str, Any]:
        """Return the modal in which a person chooses one of their threads for a command."""
        infos = await self._authorized.threads(user, limit=views.LISTED)
        return views.choose(command, infos, self._clock.now(), text)


def setup_lines(settings: Settings) -> list[str]:
    """Return sentences on the settings that matter to people who talk to the bot."""
    days = settings.ttl(Kind.THREAD) / DAY
    here, alone = settings.strategy(Kind.THREAD), settings.strategy(Kind.DM)
    bots = "answer" if settings.slack_allow_bots else "don't answer"
    strangers = "answer" if settings.slack_allow_strangers else "don't answer"
    return [
        _FOLLOWS[settings.follow_up],
        _DMS[settings.slack_dm_scope],
        f"Memory: {here} in threads, {alone} in direct messages.",
        f"A conversation in a thread ends after {days:g} days without messages.",
        f"I {bots} other bots, and I {strangers} people of other organisations.",
        "The person who runs me can change this.",
    ]
