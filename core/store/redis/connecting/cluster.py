"""A client for a Redis cluster that retries like the others, and leaves no connection open.

redis-py follows MOVED and ASK by itself. It does not wait for a free connection, does not pause
between tries while a replica is promoted or a slot moves, and does not close its connections to
nodes that it drops.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    MaxConnectionsError,
    RedisClusterException,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.store.redis.connecting.connection import Direct, DirectTLS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.store.redis.connecting.client import Value

PASSING: tuple[type[Exception], ...] = (
    AskError,  # MovedError is one
    AttributeError,  # raised by a connection that opens while redis-py closes all of them
    ClusterDownError,
    ClusterError,
    MaxConnectionsError,
    OSError,
    RedisClusterException,
    RedisConnectionError,
    RedisTimeoutError,
    TryAgainError,
)
"""What a client raises while a cluster reorganizes."""
_SPARE = 8
"""Connections to a node beyond those of calls: to listen, and to ask for slots."""
_IN_USE = 60.0
"""Seconds for which a call may still use a node that redis-py has dropped."""


class Cluster(RedisCluster):
    """All nodes of a cluster; each call goes to the node that has its keys."""

    __slots__ = ("_forgotten", "_free", "_patient", "hosts")

    def __init__(
        self,
        hosts: Sequence[tuple[str, int]],
        *,
        retry: Retry,
        max_connections: int,
        **options: Any,
    ) -> None:
        """Discover the cluster from these nodes; `retry` is the policy for each call."""
        self.hosts = tuple(hosts)
        self._patient = retry
        self._patient.update_supported_errors(PASSING)  # type: ignore[arg-type]
        self._free = asyncio.Semaphore(max_connections)
        self._forgotten: list[tuple[float, ClusterNode]] = []
        super().__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in hosts],
            retry=Retry(NoBackoff(), 1),  # once, after reading the slots again
            max_connections=max_connections + _SPARE,
            reinitialize_steps=0,  # otherwise MOVED closes connections in use
            **options,
        )
        kind = DirectTLS if options.get("ssl") else Direct
        self.connection_kwargs["connection_class"] = kind  # for nodes that are discovered later
        for node in self.startup_nodes:
            node.connection_class = kind

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> RedisCluster:
        """Discover the nodes; from the configured ones if all known nodes are gone."""
        if not self._initialize:
            return self
        before = self._nodes()
        try:
            return await super().initialize(additional_startup_nodes_info, last_failed_node_name)
        except RedisClusterException:
            known = self.nodes_manager.startup_nodes
            first = [ClusterNode(*host, **self.connection_kwargs) for host in self.hosts]
            if all(node.name in known for node in first):
                raise
            known |= {node.name: node for node in first if node.name not in known}
            return await super().initialize(None, last_failed_node_name)
        finally:
            await self._close_forgotten(before)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's
        """Make a call, and retry it while the cluster reorganizes."""
        call = super().execute_command

        async def ask() -> Any:  # noqa: ANN401 - redis-py's
            await self.initialize()  # otherwise the first call goes to a random node
            return await call(*args, **kwargs)

        return await self._patiently(ask)

    async def piped(self, commands: Sequence[tuple[Value, ...]]) -> list[Any]:
        """Return the replies to commands on any nodes; each node gets its commands at once."""

        async def ask() -> list[Any]:
            await self.initialize()
            pipeline = self.pipeline()
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute()
            return answers

        found: list[Any] = await self._patiently(ask)
        return found

    async def close_all(self) -> None:
        """Close all connections; `aclose` does not during a rediscovery."""
        await self.aclose()
        for node in (*self._nodes(), *(node for _, node in self._forgotten)):
            await node.disconnect()
        self._forgotten.clear()

    def _nodes(self) -> list[ClusterNode]:
        manager = self.nodes_manager
        return [*manager.nodes_cache.values(), *manager.startup_nodes.values()]

    async def _close_forgotten(self, before: list[ClusterNode]) -> None:
        """Close the connections of nodes that were dropped, unless they are in use.

        redis-py drops a node with its connections, including those that calls still open on it
        because they found it just before.
        """
        now = asyncio.get_running_loop().time()
        known = {id(node) for node in self._nodes()}
        gone = {id(node): (now + _IN_USE, node) for node in before if id(node) not in known}
        gone |= {id(node): (until, node) for until, node in self._forgotten}
        self._forgotten = [each for each in gone.values() if each[0] > now or _is_open(each[1])]
        for _, node in tuple(self._forgotten):
            await node.disconnect_free_connections()

    async def _patiently(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - any call
        async with self._free:
            return await self._patient.call_with_retry(call, _again)


async def _again(_: Exception) -> None:
    """Do nothing between two tries: the client has already recovered."""


def _is_open(node: ClusterNode) -> bool:
    return any(each.is_connected for each in node._connections)  # noqa: SLF001 - no other way
