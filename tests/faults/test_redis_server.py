"""Redis dies, hangs, is full, or is not what we were told: one sentence, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import StoreRefusedError, StoreUnavailableError
from core.domain.session import Answer, Entry
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.redis.connecting.client import command, connect
from core.store.values import Outcome
from tests.builders import THREAD, draft, message, terms
from tests.servers import RedisServer, free_port, redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SECRET = "hunter2"


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., RedisStore]]:
    stores: list[RedisStore] = []

    def opened(url: str, patience: float = 5) -> RedisStore:
        stores.append(RedisStore.from_url(url, patience=patience))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


async def converse(store: RedisStore, turns: int) -> None:
    for number in range(turns):
        accepted = await store.accept(message(number), terms(), unique())
        assert accepted.work is not None
        work = accepted.work
        assert isinstance(
            await store.commit(work.lease, work.revision, draft(work.next - 1)), Answer
        )
        assert await store.settle(work.lease, Outcome.DONE) == "free"


async def test_what_was_acknowledged_survives_a_kill(
    tmp_path: Path, opened: Callable[..., RedisStore]
) -> None:
    with redis_server(directory=tmp_path, persistent=True) as server:
        store = opened(server.url)
        await converse(store, 20)
        server.kill()
        down = asyncio.create_task(store.accept(message(99), terms()))
        await asyncio.sleep(0.05)
        server.start()
        assert (await down).new, "the client tries again until the server is back"
        kept = await store.history(THREAD)
        assert len([record for record in kept if isinstance(record, Answer)]) == 20
        assert [r.id for r in kept if isinstance(r, Entry)] == [
            *(f"m{number}" for number in range(20)),
            "m99",
        ]


async def test_a_server_that_is_gone_is_named_without_the_password(
    opened: Callable[..., RedisStore],
) -> None:
    port = free_port()
    store = opened(f"redis://:{SECRET}@127.0.0.1:{port}/0", 1)
    with pytest.raises(StoreUnavailableError) as caught:
        await store.accept(message(1), terms())
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_server_that_hangs_is_given_up_in_time(
    tmp_path: Path, opened: Callable[..., RedisStore]
) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url, 0.5)
        await converse(store, 1)
        process = server._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        start = time.monotonic()
        try:
            with pytest.raises(StoreUnavailableError, match="does not answer in time"):
                await store.accept(message(7), terms())
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert time.monotonic() - start < 2
        assert (await store.accept(message(8), terms())).new, "it goes on afterwards"


async def test_a_paused_server_is_given_up_in_time(
    tmp_path: Path, opened: Callable[..., RedisStore]
) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url, 0.3)
        other = connect(server.url)
        await command(other, "CLIENT", "PAUSE", 1000, "WRITE")
        await other.aclose()
        with pytest.raises(StoreUnavailableError):
            await store.accept(message(7), terms())


async def test_waiting_outlives_the_server(
    tmp_path: Path, opened: Callable[..., RedisStore]
) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url)
        await store.wait(["slack"], 0.1)
        server.kill()
        await store.wait(["slack"], 0.3)
        server.start()
        async with asyncio.timeout(10):
            await store.wait(["slack"], 8)  # subscribed again: look for work
        waiter = asyncio.create_task(store.wait(["slack"], 10))
        await asyncio.sleep(0.05)
        await store.accept(message(1), terms())
        async with asyncio.timeout(2):
            await waiter


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        ("", "needs a password"),
        (":wrong@", "refuses the user name or password"),
        ("nobody:wrong@", "refuses the user name or password"),
    ],
)
async def test_a_wrong_password(
    tmp_path: Path, opened: Callable[..., RedisStore], credentials: str, sentence: str
) -> None:
    with redis_server(directory=tmp_path, extra=["--requirepass", SECRET]) as server:
        store = opened(server.url.replace("redis://", f"redis://{credentials}"))
        for call in (store.check, lambda: store.accept(message(1), terms())):
            with pytest.raises(StoreRefusedError, match=sentence) as caught:
                await call()
            assert "wrong" not in str(caught.value)
        right = opened(server.url.replace("redis://", f"redis://:{SECRET}@"))
        await right.check()


async def test_a_password_where_none_is_set(
    tmp_path: Path, opened: Callable[..., RedisStore]
) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url.replace("redis://", f"redis://:{SECRET}@"))
        with pytest.raises(StoreRefusedError, match="has none set"):
            await store.check()


async def test_a_user_of_its_own(tmp_path: Path, opened: Callable[..., RedisStore]) -> None:
    with redis_server(directory=tmp_path) as server:
        own = connect(server.url)
        rights = ["~chatbot:*", "resetchannels", "&chatbot:*", "+@all", "-@admin", "-@dangerous"]
        await command(own, "ACL", "SETUSER", "bot", "on", f">{SECRET}", *rights)
        await own.aclose()
        store = opened(server.url.replace("redis://", f"redis://bot:{SECRET}@"))
        await converse(store, 2)
        (sentence,) = await store.check()
        assert "does not let us read" in sentence


async def test_memory_runs_out(tmp_path: Path, opened: Callable[..., RedisStore]) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url)
        await converse(store, 1)
        own = connect(server.url)
        await command(own, "CONFIG", "SET", "maxmemory", "100kb")
        with pytest.raises(StoreUnavailableError, match="out of memory"):
            await store.accept(message(7), terms())
        await command(own, "CONFIG", "SET", "maxmemory", "0")
        await own.aclose()
        assert (await store.accept(message(7), terms())).new, "nothing of it was written"


async def test_a_replica(tmp_path: Path, opened: Callable[..., RedisStore]) -> None:
    with redis_server(directory=tmp_path) as primary:
        (tmp_path / "replica").mkdir()
        follows = ["--replicaof", "127.0.0.1", str(primary.port)]
        with redis_server(directory=tmp_path / "replica", extra=follows) as replica:
            store = opened(replica.url)
            with pytest.raises(StoreRefusedError, match="read-only replica"):
                await store.accept(message(1), terms())


async def test_a_cluster(tmp_path: Path, opened: Callable[..., RedisStore]) -> None:
    extra = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]
    with redis_server(directory=tmp_path, extra=extra) as server:
        own = connect(server.url)
        await command(own, "CLUSTER", "ADDSLOTS", *range(100))
        await own.aclose()
        store = opened(server.url)
        with pytest.raises((StoreRefusedError, StoreUnavailableError), match="cluster"):
            await store.accept(message(1), terms())


async def test_a_disk_that_is_full(tmp_path: Path, opened: Callable[..., RedisStore]) -> None:
    with redis_server(directory=tmp_path) as server:
        (tmp_path / "dump.rdb" / "in the way").mkdir(parents=True)
        own = connect(server.url)
        await command(own, "CONFIG", "SET", "save", "3600 1")
        await own.aclose()
        await fail_to_save(server)
        with pytest.raises(StoreUnavailableError, match="can't save to its disk"):
            await opened(server.url).accept(message(1), terms())


async def fail_to_save(server: RedisServer) -> None:
    own = connect(server.url)
    await command(own, "BGSAVE")
    async with asyncio.timeout(5):
        while (await own.info("persistence"))["rdb_last_bgsave_status"] != "err":
            await asyncio.sleep(0.02)
    await own.aclose()


@pytest.mark.parametrize(
    ("extra", "sentences"),
    [
        (["--appendonly", "yes"], []),
        ([], ["writes nothing to disk"]),
        (["--save", "3600", "1"], ["snapshots only"]),
        (
            ["--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"],
            ["throw conversations away"],
        ),
    ],
)
async def test_what_the_operator_hears(
    tmp_path: Path, opened: Callable[..., RedisStore], extra: list[str], sentences: list[str]
) -> None:
    with redis_server(directory=tmp_path, extra=extra) as server:
        told = await opened(server.url).check()
    assert len(told) == len(sentences)
    for sentence, part in zip(told, sentences, strict=True):
        assert part in sentence


async def test_a_task_that_is_told_to_end_ends_wherever_in_a_call_it_is(
    opened: Callable[..., RedisStore], redis_url: str
) -> None:
    store = opened(redis_url)
    await store.cursor("place")
    for steps in range(100):
        asking = asyncio.create_task(store.cursor("place"))
        for _ in range(steps):
            await asyncio.sleep(0)
        if asking.done():
            break
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled(), f"after {steps} steps it went on"
    assert steps > 2
