"""Frames of the gateway that discord.py breaks on: named in the log by their kind, and skipped.

discord.py trusts that each event is whole. What one of its parsers raises ends the shard's task,
and with it the client, all its sessions, and the connection by which answers are posted. Here an
event that breaks a parser is left out, and the session goes on: its number was noted before it was
parsed, so that RESUME does not bring it again (discord.py 2.7, gateway.py, `received_message`).
"""

from __future__ import annotations

import logging
import zlib
from typing import TYPE_CHECKING

import aiohttp
import discord
from discord.gateway import ReconnectWebSocket, WebSocketClosure

from core.domain.errors import broke, named

if TYPE_CHECKING:
    from discord.gateway import DiscordWebSocket

log = logging.getLogger(__name__)

_ENDS = (
    ReconnectWebSocket,
    WebSocketClosure,
    discord.ConnectionClosed,
    aiohttp.ClientError,
    OSError,
)
"""How a connection ends by the gateway's own rules, or by the network; discord.py comes back."""
_SHORTEST, _LONGEST = 0.01, 3600.0
"""Seconds between heartbeats; Discord asks for 41 (docs: events/gateway, "Heartbeat Interval")."""


class Watch:
    """Lets nothing that comes over a connection end more than itself.

    Where nothing can come of a connection, as its first frames can't be read, or what follows can't
    be unpacked, discord.py makes another one: after a pause that grows.
    """

    def __init__(self, ws: DiscordWebSocket) -> None:
        """Stand between a new connection and what it hears."""
        self._ws = ws
        self._take, self._dispatch = ws.received_message, ws._dispatch  # noqa: SLF001 - see below
        self._kind = ""
        """What is being taken in, where it is an event."""
        ws._dispatch = self._note  # noqa: SLF001 - discord.py has no other place for it
        ws.received_message = self._received  # type: ignore[method-assign]

    def _note(self, event: str, *given: object) -> None:
        if event == "socket_event_type":
            self._kind = str(given[0])
        self._dispatch(event, *given)

    async def _received(self, frame: str | bytes, /) -> None:
        ws, number = self._ws, self._ws.sequence
        self._kind = ""
        try:
            await self._take(frame)
        except _ENDS:
            raise
        except Exception as error:  # noqa: BLE001 - one frame must not stop what comes after it
            await self._skip(error)
        if ws.sequence is not number and not _is_number(ws.sequence):
            ws.sequence = number
        if not _beats(ws):
            await self._begin_again("HELLO")

    async def _skip(self, error: Exception) -> None:
        kind = named(self._kind or "frame")
        log.error("Discord's %s was skipped: %s", kind, broke(error))
        if kind == "READY" or isinstance(error, zlib.error):
            await self._begin_again(kind)
        if self._ws._keep_alive is None:  # noqa: SLF001 - nobody else says if it has begun
            await self._begin_again("HELLO")

    async def _begin_again(self, kind: str) -> None:
        """End a connection of which nothing can come; after an `OSError` there is another."""
        log.error("shard %s connects again: Discord's %s can't be read", self._ws.shard_id, kind)
        await self._ws.close(code=4000)
        raise ConnectionError(f"Discord's {kind} can't be read")


def _is_number(sequence: object) -> bool:
    return isinstance(sequence, int) and not isinstance(sequence, bool)


def _beats(ws: DiscordWebSocket) -> bool:
    """Tell whether heartbeats, if they have begun, come as often as they can."""
    keep_alive = ws._keep_alive  # noqa: SLF001
    return keep_alive is None or _SHORTEST <= (keep_alive.interval or 0) <= _LONGEST
