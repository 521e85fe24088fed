"""Outgoing requests: only to a platform's own hosts, checked at every redirect.

Platforms, apps and people give the bot addresses: of files, uploads, sockets and redirects. The bot
sends its token, a conversation or even a plain request only to the platform's own hosts over TLS,
and to the address that the operator set. Each platform names its hosts in `hosts.py`.
"""

from __future__ import annotations

import posixpath
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import aiohttp
from typing_extensions import override
from yarl import URL

from core.domain.errors import FileUnreadableError
from core.domain.limits import FILE_BYTES, in_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiohttp.tracing import Trace

_TLS = {"https", "wss"}
_PLAIN = {"http", "ws"}
_TLS_PORT = 443
_REDIRECTS = {301, 302, 303, 307, 308}
_HOPS = 5
"""The most requests for one file; no platform is known to redirect more than twice."""
_CHUNK = 64 * 1024
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)
"""The name of a host. An IPv6 address may end in any text as its zone (RFC 6874), so no address is
a name, whatever it ends with."""


class ElsewhereError(aiohttp.ClientError):
    """An address is not on the platform's hosts; no request was made."""

    def __init__(self) -> None:
        """Create it without the address, which may contain a secret."""
        super().__init__("an address leads away from the platform")


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of one platform."""

    names: frozenset[str]
    """Host names; a name that starts with a dot means every host below it."""
    base: str = ""
    """The address of the API that the operator set, which may be plain HTTP; empty for none."""
    closed: tuple[str, ...] = ()
    """Prefixes that no path may have, in lower case: a call of the API may answer with the token it
    got."""

    def find(self, text: str) -> URL | None:
        """Return an address as a URL if requests may go there, else None.

        Request the returned URL, since another parser may read another host in the text.
        """
        try:
            address = URL(text)
        except ValueError:
            return None
        return address if self.allow(address) else None

    def allow(self, address: URL) -> bool:
        """Return whether a request may go to an address."""
        if address.user is not None or address.password is not None:
            return False
        if self.closed and _plain_path(address).startswith(self.closed):
            return False
        return self._is_own(address) or self._is_base(address)

    def _is_own(self, address: URL) -> bool:
        if address.scheme not in _TLS or address.port != _TLS_PORT:
            return False
        host = address.raw_host or ""
        if _NAME.fullmatch(host) is None:
            return False
        suffixes = (host[at:] for at, char in enumerate(host) if char == ".")
        return host in self.names or any(suffix in self.names for suffix in suffixes)

    def _is_base(self, address: URL) -> bool:
        if not self.base:
            return False
        base = URL(self.base)
        schemes = _TLS if base.scheme in _TLS else _PLAIN
        origin = (base.raw_host, base.port)
        return address.scheme in schemes and (address.raw_host, address.port) == origin


class Connector(aiohttp.TCPConnector):
    """Connects only to hosts of the platform, also for redirects and sockets."""

    def __init__(self, hosts: Hosts, *, limit: int = 100) -> None:
        """Keep at most `limit` connections; 0 for any number."""
        super().__init__(limit=limit)
        self._hosts = hosts

    @override
    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.connector.Connection:
        """Return a connection for a request; raise `ElsewhereError` if it leads elsewhere."""
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
    """Request a file and follow redirects; provide the response within the block.

    The headers go to every host on the way, all of which are allowed. Raises `ElsewhereError`
    before a request that would go elsewhere, and what aiohttp raises.
    """
    url = hosts.find(address)
    for _ in range(_HOPS):
        if url is None:
            raise ElsewhereError
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location:
                yield response
                return
            url = _redirected(response.url, location, hosts)
    raise aiohttp.ClientPayloadError("a file's address redirects too often")


async def content_of(response: aiohttp.ClientResponse) -> bytes:
    """Read a file; raise `FileUnreadableError` if it has more than `FILE_BYTES` bytes."""
    content = bytearray()
    async for part in response.content.iter_chunked(_CHUNK):
        content += part
        if len(content) > FILE_BYTES:
            raise FileUnreadableError(f"it is too large: I can read {in_bytes(FILE_BYTES)}")
    return bytes(content)


def _plain_path(address: URL) -> str:
    """Return the path as a lenient server reads it: in lower case, `//` and `..` resolved."""
    return posixpath.normpath("/" + unquote(address.path).replace("\\", "/").lower().lstrip("/"))


def _redirected(here: URL, location: str, hosts: Hosts) -> URL | None:
    """Return the URL that a redirect leads to; None if requests may not go there."""
    try:
        address = here.join(URL(location))
    except ValueError:
        return None
    return address if hosts.allow(address) else None
