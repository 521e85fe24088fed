"""Requests that leave the bot: only to hosts of the platform, decided at each hop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from core.domain.errors import FileUnreadableError
from core.domain.limits import FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiohttp.tracing import Trace

    from bots.hosts import Hosts

_REDIRECTS = {301, 302, 303, 307, 308}
_HOPS = 5
"""Requests for one file; no platform is known to redirect more than twice."""
_CHUNK = 64 * 1024


class ElsewhereError(aiohttp.ClientError):
    """An address leads away from the platform; no request was made."""

    def __init__(self) -> None:
        """Say so without the address, which may hold a secret of its own."""
        super().__init__("an address leads away from the platform")


class Connector(aiohttp.TCPConnector):
    """Connects to hosts of the platform alone, for redirects and sockets too."""

    def __init__(self, hosts: Hosts, *, limit: int = 100) -> None:
        """Keep `limit` connections at most; 0 for any number."""
        super().__init__(limit=limit)
        self._hosts = hosts

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> aiohttp.connector.Connection:
        """Give a connection for a request; raises `ElsewhereError` for an address elsewhere."""
        if not self._hosts.allow(req.url):
            raise ElsewhereError
        return await super().connect(req, traces, timeout)


@asynccontextmanager
async def opened(
    session: aiohttp.ClientSession,
    address: str,
    hosts: Hosts,
    headers: Mapping[str, str] | None = None,
) -> AsyncGenerator[aiohttp.ClientResponse, None]:
    """Ask for a file, and give the answer that is no redirect, as long as the block.

    The headers go to each of the hosts on the way, all of which are allowed ones. Raises
    `ElsewhereError` before a request that would go anywhere else, and what aiohttp raises.
    """
    found = hosts.find(address)
    for _ in range(_HOPS):
        if found is None:
            raise ElsewhereError
        async with session.get(found, headers=headers, allow_redirects=False) as response:
            there = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not there:
                yield response
                return
            found = _next(response.url, there, hosts)
    raise aiohttp.ClientPayloadError("a file's address redirects too often")


async def content_of(response: aiohttp.ClientResponse) -> bytes:
    """Read a file; raises `FileUnreadableError` for one of more than `FILE_BYTES` bytes."""
    content = bytearray()
    async for part in response.content.iter_chunked(_CHUNK):
        content += part
        if len(content) > FILE_BYTES:
            raise FileUnreadableError("it is too large")
    return bytes(content)


def _next(here: URL, there: str, hosts: Hosts) -> URL | None:
    try:
        address = here.join(URL(there))
    except ValueError:
        return None
    return address if hosts.allow(address) else None
