"""A step without a lock: what changes between its reading and its writing is not written over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.session import Answer
from core.store import codec
from core.store.keys import digest, unique
from core.store.sql.postgres import PostgresStore
from core.store.values import Changed
from tests.builders import THREAD, begin, draft, finish, message, terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from psycopg import AsyncConnection

PATIENCE = 10.0  # seconds for a statement to come to the lock


@pytest.fixture
async def store(postgres_url: str, database: AsyncConnection) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(postgres_url)
    yield store
    await store.close()


async def blocked(database: AsyncConnection, step: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin a step, and return when it waits for what a transaction of ours has changed."""
    task = asyncio.create_task(step)
    async with asyncio.timeout(PATIENCE):
        while True:
            waiting = await database.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
            if await waiting.fetchone() is not None:
                return task
            assert not task.done(), "it does not wait: it has written already"
            await asyncio.sleep(0)


async def new_rev(database: AsyncConnection) -> None:
    found: Any = await (await database.execute("SELECT header FROM thread")).fetchone()
    header = codec.load_header(found[0])
    header.revision = unique()
    await database.execute("UPDATE thread SET header = %s", (codec.dump(header),))


async def test_an_answer_to_what_was_edited_meanwhile_is_not_recorded(
    database: AsyncConnection, store: PostgresStore
) -> None:
    work = await begin(store, 1)
    await database.execute("BEGIN")
    await new_rev(database)
    commit = await blocked(database, store.commit(work.lease, work.revision, draft(work.next - 1)))
    await database.execute("COMMIT")
    assert isinstance(await commit, Changed)
    assert not [record for record in await store.history(THREAD) if isinstance(record, Answer)]


async def test_an_edit_that_is_taken_back_is_in_nobodys_way(
    database: AsyncConnection, store: PostgresStore
) -> None:
    work = await begin(store, 1)
    await database.execute("BEGIN")
    await new_rev(database)
    commit = await blocked(database, store.commit(work.lease, work.revision, draft(work.next - 1)))
    await database.execute("ROLLBACK")
    assert isinstance(await commit, Answer)
    assert await finish(store, work) == "free"


async def test_a_message_is_not_taken_into_a_thread_that_was_erased_meanwhile(
    database: AsyncConnection, store: PostgresStore
) -> None:
    await finish(store, await begin(store, 1))
    await database.execute("BEGIN")
    for table in ("entry", "who", "thread"):
        await database.execute(f"DELETE FROM {table}".encode())
    await database.execute(
        "UPDATE trace SET line = 5000 WHERE hash = %s", (digest(THREAD),)
    )  # behind every message of the tests
    accept = await blocked(database, store.accept(message(2), terms(), unique()))
    await database.execute("COMMIT")
    accepted = await accept
    assert (accepted.verdict, accepted.work) == (Admission.GONE, None)
    assert await store.peek(THREAD) is None
    assert await store.history(THREAD) == ()
