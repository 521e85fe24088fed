"""The connections of an HTTP server that anybody may reach: how many there are, and for how long.

A client that sends half a request, or a body that never ends, holds a connection, and a process
may have only so many. So a request's head and its body each have a time in which they have to come.
If there are too many connections, one that nothing good has come through gives way to the next: of
the address that has the most of them, and of those the one that was heard of last the longest ago.
So one address can't keep others out; and what is being answered, signed as it was, is left alone.

Behind a proxy all have one address. It sends whole requests, and those that wait give way in turn.
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
"""In which the first request of a connection has to come, but for its body."""
BODY_SECONDS = 10.0
IDLE_SECONDS = 75.0
"""For which a connection is kept between two requests.

That is longer than proxies keep theirs, which are 60 as a rule (nginx's `keepalive_timeout`, AWS's
load balancers): so none is closed here just when a proxy sends the next request over it.
"""
_LINGER_SECONDS = 1.0
_MOST, _SHARE = 512, 4
"""Connections at once, and the part of the files that the process may open: the rest is for what it
does, and for what arrives together before any of it can give way."""
_BACKLOG = 128
_LINE_SECONDS = 60.0
_RESET = struct.pack("ii", 1, 0)
"""Lets a socket be closed by a reset (socket(7), SO_LINGER with no time)."""


class Connections:
    """The open connections, by the address that they come from."""

    def __init__(self, most: int = 0) -> None:
        """Have so many at once, by default as many as the system lets."""
        self.most = most or most_by_system()
        self._count = 0
        self._idle: defaultdict[str, OrderedDict[_Connection, None]] = defaultdict(OrderedDict)
        """Those that nothing is done for, by address, the one heard of the longest ago first."""
        self._noted: dict[str, tuple[float, int]] = {}

    @property
    def at_once(self) -> int:
        """Return how many may be accepted together, before any other can give way to them."""
        return max(1, min(_BACKLOG, self.most // 2))

    def server(self, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> Server:
        """Return a server that answers requests so, over these connections."""
        return Server(handle, self)

    def note(self, what: str) -> None:
        """Write a line on what comes from strangers: the first of a kind, then one a minute."""
        now = asyncio.get_running_loop().time()
        since, count = self._noted.get(what, (-_LINE_SECONDS, 0))
        if now - since < _LINE_SECONDS:
            self._noted[what] = since, count + 1
            return
        log.warning("%s%s", what, f" ({count} more since the last line)" if count else "")
        self._noted[what] = now, 0

    @contextmanager
    def busy(self, request: web.BaseRequest) -> Iterator[None]:
        """Leave the connection alone while a request is answered that has shown whose it is."""
        connection = request.protocol
        assert isinstance(connection, _Connection)  # noqa: S101 - for the type checker
        self._forget(connection)
        try:
            yield
        finally:
            self.heard(connection)

    def admit(self, connection: _Connection) -> bool:
        """Tell whether there is room for one more; another one may give way to it."""
        if self._count >= self.most:
            self.note("connections give way: there are too many, or too many half requests")
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
        """Note that something came over a connection, or went."""
        if connection.counted:
            crowd = self._idle[connection.address]
            crowd[connection] = None
            crowd.move_to_end(connection)

    def left(self, connection: _Connection) -> None:
        """Note that a connection has ended; may be told twice."""
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
    """An HTTP server over guarded connections."""

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        connections: Connections,
    ) -> None:
        """Answer requests by `handle`."""
        super().__init__(handle, access_log=None)
        self.guard = connections

    def __call__(self) -> web.RequestHandler:
        """Return what speaks HTTP over one connection; asyncio calls it for each."""
        return _Connection(self)


class _Connection(web.RequestHandler):
    """One connection: aiohttp's, with a time for its first request, and no line for each fault."""

    __slots__ = ("_late", "address", "counted", "guard")

    def __init__(self, server: Server) -> None:
        options: dict[str, Any] = {
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": _LINGER_SECONDS,
            "access_log": None,
            "auto_decompress": False,  # Slack packs nothing, and a bomb need not go off
        }
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.guard = server.guard
        self.address = ""
        self.counted = False
        """It is one of those that there are."""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, where there is room."""
        self.address = _address_of(transport)
        if not self.guard.admit(self):
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
            transport.abort()
            return
        self._late = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._head_is_late)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        if self._late is not None:
            self._late.cancel()
        self.guard.left(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """End it at once, whatever is on its way, and keep nothing of it in the system either."""
        transport = self.transport
        if isinstance(transport, asyncio.Transport):
            if (wire := transport.get_extra_info("socket")) is not None:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Say at most once a minute that something came that is no HTTP: anybody may send it."""
        del args, kw
        self.guard.note("requests are refused that can't be read, or broke off")

    def _head_is_late(self) -> None:
        if not self._request_count:
            self.drop()


def most_by_system() -> int:
    """Return how many connections there may be, by the files that this process may open."""
    if sys.platform == "win32":
        return _MOST
    import resource  # noqa: PLC0415 - there is none on Windows

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(8, min(_MOST, files // _SHARE))


def _address_of(transport: asyncio.BaseTransport) -> str:
    """Return whom a connection is from: an address, or the network that one host has in IPv6."""
    peer = transport.get_extra_info("peername")
    try:
        address = ip_address(str(peer[0]).partition("%")[0])
    except (IndexError, TypeError, ValueError):
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or int(address) >> 64)
