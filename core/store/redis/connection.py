"""A connection to Redis that makes no task of each command it sends.

redis-py sends within `asyncio.wait_for`, which up to Python 3.11 makes one: a tenth of a turn's
client time, for something that nearly never waits, as the socket takes what fits into its buffer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Direct(Connection):
    """A connection in the clear."""

    async def connect(self) -> None:
        """Connect if need be; the pool asks for it before each command, by way of the retries."""
        if not self.is_connected:
            await super().connect()  # type: ignore[no-untyped-call]

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's own
    ) -> None:
        """Send what is packed, within the time that one reply may take."""
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


class DirectTLS(Direct, SSLConnection):
    """The same, with TLS."""
