"""A TCP proxy on the loopback that counts, delays, and loses replies after they were earned."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

CHUNK = 1 << 16


def never() -> bool:
    """Lose nothing."""
    return False


@dataclass(slots=True)
class Counts:
    """What has gone through."""

    round_trips: int = 0
    up: int = 0
    down: int = 0
    lost: int = 0


@dataclass(slots=True)
class Proxy:
    """Stands between a client and a server that speak in requests and replies.

    Where `lose` says so, a reply that has arrived here is thrown away and the connection is cut:
    the server has done what it was asked, and the client can't know.
    """

    target: int
    """The server's port."""
    lose: Callable[[], bool] = never
    delay: float = 0
    """Seconds that each reply is held back."""
    tls: ssl.SSLContext | None = None
    """Where it is set, clients have to speak TLS; the server behind is spoken to in plain."""
    counts: Counts = field(default_factory=Counts)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection there is now."""
        for writer in tuple(self._open):
            writer.transport.abort()

    def reset(self) -> None:
        """Count from nothing again."""
        self.counts = Counts()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._join(reader, writer)
        self._open.discard(writer)
        self._tasks.discard(task)
        writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        asked = asyncio.Event()
        up = asyncio.create_task(self._send(reader, far_writer, asked))
        try:
            await self._reply(far_reader, writer, asked)
        finally:
            up.cancel()
            far_writer.transport.abort()

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK):
            self.counts.up += len(data)
            asked.set()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()

    async def _reply(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK):
            if asked.is_set():  # the first part of a reply ends a round trip
                self.counts.round_trips += 1
                asked.clear()
            self.counts.down += len(data)
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.lose():
                self.counts.lost += 1
                return
            writer.write(data)
            await writer.drain()
