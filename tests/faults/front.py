"""A port before a server that understands both TLS and plain, as servers with TLS offer two."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

HELLO = b"\x16"
"""With which a TLS client begins (RFC 8446, section 5.1: handshake)."""


@dataclass(slots=True)
class Front:
    """Passes on what it gets: servers may speak among themselves in plain, and clients by TLS."""

    target: int
    context: ssl.SSLContext
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    secure: int = 0
    """How many connections came by TLS."""
    plain: bytearray = field(default_factory=bytearray)
    """All that clients sent in plain."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listener.getsockname()[1]
        return port

    async def serve(self, end: asyncio.Event) -> None:
        """Pass on until the end."""
        self.listener.setblocking(False)
        accepting = asyncio.create_task(self._accept())
        await end.wait()
        for task in (accepting, *self._tasks):
            task.cancel()
        await asyncio.gather(accepting, *self._tasks, return_exceptions=True)
        self.listener.close()

    async def _accept(self) -> None:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(self.listener)
            task = asyncio.create_task(self._join(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _join(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            secure = await _first(client) == HELLO
            self.secure += secure
            near = await self._opened(client, self.context if secure else None)
            with _aborted(near[1]):
                far = await asyncio.open_connection("127.0.0.1", self.target)
                with _aborted(far[1]):
                    up = _pass(near[0], far[1], None if secure else self.plain)
                    both = {asyncio.create_task(up), asyncio.create_task(_pass(far[0], near[1]))}
                    self._tasks |= both
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                    for task in both:
                        task.cancel()
                    self._tasks -= both

    async def _opened(
        self, client: socket.socket, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=context)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


@contextlib.contextmanager
def fronts(context: ssl.SSLContext) -> Iterator[Fronts]:
    """Run fronts in a loop of their own for as long as the block lasts."""
    running = Fronts(context)
    thread = threading.Thread(target=lambda: asyncio.run(running.run()))
    thread.start()
    running.ready.wait()
    try:
        yield running
    finally:
        running.loop.call_soon_threadsafe(running.end.set)
        thread.join()


class Fronts:
    """The fronts of several servers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.all: list[Front] = []
        self.ready = threading.Event()

    async def run(self) -> None:
        """Serve until the end."""
        self.loop = asyncio.get_running_loop()
        self.end = asyncio.Event()
        self.ready.set()
        await self.end.wait()
        await asyncio.gather(*self._serving)

    _serving: tuple[asyncio.Task[None], ...] = ()

    def before(self, port: int) -> int:
        """Put a front before a server's port, and return the front's."""
        front = Front(port, self.context)
        self.all.append(front)
        self.loop.call_soon_threadsafe(self._start, front)
        return front.port

    def _start(self, front: Front) -> None:
        self._serving = (*self._serving, self.loop.create_task(front.serve(self.end)))


@contextlib.contextmanager
def _aborted(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.transport.abort()


async def _first(client: socket.socket) -> bytes:
    """Return the first byte that a client sends, and leave it where it is."""
    client.setblocking(False)
    while True:
        try:
            return client.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await asyncio.sleep(0.001)


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray | None = None
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            if seen is not None:
                seen += data
            writer.write(data)
            await writer.drain()
