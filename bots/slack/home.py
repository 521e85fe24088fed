"""App Home: what the bot remembers and overhears, a person's threads, and their export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bots.slack import views

if TYPE_CHECKING:
    from bots.slack.api import Api
    from core.clock import Clock
    from core.desk import Desk


class Home:
    """Fills people's home tabs, and lets them choose one of their threads."""

    def __init__(self, api: Api, desk: Desk, clock: Clock, *, overhears: bool) -> None:
        """Say whether the bot `overhears`."""
        self._api = api
        self._desk = desk
        self._clock = clock
        self._overhears = overhears

    @staticmethod
    async def is_home(event: dict[str, Any]) -> bool:
        """Tell whether it is the home tab that was opened, rather than the messages."""
        return event.get("tab") == "home"

    async def show(self, user: str) -> None:
        """Fill somebody's home tab with how things are now."""
        infos = await self._desk.threads(user)
        view = views.home(infos, self._clock.now(), overhears=self._overhears)
        await self._api.call("views.publish", repeat=True, user_id=user, view=view)

    async def chosen(self, user: str, command: str) -> dict[str, Any]:
        """Return the modal in which somebody chooses one of their threads for a command."""
        return views.choose(command, await self._desk.threads(user), self._clock.now())
