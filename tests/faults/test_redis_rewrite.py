"""What was deleted leaves Redis' append-only file, too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from core.domain.message import Attachment, ThreadKey
from core.store.redis import RedisStore, rewrite
from tests.builders import message, terms
from tests.redis_group import asked, redis_cluster, redis_sentinels
from tests.servers import redis_server, valkey_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SECRET, OTHER = "wisteria", "lobelia"
FIRST, SECOND = ThreadKey("slack", "C1", "100.1"), ThreadKey("slack", "C1", "200.1")
PERSISTENT = ("--appendonly", "yes", "--rdbcompression", "no")
"""What is kept can be found in the files as it is."""
USER = ("--user", "bot", "on", ">letmein", "~*", "&*", "+@all")


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], RedisStore]]:
    async with contextlib.AsyncExitStack() as stack:

        def opened(url: str) -> RedisStore:
            store = RedisStore.from_url(url)
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses be short."""
    monkeypatch.setattr(rewrite, "_SOON", 0.2)
    monkeypatch.setattr(rewrite, "_PAUSE", 0.3)
    monkeypatch.setattr(rewrite, "_AGAIN", 0.2)


def holds(folder: Path, word: str) -> bool:
    """Return whether any file of a server, or of several, has a word in it."""
    return any(word.encode() in content(file) for file in folder.rglob("*") if file.is_file())


def content(file: Path) -> bytes:
    """Return what is in a file; nothing is in a log, nor in a file that the server removes."""
    with contextlib.suppress(FileNotFoundError):
        return b"" if file.suffix == ".log" else file.read_bytes()
    return b""


def holders(folder: Path, word: str) -> int:
    """Return how many servers, each of which has a folder in this one, have a word in files."""
    return sum(holds(each, word) for each in folder.iterdir())


async def until_gone(folder: Path, word: str, seconds: float = 25) -> None:
    async with asyncio.timeout(seconds):
        while holds(folder, word):
            await asyncio.sleep(0.05)


async def say_both(store: RedisStore) -> None:
    await store.accept(message(1, f"the {SECRET} by the wall", thread=FIRST), terms())
    await store.accept(message(2, f"the {OTHER} by the door", thread=SECOND), terms())


@pytest.mark.parametrize("binary", [str, valkey_binary])
async def test_what_was_erased_leaves_the_file(
    tmp_path: Path, opened: Callable[[str], RedisStore], binary: Callable[[], str]
) -> None:
    with redis_server(directory=tmp_path, extra=PERSISTENT, binary=binary()) as server:
        store = opened(server.url)
        assert not any("BGREWRITEAOF" in sentence for sentence in await store.check())
        await say_both(store)
        assert holds(tmp_path, SECRET)
        await store.erase(FIRST, at=2000)
        assert holds(tmp_path, SECRET), "what is deleted stays in the file"
        await until_gone(tmp_path, SECRET)
        assert holds(tmp_path, OTHER)


@pytest.mark.usefixtures("brief")
async def test_a_message_or_a_file_that_was_deleted_leaves_it_too(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_server(directory=tmp_path, extra=PERSISTENT) as server:
        store = opened(server.url)
        await say_both(store)
        await store.amend(FIRST, "m1", ("deleted",), edited_at=2, text=None)
        await until_gone(tmp_path, SECRET)
        files = (Attachment(id=f"F-{SECRET}", name="a.pdf", media_type="application/pdf", size=5),)
        await store.accept(message(3, thread=SECOND, attachments=files), terms())
        await store.amend(SECOND, "m3", ("changed",), edited_at=2, text="text 3", attachments=())
        assert holds(tmp_path, SECRET)
        await until_gone(tmp_path, SECRET)
        assert holds(tmp_path, OTHER)


@pytest.mark.usefixtures("brief")
async def test_many_deletions_are_few_rewrites(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_server(directory=tmp_path, extra=PERSISTENT) as server:
        stores = [opened(server.url) for _ in range(2)]
        began = asyncio.get_running_loop().time()
        for number in range(300):
            key = ThreadKey("slack", "C1", f"{number}.1")
            await stores[0].accept(message(number, SECRET, thread=key), terms())
            await stores[number % 2].erase(key, at=2000)
        took = asyncio.get_running_loop().time() - began
        await until_gone(tmp_path, SECRET)
        calls = asked(server, "INFO", "commandstats")["cmdstat_bgrewriteaof"]["calls"]
        assert calls <= 2 * (2 + took / 0.3)


async def test_where_there_is_no_such_file_none_is_made(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_server(directory=tmp_path) as server:
        store = opened(server.url)
        await say_both(store)
        await store.erase(FIRST, at=2000)
        await store.close()
        assert "cmdstat_bgrewriteaof" not in asked(server, "INFO", "commandstats")
        assert not holds(tmp_path, SECRET)


async def test_a_process_that_ends_asks_for_it_at_once(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_server(directory=tmp_path, extra=PERSISTENT) as server:
        for number in range(2):
            store = opened(server.url)
            await store.accept(message(number, SECRET, thread=FIRST), terms())
            await store.erase(FIRST, at=2000)
            await store.close()
            await until_gone(tmp_path, SECRET, 2)


@pytest.mark.usefixtures("brief")
async def test_one_that_had_begun_before_is_followed_by_another(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    slow = (*PERSISTENT, "--enable-debug-command", "yes")
    with redis_server(directory=tmp_path, extra=slow, binary=valkey_binary()) as server:
        store = opened(server.url)
        await say_both(store)
        for number in range(200):
            asked(server, "SET", f"filler{number}", "x" * 1000)
        asked(server, "CONFIG", "SET", "rdb-key-save-delay", "10000")
        asked(server, "BGREWRITEAOF")
        await store.erase(FIRST, at=2000)
        await asyncio.sleep(0.6)
        assert asked(server, "INFO", "persistence")["aof_rewrite_in_progress"]
        asked(server, "CONFIG", "SET", "rdb-key-save-delay", "0")
        await until_gone(tmp_path, SECRET)
        assert holds(tmp_path, OTHER)


@pytest.mark.parametrize("refused", [["-bgrewriteaof"], ["-multi"]])
async def test_the_operator_hears_that_the_bot_may_not(
    tmp_path: Path, opened: Callable[[str], RedisStore], refused: list[str]
) -> None:
    with redis_server(directory=tmp_path, extra=(*PERSISTENT, *USER, *refused)) as server:
        store = opened(server.url.replace("//", "//bot:letmein@"))
        (sentence,) = await store.check()
    assert "does not let us rewrite its append-only file" in sentence
    assert "Give the bot's user +bgrewriteaof" in sentence


async def test_one_that_has_no_such_command(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    extra = (*PERSISTENT, "--rename-command", "BGREWRITEAOF", "")
    with redis_server(directory=tmp_path, extra=extra) as server:
        (sentence,) = await opened(server.url).check()
    assert "does not let us rewrite its append-only file" in sentence


@pytest.mark.usefixtures("brief")
async def test_a_refusal_is_logged_once(
    tmp_path: Path, opened: Callable[[str], RedisStore], caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(directory=tmp_path, extra=(*PERSISTENT, *USER, "-bgrewriteaof")) as server:
        store = opened(server.url.replace("//", "//bot:letmein@"))
        for _ in range(3):
            await say_both(store)
            await store.erase(FIRST, at=2000)
            await asyncio.sleep(0.6)
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    (said,) = [record.getMessage() for record in told]
    assert "stays in that file until Redis rewrites it by itself" in said
    assert "letmein" not in said


@pytest.mark.usefixtures("brief")
async def test_a_server_that_is_away_is_asked_when_it_is_back(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_server(directory=tmp_path, extra=PERSISTENT, persistent=True) as server:
        store = opened(server.url)
        await say_both(store)
        await store.erase(FIRST, at=2000)
        server.kill()
        await asyncio.sleep(0.5)
        assert holds(tmp_path, SECRET)
        server.start()
        await until_gone(tmp_path, SECRET)
        assert holds(tmp_path, OTHER)


@pytest.mark.usefixtures("brief")
async def test_all_that_keep_it_in_a_cluster(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_cluster(tmp_path, replicas=True, settings=PERSISTENT) as nodes:
        store = opened(nodes.url)
        await say_both(store)
        await gone_from_two(tmp_path, store)


@pytest.mark.usefixtures("brief")
async def test_the_replica_of_one_with_sentinels(
    tmp_path: Path, opened: Callable[[str], RedisStore]
) -> None:
    with redis_sentinels(tmp_path, settings=PERSISTENT) as watched:
        store = opened(watched.url)
        await say_both(store)
        await gone_from_two(tmp_path, store)


async def gone_from_two(folder: Path, store: RedisStore) -> None:
    async with asyncio.timeout(8):
        while holders(folder, SECRET) < 2:
            await asyncio.sleep(0.05)
    await store.erase(FIRST, at=2000)
    await until_gone(folder, SECRET)
    assert holders(folder, OTHER) == 2
