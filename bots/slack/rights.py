"""How a person stands to a thread on Slack, asked of Slack and the store at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.api import RefusedError
from bots.slack.events import NAME, channel_of, place_of
from core.access import Standing
from core.message import Kind, ThreadKey

if TYPE_CHECKING:
    from bots.slack.api import Api
    from bots.slack.events import Me
    from core.commands import Commands
    from core.settings import Settings
    from core.store.port import Store
    from core.store.values import ThreadInfo

_PRIVATE = {Kind.DM, Kind.GROUP}
_PAGE = 1000
_PAGES = 100
_PATIENCE = 30.0
_RECENT = 50
"""Threads whose channels are asked for, so that a list is there soon."""


class Rights:
    """Asks who is where, and who is an admin."""

    def __init__(
        self, api: Api, me: Me, store: Store, commands: Commands, settings: Settings
    ) -> None:
        """Ask as `me`; the settings name the admins."""
        self._api = api
        self._me = me
        self._store = store
        self._commands = commands
        self._admins = {name.strip() for name in settings.slack_admins.split(",")}

    @property
    def one_dm(self) -> bool:
        """Tell whether a DM is one conversation, so that a command there needs no choice."""
        return self._me.dm_scope == "user"

    def thread_at(self, channel: str, root: str) -> ThreadKey:
        """Return the thread of a message: its channel, and the root it stands under."""
        whole = channel.startswith("D") and self._me.dm_scope == "user"
        return ThreadKey(NAME, place_of(channel, self._me), channel if whole or not root else root)

    async def standing(self, user: str, thread: ThreadKey) -> Standing:
        """Return how somebody stands to a thread now."""
        channel = channel_of(thread.place)
        if thread.platform != NAME or thread.place != place_of(channel, self._me):
            return Standing(took_part=False, can_see=False)  # of another workspace
        work = await self._store.peek(thread)
        kind = work.kind if work is not None else None
        return Standing(
            took_part=await self.took_part(user, thread),
            can_see=await self.can_see(user, channel),
            admin=await self.is_admin(user),
            private=kind in _PRIVATE or channel.startswith("D"),
            people=work.people if work is not None else 0,
        )

    async def took_part(self, user: str, thread: ThreadKey) -> bool:
        """Tell whether somebody said something in a thread, as far as that is kept."""
        infos = await self._commands.threads_of(NAME, user)
        return any(info.thread == thread for info in infos)

    async def can_see(self, user: str, channel: str) -> bool:
        """Tell whether somebody is in a channel now."""
        cursor: str | None = None
        for _ in range(_PAGES):
            try:
                answer = await self._api.call(
                    "conversations.members",
                    repeat=True,
                    patience=_PATIENCE,
                    channel=channel,
                    limit=_PAGE,
                    cursor=cursor,
                )
            except RefusedError:  # we are not in it any more, or it is gone: nobody can tell
                return False
            if user in (answer.get("members") or ()):
                return True
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return False

    async def is_admin(self, user: str) -> bool:
        """Tell whether somebody is an admin, by the settings or in the workspace."""
        if user in self._admins:
            return True
        if "workspace" not in self._admins:
            return False
        found = (await self._api.call("users.info", repeat=True, user=user)).get("user") or {}
        ours = found.get("team_id", self._me.team) in {self._me.team, self._me.enterprise}
        return ours and bool(found.get("is_admin") or found.get("is_owner"))

    async def threads(self, user: str, limit: int = 10) -> list[ThreadInfo]:
        """Return the threads that somebody took part in and still sees, the latest first."""
        seen: dict[str, bool] = {}
        found: list[ThreadInfo] = []
        for info in (await self._commands.threads_of(NAME, user))[:_RECENT]:
            channel = channel_of(info.thread.place)
            if info.thread.place != place_of(channel, self._me):
                continue
            if channel not in seen:
                seen[channel] = await self.can_see(user, channel)
            if seen[channel]:
                found.append(info)
            if len(found) == limit:
                break
        return found
