"""Which hosts belong to a platform: no address from outside decides who gets a request. Pure.

Platforms, apps and people hand the bot addresses: of files, uploads, sockets and redirects. The bot
sends its token, a conversation or a plain request only to the platform's own hosts over TLS, and to
the address that the operator set.
"""

from __future__ import annotations

from dataclasses import dataclass

from yarl import URL

_TLS = {"https", "wss"}
_PLAIN = {"http", "ws"}
_TLS_PORT = 443


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of one platform."""

    names: frozenset[str]
    """Names of hosts; a name that begins with a dot stands for each host below it."""
    base: str = ""
    """The address of the API that the operator set, which may be plain; empty for none."""
    closed: tuple[str, ...] = ()
    """What no path may begin with: a call of the API may answer with the token that it got."""

    def find(self, text: str) -> URL | None:
        """Return an address if a request may go there, else None.

        The answer is what has to be asked for: another parser may read another host in the text.
        """
        try:
            address = URL(text)
        except ValueError:
            return None
        return address if self.allow(address) else None

    def allow(self, address: URL) -> bool:
        """Tell whether a request may go to an address."""
        if address.user is not None or address.password is not None:
            return False
        if self.closed and address.path.startswith(self.closed):
            return False
        return self._is_theirs(address) or self._is_base(address)

    def _is_theirs(self, address: URL) -> bool:
        if address.scheme not in _TLS or address.port != _TLS_PORT:
            return False
        host = address.raw_host or ""
        below = (host[at:] for at, sign in enumerate(host) if sign == ".")
        return host in self.names or any(name in self.names for name in below)

    def _is_base(self, address: URL) -> bool:
        if not self.base:
            return False
        base = URL(self.base)
        schemes = _TLS if base.scheme in _TLS else _PLAIN
        there = (base.raw_host, base.port)
        return address.scheme in schemes and (address.raw_host, address.port) == there
