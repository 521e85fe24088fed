"""A client for a Redis cluster that is as patient as the others, and leaves no connection open.

redis-py follows MOVED and ASK by itself. What it does not do is wait for a free connection, pause
between its tries while a replica is being promoted or a slot is being moved, and close what it
had opened to nodes that it has forgotten since.
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
    AttributeError,  # a connection that is being opened, when redis-py closes all of them
    ClusterDownError,
    ClusterError,
    MaxConnectionsError,
    OSError,
    RedisClusterException,
    RedisConnectionError,
    RedisTimeoutError,
    TryAgainError,
)
"""What a client says while a cluster finds itself anew."""
_SPARE = 8
"""Connections to a node beyond those of calls: to listen, and to ask which slots it has."""
_IN_USE = 60.0
"""Seconds for which a call may still hold a node that is no longer known."""


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
        """Find the cluster by these of its nodes; `retry` says how patient a call is."""
        self.hosts = tuple(hosts)
        self._patient = retry
        self._patient.update_supported_errors(PASSING)  # type: ignore[arg-type]
        self._free = asyncio.Semaphore(max_connections)
        self._forgotten: list[tuple[float, ClusterNode]] = []
        super().__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in hosts],
            retry=Retry(NoBackoff(), 1),  # once, with the slots read anew
            max_connections=max_connections + _SPARE,
            reinitialize_steps=0,  # MOVED moves one slot: else it closes connections in use
            **options,
        )
        kind = DirectTLS if options.get("ssl") else Direct
        self.connection_kwargs["connection_class"] = kind  # of the nodes that will be found
        for node in self.startup_nodes:
            node.connection_class = kind

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> RedisCluster:
        """Find the nodes; by those that were named at first, where all known ones have gone."""
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
        """Make a call, and again as long as the cluster finds itself anew."""
        call = super().execute_command

        async def ask() -> Any:  # noqa: ANN401 - redis-py's
            await self.initialize()  # else a first call goes to any node
            return await call(*args, **kwargs)

        return await self._patiently(ask)

    async def piped(self, commands: Sequence[tuple[Value, ...]]) -> list[Any]:
        """Return the answers to commands on any nodes, which each node gets together."""

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
        """Close all connections: `aclose` leaves them where it is about to find the nodes anew."""
        await self.aclose()
        for node in (*self._nodes(), *(node for _, node in self._forgotten)):
            await node.disconnect()
        self._forgotten.clear()

    def _nodes(self) -> list[ClusterNode]:
        manager = self.nodes_manager
        return [*manager.nodes_cache.values(), *manager.startup_nodes.values()]

    async def _close_forgotten(self, before: list[ClusterNode]) -> None:
        """Close the connections of nodes that are no longer known, but for those in use.

        redis-py forgets a node together with its connections, even with those that calls still
        open on it, having found it just before.
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
    """Do nothing between two tries: the client has put itself in order."""


def _is_open(node: ClusterNode) -> bool:
    return any(each.is_connected for each in node._connections)  # noqa: SLF001 - no other way
