"""Connections that start no task for a command, and a pool whose callers wait in order."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hiredis import Reader
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from hiredis import PushNotification

Answer = TypeVar("Answer")
_NOTHING: Final = object()
"""What a parser returns while a reply is not complete."""


async def heeding(request: Awaitable[Answer]) -> Answer:
    """Return the reply to a request; raise `CancelledError` if this task was cancelled meanwhile.

    redis-py sends each command within `asyncio.wait_for`, which up to Python 3.11 loses a
    cancellation that comes just as the command is sent (github.com/python/cpython/issues/86296).
    The task would continue, and a caller that cancelled it would wait for its end forever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await request
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


class _Listener(asyncio.Protocol):
    """Takes what a server sends; all else is left to the streams that asyncio has connected."""

    def __init__(
        self, transport: asyncio.Transport, reader: Reader, take: Callable[[Any], None]
    ) -> None:
        """Listen in place of the protocol that the transport has."""
        self._streams: Any = transport.get_protocol()
        self._transport = transport
        self._reader = reader
        self._take = take

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not _NOTHING:
                self._take(answer)
        except InvalidResponse:
            self._transport.abort()

    def eof_received(self) -> bool | None:
        return self._streams.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.connection_lost(exc)

    def pause_writing(self) -> None:
        self._streams.pause_writing()

    def resume_writing(self) -> None:
        self._streams.resume_writing()


class Closing(AbstractConnection):
    """A connection that closes its own socket, and none that it got meanwhile.

    redis-py drops the socket once it is closed, which takes a while with TLS. Another task may
    have reconnected by then, and the new socket would be dropped without being closed.
    """

    _writer: Any

    async def disconnect(
        self,
        nowait: bool = False,  # noqa: FBT001, FBT002 - redis-py's own
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Drop the socket at once; then wait until it is closed, unless `nowait` is set."""
        writer = self._writer
        await super().disconnect(True, *args, **kwargs)  # noqa: FBT003 - redis-py's own
        if writer is not None and not nowait:
            with contextlib.suppress(OSError):  # TimeoutError is an OSError
                async with asyncio.timeout(self.socket_connect_timeout):
                    await writer.wait_closed()


class Direct(Closing, Connection):
    """A connection without TLS."""

    _parser: Any
    _reader: Any

    async def connect(self) -> None:
        """Connect if necessary; the pool asks for it before each command."""
        if not self.is_connected:
            await super().connect()  # type: ignore[no-untyped-call]

    async def is_ready(self) -> bool:
        """Return whether a call can be made: connected, with no rest of an earlier reply."""
        if self.should_reconnect():  # type: ignore[no-untyped-call]  # the server announced that it moves
            await self.disconnect()
        return self.is_connected and not await self.can_read()

    def send(self, packed: bytes) -> None:
        """Send packed commands; `listen` takes their replies."""
        self._writer.write(packed)

    async def listen(self, take: Callable[[Any], None]) -> None:
        """Call `take` with whatever the server sends, one by one, until the connection ends.

        That is a reply, the error of a call, or a `PushNotification`. It is taken as it arrives, so
        no task is woken to read it. From now on, no other method may read.

        Raises:
            OSError: The connection was lost.
        """
        transport = self._writer.transport
        error = self._parser.parse_error
        reader = Reader(protocolError=InvalidResponse, replyError=error, notEnoughData=_NOTHING)
        transport.set_protocol(_Listener(transport, reader, take))
        await self._reader.read(1)  # nothing is left for it but the end

    async def heed(self, push: PushNotification) -> None:
        """Act on what the server announces."""
        await self._parser.handle_push_response(push)

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's own
    ) -> None:
        """Send a packed command, within the time that one reply may take.

        redis-py sends within `asyncio.wait_for`, which up to Python 3.11 starts a task, although
        sending almost never waits: the socket's buffer takes the command.
        """
        if not self.is_connected or self.socket_timeout is None:
            await super().send_packed_command(command, check_health)  # it connects first
            return
        seconds, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(seconds):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = seconds

    def abort(self) -> None:
        """Cut the connection, so that the pending read ends."""
        if self._writer is not None:
            self._writer.transport.abort()


class DirectTLS(Direct, SSLConnection):
    """A connection with TLS."""


class Pool(ConnectionPool):
    """Connections for one call at a time each; calls that find none free wait in order."""

    def __init__(self, **options: Any) -> None:
        """Take the options of redis-py's pools."""
        super().__init__(**options)
        self._free = asyncio.Semaphore(self.max_connections)

    async def get_connection(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - of its class
        """Return a connection that is ready, preferably the one that was used last."""
        await self._free.acquire()  # bounded, as each call is bounded in time
        connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            if not await connection.is_ready():
                await self.ensure_connection(connection)
        except BaseException:
            self.give_back(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Return a connection to the pool."""
        self.give_back(connection)

    def give_back(self, connection: AbstractConnection) -> None:
        """Return a connection to the pool."""
        self._in_use_connections.remove(connection)
        self._available_connections.append(connection)
        self._free.release()
