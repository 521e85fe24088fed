"""Says what is wrong with variables that HTTP libraries read: proxies, exceptions, certificates.

The bot has no settings of its own for these. The libraries read them when they are set up, and end
with a traceback, or connect to nothing later, if a value is wrong. Sources: httpx2 and Anthropic's
SDK (`_utils/_httpx.py`) read the proxies of `urllib.request.getproxies`, which takes their names in
any mix of small and capital letters, also ALL_PROXY; slack-sdk
(`proxy_env_variable_loader.py`) takes HTTPS_PROXY or HTTP_PROXY, with its scheme; botocore
(`endpoint.py`) reads AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE; `ssl.create_default_context` opens
SSLKEYLOGFILE; discord.py, redis and psycopg read no proxy.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from bots.settings.addresses import fault_in_url
from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bots.settings.settings import Settings

_PROXIES = ("http_proxy", "https_proxy")
_ENTRY = (
    "has an entry that can't be used (number {number}): use host names in ASCII, IPv4 networks "
    "such as 10.0.0.0/8 and IPv6 addresses without brackets, separated by commas"
)
_TLS_FILES = {
    *("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"),  # redis
    *("sslrootcert", "sslcert", "sslkey", "sslcrl"),  # libpq
}
_HTTP = "an address such as http://proxy.example:3128, or remove it"
_CERTIFICATES = "the path of a file of certificates in PEM format, or remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUses:
    """Which libraries make requests in this run."""

    claude: bool = False
    slack: bool = False
    dynamodb: bool = False
    tls: bool = False
    """Any connection that checks certificates, of these or of others."""


def check_network(settings: Settings, *, talks: bool) -> None:
    """Raise `SettingsError` if a variable of the network can't be used in this run.

    `talks` says whether the model and the platforms are used, and not only the store.
    """
    store = settings.store.get_secret_value()
    claude = talks and not settings.offline
    # Not `settings.slack`: half of its tokens is another fault, which has a sentence of its own.
    slack, discord = (
        talks and bool(token.get_secret_value())
        for token in (settings.slack_bot_token, settings.discord_bot_token)
    )
    asks_safely = claude and not settings.anthropic_base_url.startswith("http:")
    uses = NetworkUses(
        claude=claude,
        slack=slack,
        dynamodb=store.startswith("dynamodb:"),
        tls=asks_safely or slack or discord or store.startswith(("dynamodb:", "rediss:")),
    )
    if faults := [*network_faults(uses, os.environ), *store_faults(store)]:
        raise SettingsError("\n".join(faults))


def network_faults(uses: NetworkUses, environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that a library would refuse; none shows its value."""
    found = [*_proxies(uses, environment), *_certificates(uses, environment)]
    if uses.claude:
        found += _exceptions(environment)
    return [f"{name} {what}." for name, what in found]


def store_faults(url: str) -> list[str]:
    """Return a sentence for each file for TLS that a store's URL names and that can't be read.

    The drivers open them while they connect, and report a server that can't be reached.
    """
    options = parse_qsl(url.partition("?")[2])
    missing = [name for name, path in options if name in _TLS_FILES and not _can_read(path)]
    return [f"CHATBOT_STORE names a file that can't be read ({name})." for name in missing]


def _can_read(path: str) -> bool:
    if path == "system":  # libpq's word for the system's own certificates
        return True
    try:
        with Path(path).open("rb"):
            return True
    except (OSError, ValueError):
        return False


def _proxies(uses: NetworkUses, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    if uses.claude or uses.slack or uses.dynamodb:
        names |= set(_PROXIES)
    if uses.claude:
        names.add("all_proxy")
    for name, value in _set(environment, names, any_case=uses.claude or uses.dynamodb):
        if fault := _fault_in_proxy(value, scheme=uses.slack):
            yield name, f"{fault}: use {_HTTP}"


def _fault_in_proxy(value: str, *, scheme: bool) -> str:
    """Return what is wrong with a proxy's address; `scheme` says whether it needs one."""
    value = value.rstrip(" ")  # the libraries take spaces behind it, but no line end
    if not value.isprintable() or value.startswith(" "):
        return "contains characters that no URL has"
    kind, colon, rest = value.partition("://")
    if not colon:
        kind, rest = "http", value
        if scheme:
            return "names a proxy without http:// before it"
    if kind.lower().startswith("socks"):
        return "names a SOCKS proxy, which I can't use"
    if kind.lower() not in {"http", "https"}:
        return "names a proxy that is not reached by HTTP"
    fault = fault_in_url(f"http://{rest}")
    return f"{fault}".replace("is not a URL", "is not the address of a proxy")


def _exceptions(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in _set(environment, {"no_proxy"}, any_case=True):
        entries = [entry.strip() for entry in value.split(",")]
        if "*" in entries:
            continue
        refused = [number for number, entry in enumerate(entries, 1) if _is_refused(entry)]
        if refused:
            yield name, _ENTRY.format(number=refused[0])


def _is_refused(entry: str) -> bool:
    """Return whether the HTTP library refuses what Anthropic's SDK makes of an entry."""
    import httpx2  # noqa: PLC0415 - only if there are exceptions

    try:
        httpx2.Client(
            transport=httpx2.BaseTransport(), mounts={_pattern(entry): None}, trust_env=False
        ).close()
    except (httpx2.InvalidURL, ValueError):  # idna's errors are ValueErrors
        return True
    return False


def _pattern(entry: str) -> str:
    """Return the pattern of addresses for an entry (Anthropic's SDK, `_utils/_httpx.py`)."""
    if not entry or "://" in entry:
        return entry
    try:
        version = ip_address(entry.partition("/")[0]).version
    except ValueError:
        return f"all://{'' if entry.lower() == 'localhost' else '*'}{entry}"
    return f"all://{entry}" if version == 4 else f"all://[{entry}]"  # noqa: PLR2004 - of IP


def _certificates(uses: NetworkUses, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    opened = uses.tls or uses.claude  # Anthropic's SDK opens them for plain HTTP as well
    files = {"SSL_CERT_FILE"} if opened else set()
    if uses.dynamodb:
        files |= {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}
    for name in sorted(files):
        value = environment.get(name, "")
        folder = name != "SSL_CERT_FILE" and Path(value).is_dir()  # botocore takes one
        if value and not folder and not _holds_certificates(value):
            yield name, f"names a file that has no readable certificates: use {_CERTIFICATES}"
    folders = environment.get("SSL_CERT_DIR", "")
    if uses.tls and folders and not any(Path(each).is_dir() for each in folders.split(":")):
        yield "SSL_CERT_DIR", "names no folder: use a folder of certificates, or remove it"
    keys = environment.get("SSLKEYLOGFILE", "")
    if opened and keys and not _can_append(Path(keys)):
        yield "SSLKEYLOGFILE", "names a file that can't be written: remove it"


def _holds_certificates(path: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True


def _can_append(path: Path) -> bool:
    try:
        with path.open("a"):
            return True
    except (OSError, ValueError):
        return False


def _set(
    environment: Mapping[str, str], names: set[str], *, any_case: bool
) -> Iterator[tuple[str, str]]:
    """Yield the variables of these names that are set, sorted.

    They count in small or in capital letters, and in a mix of both if `any_case`.
    """
    for name in sorted(environment):
        known = any_case or name in {name.upper(), name.lower()}
        if known and name.lower() in names and environment[name]:
            yield name, environment[name]
