"""A pooler before a PostgreSQL, as PgBouncer is one: sessions of the server, shared or pinned.

It speaks as much of the protocol (PostgreSQL's documentation, "Frontend/Backend Protocol") as tests
need: no passwords, and in the shared modes only simple queries, like the ones that look for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias

Link: TypeAlias = "tuple[asyncio.StreamReader, asyncio.StreamWriter]"

_TLS, _GSS = 80877103, 80877104
_OWN_KEY = b"K" + struct.pack("!III", 12, 4_242_424, 7)
"""What a client would cancel by: the pooler's own number of a process, as PgBouncer gives it."""
_OK = b"R" + struct.pack("!II", 8, 0)
_GONE = (asyncio.IncompleteReadError, asyncio.CancelledError, OSError)
_IDLE = b"Z" + struct.pack("!I", 5) + b"I"


@dataclass(slots=True)
class Pooler:
    """Gives its clients sessions of the server on this port."""

    target: int
    mode: Literal["session", "transaction", "statement"]
    robin: bool = False
    """Each transaction gets the session that has waited longest; else the one used last."""
    port: int = 0
    idle: deque[Link] = field(default_factory=deque)
    _parameters: bytes = b""
    _links: list[Link] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self._links:
            link[1].transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._links.append((reader, writer))
        try:
            with contextlib.suppress(*_GONE):
                start = await _startup(reader, writer)
                server = await self._session(start)
                writer.write(_OK + self._parameters + _OWN_KEY + _IDLE)
                if self.mode == "session":
                    await _joined((reader, writer), server)
                self.idle.append(server)
                while True:
                    await self._transaction((reader, writer), start)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _transaction(self, client: Link, start: bytes) -> None:
        """Pass on one query; a transaction that it opens is none of the tests'."""
        kind, body = await _message(client[0])
        if kind == b"X":
            raise asyncio.IncompleteReadError(b"", 1)
        if not self.idle:
            self.idle.append(await self._session(start))
        server = self.idle.popleft() if self.robin else self.idle.pop()
        server[1].write(kind + struct.pack("!I", len(body) + 4) + body)
        while kind != b"Z":
            kind, body = await _message(server[0])
            client[1].write(kind + struct.pack("!I", len(body) + 4) + body)
        self.idle.append(server)

    async def _session(self, start: bytes) -> Link:
        """Return a new session of the server; keep what the server says of itself."""
        server = await asyncio.open_connection("127.0.0.1", self.target)
        self._links.append(server)
        server[1].write(start)
        said, kind = b"", b""
        while kind != b"Z":
            kind, body = await _message(server[0])
            if kind == b"S":
                said += kind + struct.pack("!I", len(body) + 4) + body
        self._parameters = said
        return server


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        head = await reader.readexactly(8)
        size, code = struct.unpack("!II", head)
        rest = await reader.readexactly(size - 8)
        if code not in {_TLS, _GSS}:
            return head + rest
        writer.write(b"N")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    (size,) = struct.unpack("!I", head[1:])
    return head[:1], await reader.readexactly(size - 4)


async def _joined(client: Link, server: Link) -> None:
    """Pass everything on, both ways, until one end is gone."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            target.write(data)
        target.transport.abort()

    await asyncio.gather(copy(client[0], server[1]), copy(server[0], client[1]))
    raise asyncio.IncompleteReadError(b"", 1)
