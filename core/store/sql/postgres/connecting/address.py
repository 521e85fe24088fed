"""Parsing the address of a PostgreSQL in CHATBOT_STORE."""

from __future__ import annotations

from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from core.domain.errors import SettingsError

CONNECT_SECONDS = 5
"""How long one try to connect may take."""
_PORTS = 65_535
_DEFAULTS: dict[str, Any] = {
    "application_name": "chatbot",
    "connect_timeout": CONNECT_SECONDS,
    # Notice a host that vanished well before a lease runs out.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def parse(url: str) -> dict[str, Any]:
    """Return the parameters for libpq, which takes missing ones from PG* variables.

    Raises:
        SettingsError: The address is invalid. The text repeats nothing of it.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise SettingsError("a PostgreSQL store's address begins with postgresql://")
    try:
        parameters = conninfo_to_dict(url)
        _check(parameters)
    except (ProgrammingError, ValueError):
        raise SettingsError(
            "the PostgreSQL address can't be read: write "
            "postgresql://USER:PASSWORD@HOST:5432/DATABASE, with any of : / ? # @ % in the "
            "user or password written as %3A %2F %3F %23 %40 %25"
        ) from None
    several = "," in str(parameters.get("host", ""))
    settings = {"target_session_attrs": "read-write"} if several else {}  # find the primary
    # The address may not override what the pool relies on.
    return {**_DEFAULTS, **settings, **parameters, "client_encoding": "UTF8"}


def shown(parameters: dict[str, Any]) -> str:
    """Return the hosts and ports, without user and password."""
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "localhost").split(",")
    ports = _ports(parameters) or [5432]
    ports += ports[-1:] * (len(hosts) - len(ports))
    return ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=False))


def _check(parameters: dict[str, Any]) -> None:
    """Raise `ValueError` for a host or a port that can't exist: the driver fails with another."""
    if not all(0 < port <= _PORTS for port in _ports(parameters)):
        raise ValueError("a port")
    for host in str(parameters.get("host") or "").split(","):
        if not host.startswith(("/", "@")):  # a socket's folder
            host.encode("idna")  # it fails for a name with an empty part, or a long one


def _ports(parameters: dict[str, Any]) -> list[int]:
    return [int(port) for port in str(parameters.get("port") or "").split(",") if port]
