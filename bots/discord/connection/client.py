"""discord.py's client, guarded: it keeps no messages, and no event can end the connection.

discord.py trusts that each event is complete. An exception in one of its parsers ends the shard's
task, and with it the client, all its sessions and the connection that posts answers. `FrameGuard`
skips such an event and goes on: its number was noted before it was parsed, so RESUME does not bring
it back (discord.py 2.7, gateway.py, `received_message`). `State` passes messages on as raw
payloads: discord.py would build its own objects for each, and may fail on any missing field.
"""

from __future__ import annotations

import logging
import sys
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import discord
from discord.gateway import ReconnectWebSocket, WebSocketClosure
from discord.state import AutoShardedConnectionState

from bots.discord.hosts import api_hosts
from bots.discord.ids import is_id
from bots.outgoing import Connector
from core.domain.errors import broke, named
from core.domain.payload import dict_of, dicts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from discord.gateway import DiscordWebSocket, KeepAliveHandler

    from bots.discord.pace import Pace
    from bots.settings.settings import Settings

    Payload: TypeAlias = Mapping[str, object]

log = logging.getLogger(__name__)

_READY_SECONDS = 0.5
"""Seconds without another server after which a shard counts as ready; it hears people earlier."""
_CONNECTION_ENDS = (
    ReconnectWebSocket,
    WebSocketClosure,
    discord.ConnectionClosed,
    aiohttp.ClientError,
    OSError,
)
"""How a connection ends by the gateway's own rules, or by the network; discord.py reconnects."""
_SHORTEST_BEAT, _LONGEST_BEAT = 0.01, 3600.0
"""Accepted seconds between heartbeats; Discord asks for 41 (docs: events/gateway, "Heartbeat
Interval")."""
_INVALID_FRAME = 4000
"""Close code "unknown error", after which a session may be resumed (docs:
topics/opcodes-and-status-codes)."""


class EventListener(Protocol):
    """Receives what the gateway sends. No method may raise."""

    def message_event(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Receive an event about messages, by Discord's name for it.

        That is MESSAGE_CREATE, MESSAGE_UPDATE, MESSAGE_DELETE, MESSAGE_DELETE_BULK,
        MESSAGE_POLL_VOTE_ADD or MESSAGE_POLL_VOTE_REMOVE (docs: events/gateway-events);
        `channel_id` is a valid id, and so is the author's of the first and the message's of the
        third.
        """

    def thread_opened(self, thread: Mapping[str, Any]) -> None:
        """Receive a thread that was unknown here, perhaps because it left the archive."""

    def thread_renamed(self, thread: str, guild: str) -> None:
        """Receive the id of a thread whose title or tags have changed."""

    def session_began(self) -> None:
        """A new session has begun: what was said before it may have been missed."""

    def session_ready(self) -> None:
        """The session knows its servers."""


class InteractionListener(Protocol):
    """Receives commands and button presses."""

    def attach(self, client: Client) -> None:
        """Add commands and views to a client that has not connected yet."""

    def unreadable(self, payload: Mapping[str, Any]) -> None:
        """Receive a command or a button press that discord.py can't parse; may not raise."""

    def reacted(self, payload: Mapping[str, Any], *, taken_back: bool) -> None:
        """Receive a reaction to a message, or that it was taken back; may not raise."""


class Client(discord.AutoShardedClient):
    """discord.py's client without caches of messages and members."""

    _connection: State

    def __init__(self, settings: Settings, pace: Pace, *, content: bool) -> None:
        """Create a client that is not logged in; `content` asks for the message content intent."""
        super().__init__(
            connector=Connector(api_hosts(settings.discord_base_url), limit=0),
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                guild_reactions=True,
                dm_reactions=True,
                guild_polls=True,
                dm_polls=True,
                message_content=content,
            ),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=_READY_SECONDS,
            http_trace=pace.trace(),
            shard_count=settings.discord_shard_count,
        )
        self.shard_ids = settings.discord_shards

    async def connect_for(self, events: EventListener, interactions: InteractionListener) -> None:
        """Connect, and pass on what the gateway sends until the connection ends."""
        self._connection.events, self._connection.interactions = events, interactions
        await self.connect()

    def _get_state(self, **options: Any) -> State:
        return State(
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )

    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        """Report a changed title or changed tags."""
        if (before.name, before.applied_tags) != (after.name, after.applied_tags):
            self._connection.events.thread_renamed(str(after.id), str(after.guild.id))

    async def on_shard_connect(self, _shard: int) -> None:
        """Report a new session."""
        self._connection.events.session_began()

    async def on_shard_ready(self, _shard: int) -> None:
        """Report that a session knows its servers."""
        self._connection.events.session_ready()

    async def on_shard_disconnect(self, shard: int) -> None:
        """Log a lost connection."""
        log.info("shard %s lost its connection; discord.py reconnects", shard)

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Log an event whose handling failed, without the error's text, which may quote people."""
        error = sys.exc_info()[1]
        log.error("Discord's %s was not taken in: %s", event_method, broke(error) if error else "")


class State(AutoShardedConnectionState[Any]):
    """discord.py's state. A parser raises for an event it can't read, and the event is skipped."""

    events: EventListener
    interactions: InteractionListener
    """Both are set before the client connects: no parser runs earlier."""

    def _update_references(self, ws: DiscordWebSocket) -> None:
        """Guard a new connection; discord.py calls this before the connection receives anything."""
        super()._update_references(ws)
        began: Callable[..., None] = partial(self._began, ws)
        ws._discord_parsers = {**self.parsers, "READY": began}  # noqa: SLF001 - no other place
        FrameGuard(ws)

    def _began(self, ws: DiscordWebSocket, data: Payload) -> None:
        """Begin a session; whose it is and on which shard was known before the event."""
        known: Any = {
            **data,
            "shard": [ws.shard_id, ws.shard_count],
            "user": {**_known_user(self.user), **dict_of(data, "user")},
            "guilds": [each for each in dicts_of(data, "guilds") if is_id(each.get("id"))],
        }
        self.parse_ready(known)

    # --- messages and interactions --------------------------------------------------------------

    def parse_message_create(self, data: Payload) -> None:
        """Pass on a new message, except the bot's own."""
        if _id_in(dict_of(data, "author"), "id") != str(self.self_id):
            self._pass_on("MESSAGE_CREATE", data)

    def parse_message_update(self, data: Payload) -> None:
        """Pass on a changed message."""
        self._pass_on("MESSAGE_UPDATE", data)

    def parse_message_delete(self, data: Payload) -> None:
        """Pass on a deleted message."""
        _id_in(data, "id")
        self._pass_on("MESSAGE_DELETE", data)

    def parse_message_delete_bulk(self, data: Payload) -> None:
        """Pass on several deleted messages."""
        if "ids" not in data:
            raise KeyError("ids")
        self._pass_on("MESSAGE_DELETE_BULK", data)

    def parse_message_poll_vote_add(self, data: Payload) -> None:
        """Pass on that a person has voted."""
        self._pass_on("MESSAGE_POLL_VOTE_ADD", data)

    def parse_message_poll_vote_remove(self, data: Payload) -> None:
        """Pass on that a person has taken a vote back."""
        self._pass_on("MESSAGE_POLL_VOTE_REMOVE", data)

    def parse_message_reaction_add(self, data: Payload) -> None:
        """Pass on a reaction."""
        _id_in(data, "channel_id")
        self.interactions.reacted(data, taken_back=False)

    def parse_message_reaction_remove(self, data: Payload) -> None:
        """Pass on that a reaction was taken back."""
        _id_in(data, "channel_id")
        self.interactions.reacted(data, taken_back=True)

    def _pass_on(self, kind: str, data: Payload) -> None:
        _id_in(data, "channel_id")
        self.events.message_event(kind, data)

    def parse_interaction_create(self, data: Payload) -> None:
        """Dispatch a command or a button press; report one that discord.py can't parse."""
        event: Any = data
        try:
            super().parse_interaction_create(event)
        except Exception:
            self.interactions.unreadable(data)
            raise

    def parse_user_update(self, data: Payload) -> None:
        """Take over the bot's new name; events about another user are ignored."""
        event: Any = {**_known_user(self.user), **data}
        if event.get("id") == str(self.self_id):
            super().parse_user_update(event)

    # --- servers and threads --------------------------------------------------------------------

    def parse_guild_create(self, data: Payload) -> None:
        """Take over a server, without those of its parts that can't be read."""
        event: Any = data
        try:
            super().parse_guild_create(event)
        except Exception as error:  # noqa: BLE001 - the other parts are still useful
            log.error("a part of a server is left out: %s", broke(error))  # noqa: TRY400 - no text
            event = self._readable_parts(data)
            super().parse_guild_create(event)

    def parse_thread_update(self, data: Payload) -> None:
        """Report a thread that was unknown until now."""
        guild = self._get_guild(int(_id_in(data, "guild_id")))
        if guild is not None and guild.get_thread(int(_id_in(data, "id"))) is None:
            self.events.thread_opened(data)
        event: Any = data
        super().parse_thread_update(event)

    def _readable_parts(self, data: Payload) -> dict[str, Any]:
        """Return a server with those of its channels, threads, roles and so on that parse."""
        lists = {name: value for name, value in data.items() if isinstance(value, list)}
        bare: dict[str, Any] = {**data, **{name: [] for name in lists}}

        def is_readable(name: str, part: object) -> bool:
            one_part: Any = {**bare, name: [part]}
            try:
                discord.Guild(data=one_part, state=self)
            except Exception:  # noqa: BLE001 - any error means that this part can't be read
                return False
            return True

        parts = {
            name: [part for part in value if is_readable(name, part)]
            for name, value in lists.items()
        }
        return {**bare, **parts}


class FrameGuard:
    """Skips a frame that discord.py fails on, so that it ends no more than itself.

    If the first frames can't be read, or the stream can't be decompressed any further, the
    connection is useless: the guard closes it, and discord.py opens another after a growing pause.
    """

    def __init__(self, ws: DiscordWebSocket) -> None:
        """Stand between a new connection and discord.py's parsers."""
        self._ws = ws
        self._receive, self._dispatch = ws.received_message, ws._dispatch  # noqa: SLF001 - see below
        self._kind = ""
        """The name of the event being parsed; empty for other frames."""
        self._keep_alive: KeepAliveHandler | None = None
        """The heartbeats whose interval has been checked."""
        ws._dispatch = self._note_kind  # noqa: SLF001 - discord.py offers no other hook
        ws.received_message = self._received  # type: ignore[method-assign]

    def _note_kind(self, event: str, *given: object) -> None:
        if event == "socket_event_type":  # nobody listens to it
            self._kind = str(given[0])
        else:
            self._dispatch(event, *given)

    async def _received(self, frame: str | bytes, /) -> None:
        ws, number = self._ws, self._ws.sequence
        self._kind = ""
        try:
            await self._receive(frame)
        except _CONNECTION_ENDS:
            raise
        except Exception as error:  # noqa: BLE001 - one frame must not stop those after it
            await self._skip(error)
        if type(ws.sequence) is not int and ws.sequence is not number:
            ws.sequence = number
        if ws._keep_alive is not self._keep_alive:  # noqa: SLF001 - it was HELLO
            await self._check_heartbeats()

    async def _check_heartbeats(self) -> None:
        self._keep_alive = keep_alive = self._ws._keep_alive  # noqa: SLF001
        if keep_alive and not _SHORTEST_BEAT <= (keep_alive.interval or 0) <= _LONGEST_BEAT:
            await self._reconnect("HELLO")

    async def _skip(self, error: Exception) -> None:
        kind = named(self._kind or "frame")
        log.error("Discord's %s was skipped: %s", kind, broke(error))
        if kind == "READY" or isinstance(error, zlib.error):
            await self._reconnect(kind)
        if self._ws._keep_alive is None:  # noqa: SLF001 - the only sign that HELLO was read
            await self._reconnect("HELLO")

    async def _reconnect(self, kind: str) -> None:
        """Close a useless connection; discord.py opens another after an `OSError`."""
        log.error("shard %s reconnects: Discord's %s can't be read", self._ws.shard_id, kind)
        await self._ws.close(code=_INVALID_FRAME)
        raise ConnectionError(f"Discord's {kind} can't be read")


def _id_in(data: Payload, name: str) -> str:
    """Return a required id of an event; raise `KeyError` or `ValueError` if there is none."""
    found = data[name]
    if not is_id(found):
        raise ValueError(f"{name} is not an id")
    return str(found)


def _known_user(user: discord.ClientUser | None) -> dict[str, Any]:
    """Return in Discord's form what the login told about the bot."""
    if user is None:
        return {}
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": user.discriminator,
        "avatar": None,
    }
