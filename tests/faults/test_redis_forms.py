"""A Redis that runs in another form than its address says: one sentence that says what to write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.store.redis import RedisStore
from tests.servers import free_port, redis_server

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2"


async def refused(url: str, kind: type[Exception], *, patience: float = 5) -> str:
    store = RedisStore.from_url(url, patience=patience)
    try:
        with pytest.raises(kind) as caught:
            await store.check()
    finally:
        await store.close()
    assert SECRET not in str(caught.value)
    return str(caught.value)


async def test_a_plain_redis_is_no_cluster(redis_url: str) -> None:
    url = redis_url.replace("redis://", "redis+cluster://")
    assert "is no cluster: write redis://" in await refused(url, StoreRefusedError)


async def test_a_plain_redis_is_no_sentinel(redis_url: str) -> None:
    url = redis_url.replace("redis://", "redis+sentinel://").replace("/0", "/chatbot")
    assert "is no Sentinel" in await refused(url, StoreRefusedError)


async def test_a_node_of_a_cluster_is_no_plain_redis(redis_cluster_url: str) -> None:
    port = redis_cluster_url.rpartition(":")[2]
    store = RedisStore.from_url(f"redis://127.0.0.1:{port}", patience=5)
    places = (store.advance(f"place {number}", 1) for number in range(20))
    answers = await asyncio.gather(*places, return_exceptions=True)
    told = [str(answer) for answer in answers if isinstance(answer, StoreRefusedError)]
    assert told, "some of these are on another node"
    assert all("write redis+cluster://" in each for each in told)
    await store.close()


async def test_a_service_that_no_sentinel_knows(redis_sentinel_url: str) -> None:
    url = redis_sentinel_url.replace("/chatbot", "/other")
    said = await refused(url, StoreUnavailableError, patience=1)
    assert "the name of the service" in said or "does not answer in time" in said


@pytest.mark.parametrize("form", ["+cluster://:{}@127.0.0.1:{}", "+sentinel://:{}@127.0.0.1:{}/s"])
async def test_nobody_there(form: str) -> None:
    url = "redis" + form.format(SECRET, port := free_port())
    said = await refused(url, StoreUnavailableError, patience=1)
    assert f"127.0.0.1:{port}" in said


async def test_a_cluster_that_refuses_the_password(tmp_path: Path) -> None:
    extra = ("--cluster-enabled", "yes", "--requirepass", "right")
    with redis_server(directory=tmp_path, extra=extra) as server:
        url = f"redis+cluster://:{SECRET}@127.0.0.1:{server.port}"
        assert "user name or password" in await refused(url, StoreRefusedError)
