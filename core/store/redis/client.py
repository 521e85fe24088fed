"""The connection to Redis, as CHATBOT_STORE says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, AuthorizationError

from core.errors import SettingsError
from core.store.redis.connection import Direct, DirectTLS
from core.store.redis.errors import UNTRUSTED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SOCKET_SECONDS = 5.0
"""How long one reply may take."""
RETRIES = 10
"""How often a call is repeated when its reply is lost; safe, as every verb may be repeated."""
CONNECTIONS = 32
"""At most so many at once; who finds none free waits for one."""
_PLAIN: dict[str, Callable[[str], object]] = {
    "max_connections": int,
    "socket_timeout": float,
    "socket_connect_timeout": float,
}
_TLS: dict[str, Callable[[str], object]] = {
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_check_hostname": lambda text: {"true": True, "false": False}[text.lower()],
}


_FINAL = (AuthenticationError, AuthorizationError)
_Answer = TypeVar("_Answer")


class Patient(Retry):
    """Repeats what may end better the next time; a password or a certificate gets no better."""

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[_Answer]],
        fail: Callable[[Exception], Any] | Callable[[Exception, int], Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,  # noqa: FBT001, FBT002 - redis-py's own
    ) -> _Answer:
        """Call, and call again after a failure that may pass."""

        def may_pass(error: Exception) -> bool:
            if isinstance(error, _FINAL) or UNTRUSTED in str(error):
                return False
            return is_retryable is None or is_retryable(error)

        return await super().call_with_retry(do, fail, may_pass, with_failure_count)


def connect(url: str, *, connections: int = CONNECTIONS, retries: int = RETRIES) -> Redis:
    """Return a client for a `redis://` or `rediss://` address; it connects when it is used.

    Raises:
        SettingsError: The address can't be one.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"}:
        raise SettingsError("a Redis store's address begins with redis:// or rediss://")
    secure = parts.scheme == "rediss"
    options: dict[str, Any] = {
        "max_connections": connections,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        **_options(parts, secure=secure),
    }
    pool = BlockingConnectionPool(
        connection_class=DirectTLS if secure else Direct,
        host=parts.hostname or "localhost",
        port=_port(parts),
        db=_database(parts),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        retry=Patient(ExponentialWithJitterBackoff(base=0.01, cap=1), retries),
        encoding_errors="surrogatepass",
        **options,
    )
    return Redis.from_pool(pool)


def address(client: Redis) -> str:
    """Return where the client connects to, without user and password."""
    kwargs = client.connection_pool.connection_kwargs
    return f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or 6379
    except ValueError:
        raise SettingsError("the port in the Redis address is no port number") from None


def _database(parts: SplitResult) -> int:
    path = parts.path.strip("/")
    if path and not (path.isascii() and path.isdigit()):
        raise SettingsError("what follows the host in the Redis address must be a database number")
    return int(path or 0)


def _options(parts: SplitResult, *, secure: bool) -> dict[str, Any]:
    known = _PLAIN | (_TLS if secure else {})
    options: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            sentence = f"the Redis address has an unknown option {name!r}; known: "
            raise SettingsError(sentence + ", ".join(sorted(known)))
        try:
            options[name] = known[name](value)
        except (ValueError, KeyError):
            raise SettingsError(f"the option {name!r} in the Redis address is not valid") from None
    return options
