"""Several Redis servers that know each other: a cluster, and a primary watched by Sentinels."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import RedisError

from tests.servers import RedisServer, on_free_port, redis_binary, redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

SLOTS = 16384
SERVICE = "chatbot"
TIMEOUT_MS = 1000
"""Milliseconds of silence after which the others take a node for dead."""
PATIENCE = 30.0


class Sentinel(RedisServer):
    """A server that watches others; it writes what it learns into its configuration."""

    def command(self) -> list[str]:
        """Return the command that runs it."""
        config = str(self.directory / "sentinel.conf")
        listen = ("--port", str(self.port), "--bind", "127.0.0.1")
        return [redis_binary(), config, *listen, "--sentinel"]


@dataclass(slots=True)
class Cluster:
    """Nodes that share the slots; those behind the primaries are their replicas, in order."""

    primaries: Sequence[RedisServer]
    replicas: Sequence[RedisServer]

    @property
    def url(self) -> str:
        """Where a client finds it."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.primaries)
        return f"redis+cluster://{hosts}"

    @property
    def nodes(self) -> tuple[RedisServer, ...]:
        """All nodes."""
        return (*self.primaries, *self.replicas)


@dataclass(slots=True)
class Watched:
    """A primary and its replicas, and the Sentinels that watch them."""

    servers: Sequence[RedisServer]
    """The first began as the primary."""
    sentinels: Sequence[RedisServer]

    @property
    def url(self) -> str:
        """Where a client finds it."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    def primary(self) -> RedisServer:
        """Return the server that most of the Sentinels name now."""
        named = [
            asked(each, "SENTINEL", "get-master-addr-by-name", SERVICE)[1].decode()
            for each in self.sentinels
        ]
        port = int(max(set(named), key=named.count))
        return next(server for server in self.servers if server.port == port)


@contextlib.contextmanager
def redis_cluster(
    directory: Path,
    *,
    replicas: bool = False,
    binary: str = "",
    settings: Sequence[str] = (),
    front: Callable[[int], int] | None = None,
) -> Iterator[Cluster]:
    """Run a cluster of three primaries while the block lasts.

    Args:
        directory: An existing folder for its files.
        replicas: Whether each primary has one.
        binary: Which program it is; by default what `redis_binary` finds.
        settings: More words for each node's command line.
        front: Takes a node's port, and returns the one by which all others are to find it.
    """
    extra = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(TIMEOUT_MS), *settings)
    with contextlib.ExitStack() as stack:
        nodes = []
        for number in range(6 if replicas else 3):
            folder = directory / f"node{number}"
            folder.mkdir()
            more = (*extra, "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
            running = redis_server(directory=folder, extra=more, binary=binary)
            nodes.append(stack.enter_context(running))
            if front:
                _announce(nodes[-1], front(nodes[-1].port))
        cluster = Cluster(nodes[:3], nodes[3:])
        _form(cluster)
        yield cluster


def _announce(node: RedisServer, port: int) -> None:
    """Let a cluster's node call itself by another port, which it must know from its start."""
    ports = ("--cluster-announce-port", str(port), "--cluster-announce-bus-port")
    node.extra = (*node.extra, *ports, str(node.port + 10_000))
    node.restart()


@contextlib.contextmanager
def redis_sentinels(
    directory: Path,
    *,
    replicas: int = 1,
    settings: Sequence[str] = (),
    watching: str = "",
    front: Callable[[int], int] | None = None,
) -> Iterator[Watched]:
    """Run a primary, its replicas and three Sentinels for as long as the block lasts.

    Args:
        directory: An existing folder for their files.
        replicas: How many there are.
        settings: More words for each server's command line.
        watching: More lines for each Sentinel's configuration.
        front: Takes a server's port, and returns the one by which all others are to find it.
    """
    with contextlib.ExitStack() as stack:
        servers: list[RedisServer] = []
        ports: list[int] = []
        for number in range(1 + replicas):
            folder = directory / f"server{number}"
            folder.mkdir()
            quick = ("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", *settings)
            servers.append(stack.enter_context(redis_server(directory=folder, extra=quick)))
            ports.append(front(servers[-1].port) if front else servers[-1].port)
            asked(servers[-1], "CONFIG", "SET", "replica-announce-port", ports[-1])
            if number:
                asked(servers[-1], "REPLICAOF", "127.0.0.1", ports[0])
        for server in servers[1:]:
            until(partial(_follows, server))
        sentinels = []
        for number in range(3):
            sentinel = _sentinel(directory / f"sentinel{number}", ports[0], watching)
            stack.callback(sentinel.kill)
            sentinels.append(sentinel)
        watched = Watched(servers, sentinels)
        for sentinel in sentinels:
            until(partial(_sees_all, sentinel, replicas))
        yield watched


def asked(server: RedisServer, *words: str | int | bytes) -> Any:
    """Return what a server answers."""
    with Redis(port=server.port, socket_timeout=5) as client:
        return client.execute_command(*words)


def until(true: Callable[[], bool]) -> None:
    """Return when something has come true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(RedisError):
            if true():
                return
        if time.monotonic() > deadline:
            message = "the servers don't find each other"
            raise TimeoutError(message)
        time.sleep(0.02)


def _follows(replica: RedisServer) -> bool:
    """Return whether a replica has all that its primary has."""
    with Redis(port=replica.port, socket_timeout=5) as client:
        return bool(client.info("replication")["master_link_status"] == "up")


def settled(nodes: Sequence[RedisServer]) -> bool:
    """Return whether these nodes of a cluster agree that it works."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Redis(port=node.port, socket_timeout=5)) for node in nodes]
        return all(client.cluster("info")["cluster_state"] == "ok" for client in clients)


def _form(cluster: Cluster) -> None:
    first, *others = cluster.nodes
    share = SLOTS // len(cluster.primaries) + 1
    for number, node in enumerate(cluster.primaries):
        slots = range(number * share, min((number + 1) * share, SLOTS))
        asked(node, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        asked(node, "CLUSTER", "ADDSLOTS", *map(str, slots))
    for node in others:
        asked(node, "CLUSTER", "MEET", "127.0.0.1", str(first.port))
    until(lambda: all(_knows(node, cluster) for node in cluster.nodes))
    for primary, replica in zip(cluster.primaries, cluster.replicas, strict=False):
        with Redis(port=primary.port) as client:
            name = client.cluster("myid").decode()
        asked(replica, "CLUSTER", "REPLICATE", name)
    for replica in cluster.replicas:
        until(partial(_follows, replica))
    until(lambda: settled(cluster.nodes))


def _knows(node: RedisServer, cluster: Cluster) -> bool:
    with Redis(port=node.port, socket_timeout=5) as client:
        known: dict[str, dict[str, object]] = client.cluster("nodes")
    flags = [str(each["flags"]) for each in known.values()]
    return len(known) == len(cluster.nodes) and not any("handshake" in each for each in flags)


def _sentinel(folder: Path, port: int, more: str) -> RedisServer:
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(
        f"sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n"
        f"sentinel down-after-milliseconds {SERVICE} {TIMEOUT_MS}\n"
        f"sentinel failover-timeout {SERVICE} 5000\n{more}\n"
    )
    return on_free_port(lambda port: Sentinel(folder, port, ready=b"Sentinel ID is"))


def _sees_all(sentinel: RedisServer, replicas: int) -> bool:
    with Redis(port=sentinel.port, socket_timeout=5) as client:
        state = client.sentinel_master(SERVICE)
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == replicas)
