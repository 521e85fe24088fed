"""Who is where and who is an admin, asked of Slack now; implements `core.desk.Directory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.api import RefusedError
from bots.slack.events import NAME, channel_of, place_of, thread_at
from core.fields import dict_of, str_of

if TYPE_CHECKING:
    from bots.slack.api import Api
    from bots.slack.events import Me
    from bots.slack.names import Names
    from core.message import ThreadKey

_PAGE = 1000
_PAGES = 100
_PATIENCE = 30.0


class SlackDirectory:
    """One workspace's people and channels."""

    name = NAME

    def __init__(self, api: Api, me: Me, names: Names, admins: str) -> None:
        """Ask as `me`; `admins` are user ids, and `workspace` for its admins, between commas."""
        self._api = api
        self._me = me
        self._names = names
        self._admins = {name.strip() for name in admins.split(",")}

    # --- threads --------------------------------------------------------------------------------

    @property
    def one_dm(self) -> bool:
        """Tell whether a DM is one conversation, so that a command there needs no choice."""
        return self._me.dm_scope == "user"

    def thread_at(self, channel: str, root: str) -> ThreadKey:
        """Return the thread of a message: its channel, and the root it stands under."""
        return thread_at(channel, root, self._me)

    def is_ours(self, thread: ThreadKey) -> bool:
        """Tell whether a thread is of this workspace."""
        return thread.place == place_of(channel_of(thread.place), self._me)

    def is_private(self, thread: ThreadKey) -> bool:
        """Tell whether it is a direct message; one of several people is known by its kind."""
        return channel_of(thread.place).startswith("D")

    def circle(self, thread: ThreadKey) -> str:
        """Return one name for all: the bot is in one workspace."""
        del thread
        return NAME

    def scope(self, thread: ThreadKey) -> str:
        """Return what sight depends on: the channel."""
        return thread.place

    # --- people ---------------------------------------------------------------------------------

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody is in a thread's channel now."""
        cursor: str | None = None
        for _ in range(_PAGES):
            try:
                answer = await self._api.call(
                    "conversations.members",
                    repeat=True,
                    patience=_PATIENCE,
                    channel=channel_of(thread.place),
                    limit=_PAGE,
                    cursor=cursor,
                )
            except RefusedError:  # we are not in it any more, or it is gone: nobody can tell
                return False
            members = answer.get("members")
            if isinstance(members, list) and person in members:
                return True
            cursor = str_of(dict_of(answer, "response_metadata"), "next_cursor")
            if not cursor:
                break
        return False

    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody is an admin, by the settings or in the workspace."""
        del thread  # of all its channels
        if person in self._admins:
            return True
        if "workspace" not in self._admins:
            return False
        found = dict_of(await self._api.call("users.info", repeat=True, user=person), "user")
        ours = found.get("team_id", self._me.team) in (self._me.team, self._me.enterprise)
        return ours and (found.get("is_admin") is True or found.get("is_owner") is True)

    async def name_of(self, person: str, thread: ThreadKey) -> str:
        """Return what somebody is called."""
        del thread  # the same in all channels
        return await self._names.of(person)
