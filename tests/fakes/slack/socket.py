"""Socket Mode: envelopes over WebSockets, each to one of the app's connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.delivery import Outcome

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.fakes.slack.delivery import Post
    from tests.fakes.slack.model import Json

CONNECTIONS = 10  # slack.md 2.2
PATIENCE = 3.0  # seconds for an ack (slack.md 2.1)


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket, and what was sent over it and isn't acknowledged."""

    socket: web.WebSocketResponse
    request: web.Request
    leaving: bool = False
    waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)

    def abort(self) -> None:
        """Cut the line."""
        if self.request.transport is not None:
            self.request.transport.abort()


class SocketMode:
    """The app's connections; nothing is kept for an app that has none (slack.md 2.2)."""

    def __init__(self, app_id: str, chance: random.Random) -> None:
        self.patience = PATIENCE
        self.connections: list[Connection] = []
        self.opened = 0
        """How many connections there ever were."""
        self.lost: list[Post] = []
        """What happened while nobody was connected."""
        self.url = ""
        self.on_change: Callable[[], None] = lambda: None
        self._app_id = app_id
        self._chance = chance
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """Return an address to dial once (docs: reference/methods/apps.connections.open)."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"{self.url}/link/?ticket={ticket}&app_id={self._app_id}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Be the other end of a connection."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(max_msg_size=16 * 2**20)
        await socket.prepare(request)
        if len(self.connections) >= CONNECTIONS:
            await self._say(socket, type="disconnect", reason="too_many_websockets")
            await socket.close()
            return socket
        connection = Connection(socket, request)
        self.connections.append(connection)
        self.opened += 1
        self.on_change()
        try:
            await self._hello(socket)
            await self._listen(connection)
        finally:
            self._gone(connection)
        return socket

    async def attempt(self, post: Post, number: int, reason: str) -> Outcome:
        """Send it over one of the connections and wait for the ack."""
        ready = [c for c in self.connections if not c.leaving and not c.socket.closed]
        if not ready:
            self.lost.append(post)
            return Outcome(ok=False, reason="not connected", again=False)
        connection = self._chance.choice(ready)
        envelope: Json = {
            "envelope_id": secrets.token_hex(16),
            "payload": post.payload,
            "type": post.kind,
            "accepts_response_payload": post.kind != "events_api",
        }
        if post.kind == "events_api":
            # bolt mirrors these as HTTP's retry headers, the 0 as well (slack.md 2.1).
            envelope |= {"retry_attempt": number, "retry_reason": reason}
        return await self._ask(connection, envelope)

    async def _ask(self, connection: Connection, envelope: Json) -> Outcome:
        answer = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = answer
        try:
            await connection.socket.send_str(json.dumps(envelope))
            async with asyncio.timeout(self.patience):
                return Outcome(ok=True, answer=await answer or {})
        except TimeoutError:
            return Outcome(ok=False, reason="timeout")
        except ConnectionError:
            return Outcome(ok=False, reason="connection_failed")
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            with contextlib.suppress(ValueError):
                ack = json.loads(message.data)
                future = connection.waiting.get(ack.get("envelope_id", ""))
                if future is not None and not future.done():
                    future.set_result(ack.get("payload"))

    def _gone(self, connection: Connection) -> None:
        self.connections.remove(connection)
        self.on_change()
        for future in connection.waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("closed"))

    async def _hello(self, socket: web.WebSocketResponse) -> None:
        info = {"host": "applink-fake", "approximate_connection_time": 18060, "build_number": 1}
        count = len(self.connections)
        about = {"app_id": self._app_id}
        await self._say(
            socket, type="hello", num_connections=count, connection_info=about, debug_info=info
        )

    async def disconnect(self, reason: str = "refresh_requested", *, count: int = 99) -> None:
        """Ask connections to leave: `warning` ones still get payloads, refreshed ones don't."""
        for connection in self.connections[:count]:
            connection.leaving = reason != "warning"
            with contextlib.suppress(ConnectionError):
                await self._say(
                    connection.socket, type="disconnect", reason=reason, debug_info={"host": "fake"}
                )

    async def frame(self, text: str) -> None:
        """Send text as it is over the first connection: what no payload of Slack's looks like."""
        await self.connections[0].socket.send_str(text)

    def drop(self) -> None:
        """Cut all lines without a word."""
        for connection in list(self.connections):
            connection.abort()

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self.connections):
            await connection.socket.close()

    @staticmethod
    async def _say(socket: web.WebSocketResponse, **message: Any) -> None:
        await socket.send_str(json.dumps(message))
