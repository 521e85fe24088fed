"""Parsing the address of a Redis in CHATBOT_STORE: where it is, and how to connect. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from core.domain.errors import SettingsError

PORT = 6379
SENTINEL_PORT = 26379
Hosts: TypeAlias = tuple[tuple[str, int], ...]
_Readers: TypeAlias = Mapping[str, Callable[[str], object]]


class Form(StrEnum):
    """The form in which a Redis runs."""

    SINGLE = "redis"
    SENTINEL = "redis+sentinel"
    CLUSTER = "redis+cluster"


SCHEMES = {scheme: form for form in Form for scheme in (form.value, f"rediss{form.value[5:]}")}
"""The schemes of Redis addresses; those that begin with `rediss` use TLS."""

_PLAIN: _Readers = {
    "max_connections": int,
    "socket_timeout": float,
    "socket_connect_timeout": float,
}
_TLS: _Readers = {
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_check_hostname": lambda text: {"true": True, "false": False}[text.lower()],
}
_SENTINEL: _Readers = {"sentinel_username": str, "sentinel_password": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a Redis is, and how to connect."""

    form: Form
    secure: bool
    hosts: Hosts
    """The server, the Sentinels, or some nodes of a cluster."""
    service: str = ""
    """The name under which the Sentinels know the primary."""
    database: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Further options of the client, under redis-py's names."""

    def __str__(self) -> str:
        """Return the address without user, password and options."""
        hosts = ", ".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{self.service} by {hosts}" if self.service else hosts


def parse(url: str) -> Address:
    """Return the address in a URL of one of `SCHEMES`.

    Raises:
        SettingsError: The URL is invalid; the text never repeats it, as it may hold a password.
    """
    # Not with urlsplit, which takes only one host; newer Pythons raise for several in [ ].
    scheme, _, rest = url.partition("#")[0].partition("://")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    form = SCHEMES.get(scheme)
    if form is None:
        raise SettingsError(
            "a Redis store's address begins with redis://, redis+sentinel:// or redis+cluster:// "
            "(rediss… for TLS)"
        )
    secure = scheme.startswith("rediss")
    user, at, hosts = authority.rpartition("@")
    name, _, password = user.partition(":") if at else ("", "", "")
    service, database = _path(path, form)
    return Address(
        form=form,
        secure=secure,
        hosts=_hosts(hosts, form),
        service=service,
        database=database,
        username=unquote(name) or None,
        password=unquote(password) or None,
        options=_options(query, form, secure=secure),
    )


def _hosts(text: str, form: Form) -> Hosts:
    if form is Form.SINGLE and "," in text:
        raise SettingsError(
            "redis:// takes one host: for several write redis+sentinel:// or redis+cluster://"
        )
    if form is Form.SENTINEL and not text:
        raise SettingsError(f"{form}:// needs the Sentinels' hosts: {form}://h1,h2,h3/SERVICE")
    usual = SENTINEL_PORT if form is Form.SENTINEL else PORT
    return tuple(_host(each, usual) for each in text.split(","))


def _host(text: str, usual: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
    except ValueError:
        raise SettingsError(
            "a host in the Redis address can't be read: an IPv6 address goes into [ ]"
        ) from None
    try:
        return parts.hostname or "localhost", parts.port or usual
    except ValueError:
        raise SettingsError("the port in the Redis address is no port number") from None


def _path(path: str, form: Form) -> tuple[str, int]:
    """Return the name of the Sentinels' service, and the database number."""
    service, path = "", path.strip("/")
    if form is Form.SENTINEL:
        service, _, path = path.partition("/")
        if not service:
            raise SettingsError(
                f"{form}:// needs the name of the service that the Sentinels watch: "
                f"{form}://h1,h2,h3/SERVICE"
            )
    if path and not (path.isascii() and path.isdigit()):
        where = "the service" if service else "the host"
        raise SettingsError(f"what follows {where} in the Redis address must be a database number")
    if form is Form.CLUSTER and int(path or 0):
        raise SettingsError("a Redis cluster has no databases but 0: leave the number out")
    return unquote(service), int(path or 0)


def _options(query: str, form: Form, *, secure: bool) -> dict[str, object]:
    known: dict[str, Callable[[str], object]] = {**_PLAIN}
    if secure:
        known |= _TLS
    if form is Form.SENTINEL:
        known |= _SENTINEL
    options: dict[str, object] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            sentence = f"the Redis address has an unknown option {name!r}; known: "
            raise SettingsError(sentence + ", ".join(sorted(known)))
        try:
            options[name] = known[name](value)
        except (ValueError, KeyError):
            raise SettingsError(f"the option {name!r} in the Redis address is not valid") from None
    return options
