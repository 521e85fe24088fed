"""`chatbot migrate` with the real program: a conversation goes on in another store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.clock import SystemClock
from core.domain.message import ThreadKey
from core.store.migration.compare import compare
from core.store.redis import RedisStore
from core.store.sql.sqlite.store import SqliteStore
from tests.builders import converse
from tests.e2e.program import PATIENCE, REX
from tests.servers import redis_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.program import Program

MANY = 600  # so many that it is still under way when the first ones are there


def store_at(program: Program, url: str) -> None:
    program.settings["CHATBOT_STORE"] = url


async def test_it_remembers_in_the_other_store_what_was_said_in_the_first(
    program: Program, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path}/store.db"
    data = tmp_path / "redis"
    data.mkdir()
    with redis_server(directory=data) as server:
        store_at(program, file)
        assert (await program.run("run", says=REX[:1])).code == 0
        moved = await program.run("migrate", file, server.url)
        assert (moved.code, moved.out) == (0, b"")
        assert "1 of 1 threads moved" in moved.err
        assert "1 threads with 2 messages and answers are in TO" in moved.err

        store_at(program, server.url)
        went_on = await program.run("run", says=REX[1:])
        assert went_on.code == 0
        assert "My dog is called Rex." in went_on.lines[-1]

        again = await program.run("migrate", file, server.url)
        assert again.code == 2
        assert "a migration needs an empty store" in again.err


async def test_killed_in_the_middle_it_goes_on_where_it_ended(
    program: Program, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path}/store.db"
    data = tmp_path / "redis"
    data.mkdir()
    source = await SqliteStore.open(tmp_path / "store.db", SystemClock())
    threads = [ThreadKey("slack", "T1:C1", f"{n:05}.5") for n in range(MANY)]
    await asyncio.gather(*(converse(source, 1, thread=thread) for thread in threads))
    with redis_server(directory=data) as server:
        target = RedisStore.from_url(server.url)
        running = await program.start("migrate", file, server.url)
        async with asyncio.timeout(PATIENCE):
            while await target.peek(threads[20]) is None:
                await asyncio.sleep(0.001)
        await running.kill()
        assert await target.peek(threads[-1]) is None, "it was in the middle"

        store_at(program, server.url)
        refused = await program.run("run", says=["Hello?"])
        assert (refused.code, refused.out) == (2, b"")
        assert "only partly filled: run `chatbot migrate` again" in refused.err

        went_on = await program.run("migrate", file, server.url)
        assert went_on.code == 0, went_on.err
        assert f"{MANY:,} threads with {2 * MANY:,} messages and answers" in went_on.err
        found = await compare(source, target, SystemClock(), lambda _: None)
        assert (found.threads, found.records, found.differences) == (MANY, 2 * MANY, [])
        assert (await program.run("run", says=["Hello?"])).code == 0
        await target.close()
    await source.close()


async def test_what_is_no_store_or_the_same_one_is_refused(
    program: Program, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path}/store.db"
    for source, target, said in (
        (file, file, "FROM and TO are the same store"),
        ("memory://", file, "a store at memory:// ends with its process"),
        ("nothing", file, "names no known kind of store"),
        (file, f"sqlite:///{tmp_path}/other.db", "FROM is empty"),
        ("redis://:geheim@127.0.0.1:1/0", file, "127.0.0.1:1"),
    ):
        ended = await program.run("migrate", source, target)
        assert ended.code == 2
        assert said in ended.err
        assert "geheim" not in ended.err
