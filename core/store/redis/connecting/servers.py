"""Connecting to each server of a Redis by itself, replicas included."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.store.redis.connecting.client import SOCKET_SECONDS
from core.store.redis.connecting.cluster import Cluster
from core.store.redis.connecting.connection import Direct, DirectTLS, Pool
from core.store.redis.connecting.sentinel import SentinelPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from core.store.redis.connecting.client import Client

At: TypeAlias = tuple[str, int]
"""A host and a port."""
_OPTIONS = ("username", "password", "socket_timeout", "socket_connect_timeout")
"""The client's options that a connection to one server takes, beside those for TLS."""


async def keepers(client: Client, keys: Iterable[str]) -> set[At]:
    """Return the servers that hold these keys: primaries, and the replicas that they know."""
    if isinstance(client, Cluster):
        await client.initialize()
        slots = {client.keyslot(key) for key in keys}
        nodes = [node for slot in slots for node in client.nodes_manager.slots_cache[slot]]
        return {(str(node.host), int(node.port)) for node in nodes}
    known: dict[str, Any] = await client.info("replication")
    behind = [value for name, value in known.items() if _is_replica(name, value)]
    replicas = {(str(each["ip"]), int(each["port"])) for each in behind}
    return {await primary(client), *replicas}


async def primary(client: Client) -> At:
    """Return the primary of a Redis that is not a cluster."""
    pool = client.connection_pool  # type: ignore[union-attr]  # a cluster has none
    if isinstance(pool, SentinelPool):
        host, port = await pool.get_master_address()  # type: ignore[no-untyped-call]
        return host, int(port)
    return pool.connection_kwargs["host"], int(pool.connection_kwargs["port"])


@asynccontextmanager
async def alone(client: Client, at: At) -> AsyncIterator[Redis]:
    """Connect to one server with the user and the options of the client."""
    known, kind = _kind(client)
    options = {name: known[name] for name in known if name in _OPTIONS or name.startswith("ssl_")}
    pool = Pool(
        connection_class=DirectTLS if issubclass(kind, SSLConnection) else Direct,
        host=at[0],
        port=at[1],
        max_connections=1,
        retry=Retry(NoBackoff(), 1),
        **{"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS, **options},
    )
    one = Redis.from_pool(pool)
    try:
        yield one
    finally:
        await one.aclose()


def _kind(client: Client) -> tuple[dict[str, Any], type]:
    """Return the options and the class of the client's connections."""
    if isinstance(client, Cluster):
        return client.connection_kwargs, client.connection_kwargs["connection_class"]
    return client.connection_pool.connection_kwargs, client.connection_pool.connection_class


def _is_replica(name: str, value: object) -> bool:
    return name.startswith("slave") and isinstance(value, dict) and {"ip", "port"} <= set(value)
