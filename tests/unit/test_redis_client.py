"""CHATBOT_STORE as a Redis address, and what is said about a Redis that can't be used."""

from __future__ import annotations

import asyncio

import pytest
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection

from core.domain.errors import SettingsError, StoreRefusedError, StoreUnavailableError
from core.store.redis.connecting.address import parse
from core.store.redis.connecting.client import CONNECTIONS, command, connect, disconnect, where_is
from core.store.redis.connecting.errors import explained


def single(url: str) -> Redis:
    client = connect(url)
    assert isinstance(client, Redis)
    return client


async def test_an_address_says_all() -> None:
    client = single("redis://ann:p%40ss@host:7000/3?max_connections=5&socket_timeout=2.5")
    pool = client.connection_pool
    assert where_is(client) == "host:7000"
    assert pool.max_connections == 5
    given = {k: pool.connection_kwargs[k] for k in ("username", "password", "db", "socket_timeout")}
    assert given == {"username": "ann", "password": "p@ss", "db": 3, "socket_timeout": 2.5}


async def test_an_address_may_say_little() -> None:
    client = single("redis://")
    assert where_is(client) == "localhost:6379"
    assert client.connection_pool.max_connections == CONNECTIONS
    assert client.connection_pool.connection_kwargs["db"] == 0


def test_an_address_of_sentinels() -> None:
    where = parse("redis+sentinel://ann:p%40ss@a,b:7,[::1]:8/main%2Fone/2?sentinel_password=x")
    assert where.hosts == (("a", 26379), ("b", 7), ("::1", 8))
    assert (where.service, where.database) == ("main/one", 2)
    assert (where.username, where.password) == ("ann", "p@ss")
    assert where.options == {"sentinel_password": "x"}
    assert "p@ss" not in repr(where)
    assert str(where) == "main/one by a:26379, b:7, ::1:8"


def test_an_address_of_a_cluster() -> None:
    where = parse("rediss+cluster://:pw@a,b:7?ssl_ca_certs=/ca.pem")
    assert (where.hosts, where.secure) == ((("a", 6379), ("b", 7)), True)
    assert (where.username, where.password) == (None, "pw")
    assert where_is(connect("redis+cluster://a,b:7")) == "a:6379, b:7"


async def test_tls() -> None:
    client = single("rediss://host?ssl_ca_certs=/ca.pem&ssl_check_hostname=false")
    pool = client.connection_pool
    assert issubclass(pool.connection_class, SSLConnection)
    assert pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem"
    assert pool.connection_kwargs["ssl_check_hostname"] is False


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://host", "redis://"),
        ("redis://host:x", "port"),
        ("redis://[::1", "a host in the Redis address can't be read"),
        ("redis+cluster://a,[::1:6379", "a host in the Redis address can't be read"),
        ("redis://host/name", "database number"),
        ("redis+sentinel://host/s/name", "what follows the service"),
        ("redis+sentinel:///s", "needs the Sentinels' hosts"),
        ("redis+cluster://host?sentinel_password=hunter2", "unknown option 'sentinel_password'"),
        ("redis://host?retry=1", "unknown option 'retry'"),
        ("redis://host?ssl_ca_certs=x", "unknown option 'ssl_ca_certs'"),
        ("redis://host?max_connections=many", "not valid"),
        ("rediss://host?ssl_check_hostname=perhaps", "not valid"),
    ],
)
def test_an_address_that_can_be_none(url: str, part: str) -> None:
    with pytest.raises(SettingsError, match=part) as caught:
        connect(url.replace("//host", "//:hunter2@host"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "part"),
    [
        (exceptions.MovedError("1 10.0.0.1:6379"), StoreRefusedError, "redis+cluster://"),
        (exceptions.ClusterCrossSlotError("x"), StoreRefusedError, "redis+cluster://"),
        (exceptions.ResponseError("ERR -READONLY You can't"), StoreRefusedError, "replica"),
        (exceptions.ReadOnlyError("You can't write"), StoreRefusedError, "replica"),
        (exceptions.NoPermissionError("no"), StoreRefusedError, "lacks a right"),
        (exceptions.AuthenticationError("whatever"), StoreRefusedError, "password"),
        (exceptions.ResponseError("DB index is out of range"), StoreRefusedError, "database"),
        (exceptions.ResponseError("MISCONF Redis is"), StoreUnavailableError, "disk"),
        (exceptions.OutOfMemoryError("x"), StoreUnavailableError, "memory"),
        (exceptions.BusyLoadingError("x"), StoreUnavailableError, "loading"),
        (exceptions.MasterDownError("x"), StoreUnavailableError, "lost its primary"),
        (exceptions.ClusterDownError("x"), StoreUnavailableError, "cluster"),
        (exceptions.TimeoutError("x"), StoreUnavailableError, "in time"),
        (TimeoutError(), StoreUnavailableError, "in time"),
        (exceptions.ConnectionError("x"), StoreUnavailableError, "can't be reached"),
        (OSError("x"), StoreUnavailableError, "can't be reached"),
        (exceptions.ResponseError("odd"), StoreUnavailableError, "failed (ResponseError)"),
        (exceptions.ResponseError("ERR what Ann said"), StoreUnavailableError, "failed (ERR)"),
    ],
)
def test_each_failure_is_a_sentence(error: Exception, kind: type[Exception], part: str) -> None:
    sentence = explained(error, "host:1")
    assert type(sentence) is kind
    assert part in str(sentence)
    assert "host:1" in str(sentence)


async def test_no_call_gets_the_answer_to_one_that_was_cancelled(redis_url: str) -> None:
    client = connect(redis_url, connections=2)
    named = await command(client, "SCRIPT", "LOAD", "return ARGV[1]")

    async def said(word: str) -> bytes:
        answer: bytes = await command(client, "EVALSHA", named, 0, word)
        return answer

    for steps in range(20):
        calls = [asyncio.create_task(said(f"{steps}.{number}")) for number in range(10)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        answers = await asyncio.gather(*calls[1::2])
        assert answers == [f"{steps}.{number}".encode() for number in range(1, 10, 2)]
        await asyncio.wait(calls)
    await disconnect(client)


async def test_a_call_that_finds_its_connection_cut_is_made_again(redis_url: str) -> None:
    client = connect(redis_url, connections=1)
    named = await command(client, "SCRIPT", "LOAD", "return ARGV[1]")
    other = connect(redis_url)
    for _ in range(3):
        assert await command(client, "EVALSHA", named, 0, "x") == b"x"
        await command(other, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert await command(client, "EVALSHA", named, 0, "x") == b"x"
    await disconnect(client)
    await disconnect(other)
