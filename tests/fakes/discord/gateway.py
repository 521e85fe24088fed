"""The gateway: sessions over websockets (docs: events/gateway)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.fakes.discord.delivery import Session
from tests.fakes.discord.hello import RefusalError, guild_create, identified, members_chunk, ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.discord.events import Announcer
    from tests.fakes.discord.model import Guild, Json

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 1, 2, 3, 4, 6
RECONNECT, MEMBERS, INVALID, HELLO, ACK = 7, 8, 9, 10, 11
LONGEST = 4096  # bytes of a payload of the client's (docs: "Sending Events"): 4002
FASTEST = 120  # payloads a minute (docs: "Rate Limiting"): 4008
STARTS = 1000  # IDENTIFYs a day (discord.md 2, "Gateway resume")


class Connection:
    """One open websocket, with what there is to send."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.session: Session | None = None
        self.received: list[float] = []
        self._socket, self._request = socket, request
        self._queue: asyncio.Queue[str | int | bytes] = asyncio.Queue()
        packed = request.query.get("compress") == "zlib-stream"
        self._packer = zlib.compressobj() if packed else None

    def send(self, frame: str) -> None:
        self._queue.put_nowait(frame)

    def garble(self) -> None:
        """Send bytes that can't be unpacked."""
        self._queue.put_nowait(b"no stream of zlib's\x00\x00\xff\xff")

    def op(self, number: int, data: object = None) -> None:
        """Send a payload that is no event."""
        self.send(json.dumps({"op": number, "d": data, "s": None, "t": None}))

    def close(self, code: int) -> None:
        self._queue.put_nowait(code)

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send what there is until it's closed; transport compression as it was asked for."""
        with contextlib.suppress(ConnectionError):
            while not isinstance(frame := await self._queue.get(), int):
                if isinstance(frame, bytes):
                    await self._socket.send_bytes(frame)
                elif self._packer is None:
                    await self._socket.send_str(frame)
                else:
                    data = self._packer.compress(frame.encode())
                    await self._socket.send_bytes(data + self._packer.flush(zlib.Z_SYNC_FLUSH))
            await self._socket.close(code=frame)


class Gateway:
    """Takes the connections of the bot's processes."""

    def __init__(self, discord: Announcer) -> None:
        self.discord = discord
        self.connections: set[Connection] = set()
        self.heartbeat = 41.25
        """Seconds between heartbeats that clients are asked for."""
        self.acks = True
        """Whether heartbeats are acknowledged: a connection that isn't is dead."""
        self.shards = 1
        """How many shards clients are told to use."""
        self.concurrency = 1
        self.pace: float = 0.0
        """Seconds within which `concurrency` shards may identify; 5 at Discord."""
        self.starts = STARTS
        self.resume_at = ""
        """Where a session is said to be resumed; empty for here."""
        self.refuse_resume = 0
        """How many of the next RESUMEs are refused: op 9, not resumable."""
        self.altered: dict[str, Callable[[Any], Any]] = {}
        """By event, and HELLO: what makes it other than any documentation has it."""
        self.identified: list[float] = []
        self.resumed = 0
        self.closed: list[int] = []
        """The codes with which we closed connections."""

    @property
    def url(self) -> str:
        """Return the address of the gateway."""
        return self.discord.url.replace("http", "ws", 1) + "/gateway/"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Hold one connection."""
        if request.query.get("compress", "zlib-stream") != "zlib-stream":
            return web.Response(status=400, text="only zlib-stream is spoken here")
        socket = web.WebSocketResponse(compress=False, max_msg_size=0, autoclose=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        writer = asyncio.get_running_loop().create_task(connection.write())
        try:
            await self._talk(connection, socket, request.query.get("v", ""))
        finally:
            self.connections.discard(connection)
            self._ended(connection, socket.close_code)
            writer.cancel()
        return socket

    async def _talk(
        self, connection: Connection, socket: web.WebSocketResponse, version: str
    ) -> None:
        if version not in {"9", "10"}:
            return await self._refuse(connection, socket, 4012)
        hello: Any = {"heartbeat_interval": int(self.heartbeat * 1000)}
        connection.op(HELLO, self.altered.get("HELLO", lambda known: known)(hello))
        while True:
            try:
                got = await socket.receive(timeout=self.heartbeat * 1.5)
            except TimeoutError:
                return await self._refuse(connection, socket, 4009)
            if got.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return None
            try:
                self._take(connection, _decoded(got.data))
            except RefusalError as refusal:
                return await self._refuse(connection, socket, refusal.code)

    async def _refuse(
        self, connection: Connection, socket: web.WebSocketResponse, code: int
    ) -> None:
        self.closed.append(code)
        connection.close(code)
        with contextlib.suppress(TimeoutError):
            await socket.receive(timeout=5)

    def _ended(self, connection: Connection, code: int | None) -> None:
        session = connection.session
        if session is None or session.outlet is not connection:
            return
        session.outlet, session.gone = None, self.discord.now()
        # A client that closes with these doesn't come back (docs: "Disconnecting").
        if code in {WSCloseCode.OK, WSCloseCode.GOING_AWAY}:
            self.discord.delivery.sessions.pop(session.id, None)
        self.discord.touch()

    def _take(self, connection: Connection, payload: Json) -> None:
        now = asyncio.get_running_loop().time()
        connection.received = [*(t for t in connection.received if t > now - 60), now]
        if len(connection.received) > FASTEST:
            raise RefusalError(4008)
        data: Any
        number, data = payload.get("op"), payload.get("d")
        if number == HEARTBEAT:
            self._beat(connection, data)
        elif number in {IDENTIFY, RESUME}:
            if connection.session is not None:
                raise RefusalError(4005)
            (self._identify if number == IDENTIFY else self._resume)(connection, data)
        elif connection.session is None:
            raise RefusalError(4003)
        elif number == MEMBERS:
            connection.session.push(
                "GUILD_MEMBERS_CHUNK", members_chunk(self.discord, connection.session, data)
            )
        elif number not in {PRESENCE, VOICE}:
            raise RefusalError(4001)

    def _beat(self, connection: Connection, seq: int | None) -> None:
        if self.acks:
            connection.op(ACK)
        if connection.session is not None and seq is not None:
            connection.session.forget(seq)

    def _identify(self, connection: Connection, data: Any) -> None:
        """Begin a new session; what an older one missed is not told (discord.md 2)."""
        discord = self.discord
        shard, intents = identified(discord, data)
        now = discord.now()
        self.identified = [t for t in self.identified if t > now - 86400]
        if len(self.identified) >= self.starts:
            self._reset_token()
        recent = [t for t in self.identified if t > now - self.pace]
        if self.pace and len(recent) >= self.concurrency:
            connection.op(INVALID, False)
            return
        self.identified.append(now)
        session = Session(f"{discord.random.getrandbits(128):032x}", shard, intents, connection)
        session.altered = self.altered
        connection.session = discord.delivery.sessions[session.id] = session
        mine = [g for g in discord.guilds.values() if self._on(session, g)]
        there = self.resume_at or self.url + "resume"
        session.push("READY", ready(discord, session, mine, there))
        for guild in mine if intents & 1 else ():
            session.push("GUILD_CREATE", json.dumps(guild_create(discord, guild)))
        discord.touch()

    def _on(self, session: Session, guild: Guild) -> bool:
        number, count = session.shard
        return self.discord.bot.id in guild.members and (int(guild.id) >> 22) % count == number

    def _reset_token(self) -> None:
        """End every session and change the token: the day's IDENTIFYs are used up."""
        self.discord.token += "x"
        for other in self.connections:
            other.close(4004)
        self.discord.delivery.sessions.clear()
        raise RefusalError(4004)

    def _resume(self, connection: Connection, data: Json) -> None:
        """Tell a session what it missed, in order, then that this was all."""
        discord = self.discord
        if data.get("token") != discord.token:
            raise RefusalError(4004)
        session = discord.delivery.sessions.get(data.get("session_id", ""))
        seq = int(data.get("seq") or 0)
        if self.refuse_resume or session is None or not discord.delivery.alive(session):
            self.refuse_resume = max(0, self.refuse_resume - 1)
            connection.op(INVALID, False)
            return
        if seq > session.seq:
            raise RefusalError(4007)
        if not session.can_replay(seq):
            connection.op(INVALID, False)
            return
        if session.outlet is not None:
            session.outlet.close(4000)
        session.outlet, session.gone, connection.session = connection, None, session
        session.resumes, self.resumed = session.resumes + 1, self.resumed + 1
        for number, frame in session.kept:
            if number > seq:
                connection.send(frame)
        session.push("RESUMED", "{}")
        discord.touch()


def _decoded(data: str | bytes) -> Json:
    if len(data) > LONGEST:
        raise RefusalError(4002)
    try:
        payload = json.loads(data)
    except ValueError as error:
        raise RefusalError(4002) from error
    if not isinstance(payload, dict):
        raise RefusalError(4002)
    return payload
