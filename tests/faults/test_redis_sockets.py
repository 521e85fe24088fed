"""Sockets to Redis: each that was opened is closed, whatever servers came and went meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import trustme
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from core.store.redis import RedisStore
from core.store.redis.connecting.client import connect, disconnect
from core.store.redis.connecting.cluster import Cluster
from core.store.redis.connecting.connection import DirectTLS
from tests.faults.proxy import Proxy
from tests.redis_group import asked, redis_sentinels, until
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.redis_group import Watched


def connections(port: int) -> int:
    """Return how many connections a server has, but for the one that asks."""
    with Redis(port=port, socket_timeout=5) as client:
        return len(client.client_list()) - 1


async def test_every_sentinel_goes_on_being_asked(tmp_path: Path) -> None:
    """One is away while many calls look for the primary; later it is the only one there."""
    with redis_sentinels(tmp_path) as watched:
        away, *others = watched.sentinels
        away.kill()
        store = RedisStore.from_url(watched.url, patience=5)
        await asyncio.gather(*(store.cursor(f"place {number}") for number in range(20)))
        await asyncio.to_thread(away.start)
        await asyncio.to_thread(until, lambda: bool(_named(watched)))
        for each in others:
            each.kill()
        for server in watched.servers:
            asked(server, "CLIENT", "KILL", "TYPE", "normal")  # so that they ask again
        assert await store.cursor("place 1") == 0
        await store.close()
        await asyncio.to_thread(until, lambda: connections(away.port) == 0)


def _named(watched: Watched) -> object:
    return asked(watched.sentinels[0], "SENTINEL", "get-master-addr-by-name", "chatbot")


async def test_a_connection_that_is_opened_while_it_is_closed_stays(
    tmp_path: Path, redis_url: str
) -> None:
    """With TLS a server that is gone does not say that it has closed: that takes a while."""
    authority, trusted = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    target = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with Proxy(target, tls=context) as proxy:
        connection = DirectTLS(
            host="localhost",
            port=proxy.port,
            ssl_ca_certs=str(trusted),
            socket_timeout=5,
            socket_connect_timeout=2,
        )
        await connection.connect()
        for writer in proxy._open:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        closing = asyncio.create_task(connection.disconnect())
        await asyncio.sleep(0.05)
        await connection.disconnect(nowait=True)  # as a call does that finds it closed
        await connection.connect()
        await closing
        assert connection.is_connected
        await connection.disconnect()


async def test_a_cluster_is_found_by_its_first_nodes_without_keeping_them(
    redis_cluster_url: str,
) -> None:
    ports = [int(each.rpartition(":")[2]) for each in redis_cluster_url.split(",")]
    before = [connections(port) for port in ports]
    nobody = free_port()
    client = connect(redis_cluster_url)
    assert isinstance(client, Cluster)
    await client.initialize()
    manager = client.nodes_manager
    for _ in range(5):  # all that is known goes, and comes back
        manager.address_remap = lambda at: (at[0], nobody)
        with contextlib.suppress(RedisConnectionError):
            await find_anew(client)
        manager.address_remap = None
        await find_anew(client)
    counts = [connections(port) for port in ports]
    assert all(now - then <= 3 for now, then in zip(counts, before, strict=True))
    await disconnect(client)
    await asyncio.to_thread(until, lambda: [connections(port) for port in ports] == before)


async def test_a_node_that_is_forgotten_while_it_is_asked_is_closed(redis_cluster_url: str) -> None:
    ports = [int(each.rpartition(":")[2]) for each in redis_cluster_url.split(",")]
    before = [connections(port) for port in ports]
    async with Proxy(ports[0]) as proxy:
        client = connect(redis_cluster_url)
        assert isinstance(client, Cluster)
        await client.initialize()
        node = client.nodes_manager.nodes_cache[f"127.0.0.1:{ports[0]}"]
        moved = {ports[0]: proxy.port}  # from now on the node is known by another name
        client.nodes_manager.address_remap = lambda at: (at[0], moved.get(at[1], at[1]))
        await find_anew(client)
        for _ in range(2):
            await node.execute_command("PING")  # a call had found it just before
            await find_anew(client)
            held = connections(ports[0])
        assert held - before[0] <= 3
        await node.execute_command("PING")
        del node
        await disconnect(client)
    await asyncio.to_thread(until, lambda: [connections(port) for port in ports] == before)


async def find_anew(client: Cluster) -> None:
    client._initialize = True
    await client.initialize()
