"""A client for a Redis cluster that is as patient as the others.

redis-py follows MOVED and ASK by itself. What it does not do is wait for a free connection, and
pause between its tries while a replica is being promoted or a slot is being moved.
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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from core.store.redis.scripts import Value

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


class Cluster(RedisCluster):
    """All nodes of a cluster; each call goes to the node that has its keys."""

    __slots__ = ("_free", "_patient", "hosts")

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
        super().__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in hosts],
            retry=Retry(NoBackoff(), 1),  # once, with the slots read anew
            max_connections=max_connections + _SPARE,
            reinitialize_steps=0,  # MOVED moves one slot: else it closes connections in use
            **options,
        )

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> RedisCluster:
        """Find the nodes; by those that were named at first, where all known ones have gone."""
        try:
            return await super().initialize(additional_startup_nodes_info, last_failed_node_name)
        except RedisClusterException:
            known = {(node.host, node.port) for node in self.nodes_manager.startup_nodes.values()}
            if known.issuperset(self.hosts):
                raise
            return await super().initialize(list(self.hosts), last_failed_node_name)

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
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")

    async def _patiently(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - any call
        async with self._free:
            return await self._patient.call_with_retry(call, _again)


async def _again(_: Exception) -> None:
    """Do nothing between two tries: the client has put itself in order."""
