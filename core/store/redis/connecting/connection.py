"""A client that calls scripts at little cost, and connections that make no task of a command.

redis-py keeps locks, counts and times for each command, and looks at the type of each word of it:
three quarters of what a call costs a turn. A script goes past that; where its answer does not
come, redis-py makes the call again, with all its patience. All of it is its own otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

Answer = TypeVar("Answer")

_UNANSWERED = (RedisConnectionError, RedisTimeoutError, OSError)
"""What leaves open whether a call took effect; each of ours may be made again."""
_PATIENCE = 5.0
"""Seconds that an answer may take, where no other time is set."""


async def heeding(request: Awaitable[Answer]) -> Answer:
    """Return what a request answers; end here if this task was cancelled meanwhile.

    redis-py sends each command within `asyncio.wait_for`, which up to Python 3.11 forgets a
    cancellation that comes just when the command is sent (github.com/python/cpython/issues/86296).
    The task would go on, and whoever cancelled it and waits for its end would wait forever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await request
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


class Closing(AbstractConnection):
    """A connection that closes what it had, and nothing that it got meanwhile.

    redis-py forgets the socket once it is closed, which takes a while with TLS. Another task may
    have connected anew by then, and its socket would be forgotten without being closed.
    """

    _writer: Any

    async def disconnect(
        self,
        nowait: bool = False,  # noqa: FBT001, FBT002 - redis-py's own
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Forget the socket at once; then wait until it is closed, unless told otherwise."""
        writer = self._writer
        await super().disconnect(True, *args, **kwargs)  # noqa: FBT003 - redis-py's own
        if writer is not None and not nowait:
            with contextlib.suppress(OSError):  # running out of time is one
                async with asyncio.timeout(self.socket_connect_timeout):
                    await writer.wait_closed()


class Direct(Closing, Connection):
    """A connection in the clear."""

    _parser: Any

    async def connect(self) -> None:
        """Connect if need be; the pool asks for it before each command, by way of the retries."""
        if not self.is_connected:
            await super().connect()  # type: ignore[no-untyped-call]

    async def is_ready(self) -> bool:
        """Tell whether a call can be made: connected, and nothing is left of an earlier answer."""
        if self.should_reconnect():  # type: ignore[no-untyped-call]  # the server is about to move
            await self.disconnect()
        return self.is_connected and not await self.can_read()

    async def ask(self, words: tuple[Any, ...]) -> Any:  # noqa: ANN401 - what Redis answers
        """Make a call on a connection that is ready, and return its answer.

        Raises `ResponseError`, or something that leaves open whether the call took effect.
        """
        seconds = self.socket_timeout or _PATIENCE
        late = asyncio.get_running_loop().call_later(seconds, self._abort)
        try:
            # It need not wait for room: nothing else is sent before the answer is there.
            self._writer.write(pack_command(words))
            answer = await self._parser.read_response()
        except BaseException:
            await self.disconnect(nowait=True)  # its answer may still come
            raise
        finally:
            late.cancel()
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's own
    ) -> None:
        """Send what is packed, within the time that one reply may take.

        redis-py sends within `asyncio.wait_for`, which up to Python 3.11 makes a task of it, for
        something that nearly never waits: the socket takes what fits into its buffer.
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

    def _abort(self) -> None:
        """Cut the connection, so that what is read ends."""
        if self._writer is not None:
            self._writer.transport.abort()


class DirectTLS(Direct, SSLConnection):
    """The same, with TLS."""


class Pool(ConnectionPool):
    """Connections for one call at a time each; whoever finds none free waits, in order."""

    def __init__(self, **options: Any) -> None:
        """Take what redis-py's own pools take."""
        super().__init__(**options)
        self._free = asyncio.Semaphore(self.max_connections)

    async def get_connection(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - of its class
        """Return a connection that is ready: the one that was in use last, if it still is."""
        await self._free.acquire()  # each call ends in its time, so this does too
        connection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            if not await connection.is_ready():
                await self.ensure_connection(connection)
        except BaseException:
            self.give_back(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Let others have a connection."""
        self.give_back(connection)

    def give_back(self, connection: AbstractConnection) -> None:
        """Let others have a connection."""
        self._in_use_connections.remove(connection)
        self._available_connections.append(connection)
        self._free.release()


class Single(Redis):
    """A client of one server."""

    connection_pool: Any

    async def execute_command(self, *words: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's
        """Make a call, and again where its answer does not come."""
        call = super().execute_command
        if words[0] != "EVALSHA":
            return await call(*words, **options)  # type: ignore[no-untyped-call]
        connection = await self.connection_pool.get_connection()
        try:
            return await connection.ask(words)
        except _UNANSWERED:
            pass
        finally:
            self.connection_pool.give_back(connection)
        return await call(*words, **options)  # type: ignore[no-untyped-call]
