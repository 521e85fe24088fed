"""discord.py's state, as the bot uses it: it knows servers, and hands on what people say.

Its own objects would be made for each message, and made into what the bot keeps again; and each
field that one of them needs could be missing.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import discord
from discord.state import AutoShardedConnectionState

from bots.discord.connection.frames import Watch
from bots.discord.ids import is_id
from core.domain.errors import broke
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from discord.gateway import DiscordWebSocket

    Payload: TypeAlias = Mapping[str, object]

log = logging.getLogger(__name__)


class EventListener(Protocol):
    """Who is told of what the gateway says. None of it may raise."""

    def said(self, payload: dict[str, Any]) -> None:
        """A person has said something."""

    def edited(self, payload: dict[str, Any]) -> None:
        """A message has changed, or Discord has added something to it."""

    def deleted(self, messages: list[str], channel: str, guild: str) -> None:
        """Messages are gone."""

    def came_back(self, thread: dict[str, Any]) -> None:
        """A thread that nobody here knew of is there, perhaps out of the archive."""

    def retitled(self, thread: str, guild: str) -> None:
        """A thread has another title, or other tags."""

    def connected(self) -> None:
        """A session has begun: what was said before it was not heard."""

    def ready(self) -> None:
        """The session that has begun knows its servers."""


class State(AutoShardedConnectionState[Any]):
    """Its parsers raise where an event can't be understood, which leaves it out (see `frames`)."""

    ears: Callable[[], EventListener]
    unread: Callable[[dict[str, Any]], None]
    """Tells a person that what they pressed or typed can't be read."""

    def _update_references(self, ws: DiscordWebSocket) -> None:
        """Watch a new connection: discord.py shows each of them here before it hears anything."""
        super()._update_references(ws)
        began: Callable[..., None] = partial(self._began, ws)
        parsers = {**self.parsers, "READY": began}
        ws._discord_parsers = parsers  # noqa: SLF001 - it has no other place
        Watch(ws)

    def _began(self, ws: DiscordWebSocket, data: Payload) -> None:
        """Begin a session: whose it is, and on which shard, was known before."""
        known: Any = {
            **data,
            "shard": [ws.shard_id, ws.shard_count],
            "user": {**_as_known(self.user), **dict_of(data, "user")},
            "guilds": [each for each in dicts_of(data, "guilds") if is_id(each.get("id"))],
        }
        self.parse_ready(known)

    # --- what people say ------------------------------------------------------------------------

    def parse_message_create(self, data: Payload) -> None:
        """Hand on a message that was created; the bot is told of its own as well."""
        _id_in(data, "channel_id")
        if _id_in(dict_of(data, "author"), "id") != str(self.self_id):
            self.ears().said({**data})

    def parse_message_update(self, data: Payload) -> None:
        """Hand on a change."""
        _id_in(data, "channel_id")
        self.ears().edited({**data})

    def parse_message_delete(self, data: Payload) -> None:
        """Hand on a deletion."""
        self._gone([_id_in(data, "id")], data)

    def parse_message_delete_bulk(self, data: Payload) -> None:
        """Hand on a deletion of many."""
        found = data["ids"]
        self._gone(sorted(filter(is_id, found)) if isinstance(found, list) else [], data)

    def _gone(self, messages: list[str], data: Payload) -> None:
        self.ears().deleted(messages, _id_in(data, "channel_id"), str_of(data, "guild_id"))

    def parse_interaction_create(self, data: Payload) -> None:
        """Let a command or a button be taken; a person who used one that can't be read hears so."""
        event: Any = data
        try:
            super().parse_interaction_create(event)
        except Exception:
            self.unread({**data})
            raise

    def parse_user_update(self, data: Payload) -> None:
        """Know the bot by another name; who it is does not change."""
        event: Any = {**_as_known(self.user), **data}
        if event.get("id") == str(self.self_id):
            super().parse_user_update(event)

    # --- servers and threads --------------------------------------------------------------------

    def parse_guild_create(self, data: Payload) -> None:
        """Know a server, without those of its parts that can't be read."""
        event: Any = data
        try:
            super().parse_guild_create(event)
        except Exception as error:  # noqa: BLE001 - the rest of it is still of use
            log.error("a part of a server is left out: %s", broke(error))  # noqa: TRY400 - no text
            event = self._readable(data)
            super().parse_guild_create(event)

    def parse_thread_update(self, data: Payload) -> None:
        """Hand on that a thread is there that was not known."""
        guild = self._get_guild(int(_id_in(data, "guild_id")))
        if guild is not None and guild.get_thread(int(_id_in(data, "id"))) is None:
            self.ears().came_back({**data})
        event: Any = data
        super().parse_thread_update(event)

    def _readable(self, data: Payload) -> dict[str, Any]:
        """Return a server with those of its channels, threads, roles and so on that can be read."""
        lists = {name: value for name, value in data.items() if isinstance(value, list)}
        bare: dict[str, Any] = {**data, **{name: [] for name in lists}}

        def is_readable(name: str, part: object) -> bool:
            found: Any = {**bare, name: [part]}
            try:
                discord.Guild(data=found, state=self)
            except Exception:  # noqa: BLE001 - whatever it is, it is this part's
                return False
            return True

        parts = {
            name: [part for part in value if is_readable(name, part)]
            for name, value in lists.items()
        }
        return {**bare, **parts}


def _id_in(data: Payload, name: str) -> str:
    """Return an id that an event has to have; raises where it has none."""
    found = data[name]
    if not is_id(found):
        raise ValueError(f"{name} is no id")
    return str(found)


def _as_known(user: discord.ClientUser | None) -> dict[str, Any]:
    """Return what is known of the bot since it has logged in, in Discord's form."""
    if user is None:
        return {}
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": user.discriminator,
        "avatar": None,
    }
