"""Limits on the connections of a public HTTP server: how many there are, and how long they last.

A client that sends half a request, or an endless body, holds a connection, and a process may have
only a certain number. So a request's head and its body each have to arrive within a time limit. If
there are too many connections, one of those without a signed request in progress is dropped for
the next: from the address that has the most of them, the one that was idle the longest. So one
address can't keep others out, and signed requests in progress are left alone.

Behind a proxy, all clients have one address. The proxy sends whole requests, and its idle
connections are dropped in turn.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections import OrderedDict, defaultdict
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

log = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""In which the head of a connection's first request has to arrive."""
BODY_SECONDS = 10.0
"""In which a request's body has to arrive."""
IDLE_SECONDS = 75.0
"""For which a connection is kept between two requests.

Proxies usually keep theirs for 60 (nginx's `keepalive_timeout`, AWS's load balancers). With more,
no connection is closed here just when a proxy sends the next request over it.
"""
_LINGER_SECONDS = 1.0
_MOST, _SHARE = 512, 4
"""Connections at once, and their share (one in four) of the files that the process may open. The
rest is for its own work, and for connections that arrive together before any can be dropped."""
_BACKLOG = 128
_LINE_SECONDS = 60.0
_RESET = struct.pack("ii", 1, 0)
"""Makes closing a socket send a reset (socket(7), SO_LINGER with no time)."""


class Connections:
    """The open connections, by the address they come from."""

    def __init__(self, most: int = 0) -> None:
        """Allow `most` connections at once; 0 allows as many as the system does."""
        self.most = most or most_by_system()
        self._count = 0
        self._idle: defaultdict[str, OrderedDict[_Connection, None]] = defaultdict(OrderedDict)
        """Those without a request in progress, by address, the one idle the longest first."""
        self._noted: dict[str, tuple[float, int]] = {}

    @property
    def at_once(self) -> int:
        """Return how many may be accepted together, before any other can be dropped for them."""
        return max(1, min(_BACKLOG, self.most // 2))

    def server(self, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> Server:
        """Return a server that answers requests by `handle`, over these connections."""
        return Server(handle, self)

    def note(self, what: str) -> None:
        """Log what unknown clients did: the first time of each kind, then once a minute."""
        now = asyncio.get_running_loop().time()
        since, count = self._noted.get(what, (-_LINE_SECONDS, 0))
        if now - since < _LINE_SECONDS:
            self._noted[what] = since, count + 1
            return
        log.warning("%s%s", what, f" ({count} more since the last line)" if count else "")
        self._noted[what] = now, 0

    @contextmanager
    def busy(self, request: web.BaseRequest) -> Iterator[None]:
        """Keep the connection while a signed request is answered."""
        connection = request.protocol
        assert isinstance(connection, _Connection)  # noqa: S101 - for the type checker
        self._forget(connection)
        try:
            yield
        finally:
            self.heard(connection)

    def admit(self, connection: _Connection) -> bool:
        """Return whether there is room for one more, dropping an idle one if need be."""
        if self._count >= self.most:
            self.note("dropped idle connections: there are too many, or too many half requests")
            crowd = max(self._idle.values(), key=len, default=None)
            if not crowd:
                return False
            oldest = next(iter(crowd))
            self.left(oldest)
            oldest.drop()
        self._count += 1
        connection.counted = True
        self.heard(connection)
        return True

    def heard(self, connection: _Connection) -> None:
        """Note that a connection has received or sent something."""
        if connection.counted:
            crowd = self._idle[connection.address]
            crowd[connection] = None
            crowd.move_to_end(connection)

    def left(self, connection: _Connection) -> None:
        """Note that a connection has ended; may be called twice."""
        if connection.counted:
            connection.counted = False
            self._count -= 1
            self._forget(connection)

    def _forget(self, connection: _Connection) -> None:
        crowd = self._idle.get(connection.address)
        if crowd is not None:
            crowd.pop(connection, None)
            if not crowd:
                del self._idle[connection.address]


class Server(web.Server):
    """An HTTP server over limited connections."""

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        connections: Connections,
    ) -> None:
        """Answer requests by `handle`."""
        super().__init__(handle, access_log=None)
        self.guard = connections

    def __call__(self) -> web.RequestHandler:
        """Return the protocol for one connection; asyncio calls this for each."""
        return _Connection(self)


class _Connection(web.RequestHandler):
    """aiohttp's connection, with a time limit for its first request and few lines in the log."""

    __slots__ = ("_late", "address", "counted", "guard")

    def __init__(self, server: Server) -> None:
        options: dict[str, Any] = {
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": _LINGER_SECONDS,
            "access_log": None,
            "auto_decompress": False,  # Slack compresses nothing, and a zip bomb would
        }
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.guard = server.guard
        self.address = ""
        self.counted = False
        """Whether it is among the open connections."""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, if there is room."""
        self.address = _address_of(transport)
        if not self.guard.admit(self):
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
            transport.abort()
            return
        self._late = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._head_is_late)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop counting it."""
        if self._late is not None:
            self._late.cancel()
        self.guard.left(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """Abort the connection at once, so that the system keeps nothing of it either."""
        transport = self.transport
        if isinstance(transport, asyncio.Transport):
            if (wire := transport.get_extra_info("socket")) is not None:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log, at most once a minute, that something arrived which is not HTTP."""
        del args, kw
        self.guard.note("rejected requests that can't be read, or broke off")

    def _head_is_late(self) -> None:
        if not self._request_count:
            self.drop()


def most_by_system() -> int:
    """Return how many connections to allow, by the number of files this process may open."""
    if sys.platform == "win32":
        return _MOST
    import resource  # noqa: PLC0415 - there is none on Windows

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(8, min(_MOST, files // _SHARE))


def _address_of(transport: asyncio.BaseTransport) -> str:
    """Return a connection's address; in IPv6, the network that one host usually has."""
    peer = transport.get_extra_info("peername")
    try:
        address = ip_address(str(peer[0]).partition("%")[0])
    except (IndexError, TypeError, ValueError):
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or int(address) >> 64)
