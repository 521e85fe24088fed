"""Opening the store that a URL names. Only the kind of store that is needed is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from core.domain.clock import Clock
    from core.store.port import Store

_EXAMPLES = (
    "redis://localhost:6379/0, postgresql://localhost/chatbot, sqlite:///chat.db, "
    "dynamodb://chatbot?region=eu-central-1 or memory://"
)
_REDIS = tuple(f"redis{tls}{form}" for form in ("", "+sentinel", "+cluster") for tls in ("", "s"))
_POSTGRESQL = ("postgresql", "postgres")
SCHEMES = ("memory", "sqlite", *_REDIS, *_POSTGRESQL, "dynamodb")
"""The schemes of store URLs."""


async def open_store(url: str, *, clock: Clock, lease_seconds: float) -> Store:
    """Open the store that a URL names.

    Args:
        url: `memory://`, `sqlite:///relative/path`, `sqlite:////absolute/path`,
            `postgresql://user:password@host:5432/database` with any parameter of libpq,
            `dynamodb://table?region=…`, or an address that begins with `redis://`,
            `redis+sentinel://` or `redis+cluster://` (`rediss…` for TLS).
        clock: The time, for stores without a clock of their own.
        lease_seconds: How long a lease lives without being renewed.

    Raises:
        SettingsError: The URL names no store; the text says what to write, and never repeats
            the URL, which may hold a password.
        StoreRefusedError: The store exists but can't be used as it is.
        StoreUnavailableError: The store does not answer.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in _REDIS:
        return _redis(url, lease_seconds)
    if separator and scheme == "sqlite":
        return await _sqlite(rest, clock, lease_seconds)
    if separator and scheme in _POSTGRESQL:
        return await _postgresql(url, lease_seconds)
    if separator and scheme == "dynamodb":
        return await _dynamodb(url, clock, lease_seconds)
    if url == "memory://":
        from core.store.local.store import LocalStore  # noqa: PLC0415 - see the module

        return LocalStore(clock, lease_seconds=lease_seconds)
    raise SettingsError(f"the store's URL names no known kind of store: write {_EXAMPLES}")


async def init_store(url: str) -> bool | None:
    """Create what the store at a URL needs but does not create when it is opened.

    Returns:
        Whether anything was created; None for a store that needs nothing.

    Raises:
        SettingsError, StoreRefusedError, StoreUnavailableError: As `open_store`.
    """
    if not url.startswith("dynamodb://"):
        return None
    try:
        from core.store.dynamodb import make_table  # noqa: PLC0415 - see the module
        from core.store.dynamodb.connecting.address import parse  # noqa: PLC0415
    except ImportError as error:
        raise _missing("dynamodb", "dynamodb") from error
    return await make_table(parse(url))


async def _dynamodb(url: str, clock: Clock, lease_seconds: float) -> Store:
    try:
        from core.store.dynamodb import DynamoStore  # noqa: PLC0415 - see the module
    except ImportError as error:
        raise _missing("dynamodb", "dynamodb") from error
    return await DynamoStore.open(url, clock, lease_seconds=lease_seconds)


def _redis(url: str, lease_seconds: float) -> Store:
    from core.store.redis import RedisStore  # noqa: PLC0415 - see the module

    return RedisStore.from_url(url, lease_seconds=lease_seconds)


async def _postgresql(url: str, lease_seconds: float) -> Store:
    try:
        from core.store.sql.postgres import PostgresStore  # noqa: PLC0415 - see the module
    except ImportError as error:
        raise _missing("postgresql", "postgres") from error
    return await PostgresStore.open(url, lease_seconds=lease_seconds)


def _missing(scheme: str, extra: str) -> SettingsError:
    return SettingsError(
        f"stores at {scheme}:// need a driver that is not installed: "
        f"install the extra {extra!r}: make run EXTRAS={extra}, or pip install '.[{extra}]'"
    )


async def _sqlite(rest: str, clock: Clock, lease_seconds: float) -> Store:
    from core.store.sql.sqlite.store import SqliteStore  # noqa: PLC0415 - see the module

    path = rest.removeprefix("/")  # nothing in it is escaped
    if path == ":memory:":
        raise SettingsError("a store in memory is written memory://, not sqlite:///:memory:")
    if path == rest or not path or path.endswith("/"):
        raise SettingsError(
            "after sqlite: come three slashes and the path of a file: "
            "sqlite:///chat.db, or sqlite:////var/lib/chatbot/chat.db"
        )
    return await SqliteStore.open(_file(path), clock, lease_seconds=lease_seconds)


def _file(path: str) -> Path:
    return Path(path).expanduser()
