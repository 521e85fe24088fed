"""Clients for Redis: for one server, for a server behind Sentinels, and for a cluster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.driver_info import DriverInfo

from core.store.redis.connecting.address import PORT, Form, parse
from core.store.redis.connecting.cluster import Cluster
from core.store.redis.connecting.connection import Direct, DirectTLS, Pool
from core.store.redis.connecting.errors import is_final
from core.store.redis.connecting.pipelined import PipelinedConnection
from core.store.redis.connecting.sentinel import Managed, ManagedTLS, SentinelPool, Sentinels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from core.store.redis.connecting.address import Address

Client: TypeAlias = Redis | Cluster
Value: TypeAlias = str | int | float | bytes
"""A word of a command."""

SOCKET_SECONDS = 5.0
"""How long one reply may take."""
RETRIES = 10
"""Retries of a call whose reply is lost; safe, as every verb may be repeated."""
FAILOVER_RETRIES = 40
"""Retries while another server takes over: some 15 s, within the store's patience."""
CONNECTIONS = 32
"""The most connections; a call that finds none free waits for one."""

_Answer = TypeVar("_Answer")


class Patient(Retry):
    """Retries transient errors only; a wrong password or certificate stays wrong."""

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[_Answer]],
        fail: Callable[[Exception], Any] | Callable[[Exception, int], Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,  # noqa: FBT001, FBT002 - redis-py's own
    ) -> _Answer:
        """Call, and retry after a transient failure."""

        def may_pass(error: Exception) -> bool:
            return not is_final(error) and (is_retryable is None or is_retryable(error))

        return await super().call_with_retry(do, fail, may_pass, with_failure_count)


def connect(url: str, *, connections: int = CONNECTIONS, retries: int | None = None) -> Client:
    """Return a client for a Redis address; it connects when it is used.

    Args:
        url: An address of one of `core.store.redis.connecting.address.SCHEMES`.
        connections: The most connections (to each node of a cluster).
        retries: The retries of a call; by default, more if there is a failover.

    Raises:
        SettingsError: The address is invalid.
    """
    address = parse(url)
    usual = RETRIES if address.form is Form.SINGLE else FAILOVER_RETRIES
    options: dict[str, Any] = {
        "max_connections": connections,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        "username": address.username,
        "password": address.password,
        "encoding_errors": "surrogatepass",
        # Otherwise each connection reads redis-py's version from its files, which takes 1 ms.
        "driver_info": DriverInfo(),
        "retry": Patient(
            ExponentialWithJitterBackoff(base=0.01, cap=1), usual if retries is None else retries
        ),
        **address.options,
    }
    return _CONNECT[address.form](address, options)


def where_is(client: Client) -> str:
    """Return the hosts and ports of the client, without user and password."""
    if isinstance(client, Cluster):
        return ", ".join(f"{host}:{port}" for host, port in client.hosts)
    pool = client.connection_pool
    if isinstance(pool, SentinelPool):
        return pool.described
    known = pool.connection_kwargs
    return f"{known.get('host', 'localhost')}:{known.get('port', PORT)}"


def has_failover(client: Client) -> bool:
    """Return whether another server takes over when the primary fails."""
    return isinstance(client, Cluster) or isinstance(client.connection_pool, SentinelPool)


async def disconnect(client: Client) -> None:
    """Close all connections."""
    await (client.close_all() if isinstance(client, Cluster) else client.aclose())


def command(client: Client, *words: Value) -> Coroutine[Any, Any, Any]:
    """Send any command; the coroutine returns what Redis answers."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def pipelined(client: Client, seconds: float) -> PipelinedConnection | None:
    """Return a connection for many calls at once; None if the client has more than one server.

    A reply may take `seconds` at most, or less if the client's address says so.
    """
    pool = None if isinstance(client, Cluster) else client.connection_pool
    if not isinstance(pool, Pool):
        return None
    options = pool.connection_kwargs | {"retry": Retry(NoBackoff(), 0)}  # redis-py retries the call
    limit = options["socket_timeout"] or seconds
    kind: Any = pool.connection_class
    return PipelinedConnection(partial(kind, **options), min(limit, seconds))


async def piped(client: Client, commands: Sequence[tuple[Value, ...]]) -> list[Any]:
    """Return the replies to commands, in one round trip (to each node of a cluster)."""
    if isinstance(client, Cluster):
        return await client.piped(commands)
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = await pipeline.execute()
    return answers


def _single(address: Address, options: dict[str, Any]) -> Redis:
    ((host, port),) = address.hosts
    pool = Pool(
        connection_class=DirectTLS if address.secure else Direct,
        host=host,
        port=port,
        db=address.database,
        **options,
    )
    return Redis.from_pool(pool)


def _sentinel(address: Address, options: dict[str, Any]) -> Redis:
    asked_as = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    sentinels = Sentinels(
        address.hosts,
        {
            **{name: value for name, value in options.items() if name.startswith("ssl_")},
            "ssl": address.secure,
            "socket_timeout": 1.0,  # another one can be asked
            "socket_connect_timeout": 1.0,
            "retry": None,
            **asked_as,
        },
    )
    pool = SentinelPool(  # type: ignore[no-untyped-call]
        address.service,
        sentinels,
        connection_class=ManagedTLS if address.secure else Managed,
        db=address.database,
        **options,
    )
    pool.described = str(address)
    return Redis.from_pool(pool)


def _cluster(address: Address, options: dict[str, Any]) -> Cluster:
    return Cluster(address.hosts, ssl=address.secure, **options)


_CONNECT: dict[Form, Callable[[Address, dict[str, Any]], Client]] = {
    Form.SINGLE: _single,
    Form.SENTINEL: _sentinel,
    Form.CLUSTER: _cluster,
}
