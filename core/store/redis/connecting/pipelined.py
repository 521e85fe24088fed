"""A connection on which calls are made without waiting for the replies to earlier ones.

Redis replies in the order in which it was asked (redis.io, "Redis pipelining"), so a reply belongs
to the oldest call that waits. A call is sent at once if no other one waits; otherwise all calls of
one step of the event loop are sent together. Compared with a connection of redis-py's pool for each
call, this saves most of what a call costs a turn: locks, timers, and system calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from hiredis import PushNotification, pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from core.domain.tasks import Tasks
from core.store.redis.connecting.connection import heeding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.store.redis.connecting.connection import Direct


class _Call(NamedTuple):
    """A call that waits for its reply."""

    reply: asyncio.Future[Any]
    sent_at: float
    """On the event loop's clock."""


def _checked(answer: Any) -> Any:  # noqa: ANN401 - what Redis answers
    if isinstance(answer, ResponseError):
        raise answer
    return answer


def _is_no_reply(answer: Any) -> bool:  # noqa: ANN401 - what Redis answers
    """Return whether a server serves no calls now, as while it loads its data."""
    first = answer[0] if isinstance(answer, list) and answer else answer
    return isinstance(first, RedisConnectionError)


class PipelinedConnection:
    """Makes many calls at a time. A call that finds it unconnected makes one try to connect."""

    def __init__(self, make: Callable[[], Direct], seconds: float) -> None:
        """Start without a connection.

        Args:
            make: Returns a connection that is not connected yet.
            seconds: How long one reply may take.
        """
        self._make = make
        self._seconds = seconds
        self._connection: Direct | None = None
        self._opening: asyncio.Future[None] | None = None
        """Done when the connection is there, or could not be made; None before and after it."""
        self._unsent: list[bytes] = []
        self._waiting: deque[_Call] = deque()
        """The calls in the order in which they are sent."""
        self._watching: asyncio.TimerHandle | None = None
        """The next look at how long the oldest call has waited."""
        self._tasks = Tasks("a connection to Redis")

    async def ask(self, *words: Any) -> Any:  # noqa: ANN401 - what Redis answers
        """Make a call, and return its reply.

        Raises:
            ResponseError: The server's reply is an error.
            RedisConnectionError: There is no reply, but the call may have taken effect.
        """
        (answer,) = await self.ask_all([words])
        return answer

    async def ask_all(self, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Make calls in one round trip, and return their replies; raises as `ask` does."""
        if self._connection is None:
            await self._connect()
        if self._connection is None or self._moves:
            raise RedisConnectionError("not connected")
        packed = b"".join([pack_command(tuple(words)) for words in calls])
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiting:
            self._connection.send(packed)
        else:
            if not self._unsent:
                loop.call_soon(self._send)
            self._unsent.append(packed)
        replies = [loop.create_future() for _ in calls]
        self._waiting.extend([_Call(reply, now) for reply in replies])
        if self._watching is None:
            self._watching = loop.call_later(self._seconds, self._watch)
        # If there are several, all errors count as seen, whichever is raised.
        answers = [await replies[0]] if len(replies) == 1 else await asyncio.gather(*replies)
        return [_checked(answer) for answer in answers]

    async def close(self) -> None:
        """Close the connection; calls that wait for a reply get none."""
        await self._tasks.close()

    async def _connect(self) -> None:
        """Try to connect, once for all calls that need it now, for as long as a reply may take."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            self._tasks.start(self._run(self._opening))
        await asyncio.wait({self._opening}, timeout=self._seconds)

    @property
    def _moves(self) -> bool:
        """Return whether the server announced that it moves; then the connection is given up."""
        connection = self._connection
        if connection is None or not connection.should_reconnect():  # type: ignore[no-untyped-call]
            return False
        if not self._waiting:
            connection.abort()
        return True

    async def _run(self, opening: asyncio.Future[None]) -> None:
        """Connect, and give each call its reply until the connection ends."""
        connection = self._make()
        try:
            await heeding(connection.connect())
            self._connection = connection
            opening.set_result(None)
            await connection.listen(partial(self._take, connection))
        except (RedisError, OSError):
            pass  # redis-py makes the calls again, and says what is wrong
        finally:
            self._connection = self._opening = None
            if not opening.done():
                opening.set_result(None)
            self._drop_calls()
            await connection.disconnect(nowait=True)

    def _take(self, connection: Direct, answer: Any) -> None:  # noqa: ANN401 - what Redis answers
        """Give the oldest call its reply."""
        if isinstance(answer, PushNotification):
            self._tasks.start(connection.heed(answer))
        elif _is_no_reply(answer) or not self._waiting:
            connection.abort()
        else:
            reply = self._waiting.popleft().reply
            if not reply.done():  # else the caller was cancelled
                reply.set_result(answer)

    def _send(self) -> None:
        """Send what was asked for in this step of the event loop.

        There is no need to drain the buffer, since each caller waits for its reply.
        """
        if self._connection is not None:
            self._connection.send(b"".join(self._unsent))
            self._unsent.clear()

    def _drop_calls(self) -> None:
        self._unsent.clear()
        for call in self._waiting:
            if not call.reply.done():
                call.reply.set_exception(RedisConnectionError("the connection was lost"))
        self._waiting.clear()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _watch(self) -> None:
        """Cut the connection if the oldest call has waited for too long."""
        self._watching = None
        if not self._waiting or self._connection is None:
            return
        loop = asyncio.get_running_loop()
        due = self._waiting[0].sent_at + self._seconds
        if due <= loop.time():
            self._connection.abort()
        else:
            self._watching = loop.call_at(due, self._watch)
