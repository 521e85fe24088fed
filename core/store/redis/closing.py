"""Connections of which no socket is left open."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from redis.asyncio.connection import AbstractConnection


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
