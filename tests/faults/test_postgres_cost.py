"""What a turn costs PostgreSQL, however long its thread, and what lost replies make of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from core.domain.message import ThreadKey
from core.domain.session import Answer, Entry
from core.store import codec
from core.store.keys import unique
from core.store.sql.postgres import PostgresStore
from core.store.values import NothingDue, Outcome, Work
from core.store.verbs import first_shown
from tests.builders import THREAD, begin, draft, finish, message, terms
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

LONG = 20_000
TURNS = 300
LOSS = 0.05


@pytest.fixture
async def store(postgres_url: str, database: AsyncConnection) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(postgres_url)
    yield store
    await store.close()


async def test_a_turn_takes_six_round_trips_and_two_before_the_model(
    database: AsyncConnection, postgres_url: str
) -> None:
    port = urlsplit(postgres_url).port or 0
    async with Proxy(port) as proxy:
        store = await PostgresStore.open(postgres_url.replace(f":{port}/", f":{proxy.port}/"))
        for number in range(8):  # also those in which the driver prepares its statements
            proxy.reset()
            work = await begin(store, number)
            assert proxy.counts.round_trips == 2
            assert await finish(store, work) == "free"
            assert proxy.counts.round_trips == 6
        await store.close()


async def test_a_thread_of_20_000_turns_costs_what_one_of_20_does(
    database: AsyncConnection, store: PostgresStore
) -> None:
    read = []
    for turns in (20, LONG):
        await lengthen(database, store, turns)
        await turn(store, turns)  # plans are made
        before = await rows_read(database, store)
        await turn(store, turns + 1)
        after = await rows_read(database, store)
        assert after["sequential"] == before["sequential"], "no table is read as a whole"
        read.append({name: after[name] - before[name] for name in after})
    assert read[0] == read[1]
    assert 0 < read[1]["by index"] < 100


async def turn(store: PostgresStore, number: int) -> None:
    work = await begin(store, number)
    assert len(work.records) == 11
    assert await finish(store, work) == "free"
    await store.compact(
        THREAD, covers=work.head - 5, revision=work.revision, to=work.head - 4, text="sum"
    )
    work_again = await store.peek(THREAD)
    assert work_again is not None
    assert work_again.summary.covers == work.head - 4


async def lengthen(database: AsyncConnection, store: PostgresStore, turns: int) -> None:
    """Let the thread have had this many turns, all but the last five in its summary."""
    if await store.peek(THREAD) is None:
        await finish(store, await begin(store, 0))
    (text,) = await one(database, "SELECT header FROM thread")
    header = codec.load_header(text)
    said, answered = await store.history(THREAD, limit=1)
    assert isinstance(said, Entry)
    assert isinstance(answered, Answer)
    async with database.cursor() as cursor, cursor.copy("COPY entry FROM STDIN") as copy:
        for place in range(header.next, turns):
            entry, answer = (
                replace(said, position=place, id=f"m{place}"),
                replace(answered, position=place),
            )
            await copy.write_row((str(THREAD), place, 0, entry.id, codec.dump(entry)))
            await copy.write_row((str(THREAD), place, 1, None, codec.dump(answer)))
    header.next = header.head = turns
    header.covers, header.summary = turns - 5, "sum"
    await database.execute(
        "UPDATE thread SET header = %s, head = %s, shown = %s",
        (codec.dump(header), header.head, first_shown(header)),
    )


async def rows_read(database: AsyncConnection, store: PostgresStore) -> dict[str, int]:
    """Return how many rows of the tables the server has read since it was started."""

    async def flush(connection: AsyncConnection) -> None:
        await connection.execute("SELECT pg_stat_force_next_flush()")

    await store._database.run(flush)
    await flush(database)  # which has made the thread long, and may tell of it late
    sequential, by_index = await one(
        database,
        "SELECT sum(seq_tup_read), sum(idx_tup_fetch) FROM pg_stat_user_tables"
        " WHERE relname IN ('thread', 'entry', 'seen', 'trace', 'who')",
    )
    return {"sequential": int(sequential), "by index": int(by_index)}


async def one(database: AsyncConnection, query: str) -> Any:
    return await (await database.execute(query.encode())).fetchone()


# --- replies that get lost --------------------------------------------------------------------


@pytest.fixture
async def lossy(postgres_url: str, database: AsyncConnection) -> AsyncIterator[PostgresStore]:
    """Return a store whose replies get lost after the work was done; each turn loses some."""
    chance = random.Random(20261122)
    port = urlsplit(postgres_url).port or 0
    async with Proxy(port, lose=lambda: chance.random() < LOSS) as proxy:
        through = postgres_url.replace(f":{port}/", f":{proxy.port}/") + "?sslmode=disable"
        store = await PostgresStore.open(through, pause=0)
        yield store
        await store.close()
        assert proxy.counts.lost > 10


async def test_no_turn_is_lost_or_doubled(lossy: PostgresStore) -> None:
    threads = [ThreadKey("slack", "C1", str(number)) for number in range(5)]
    for number in range(TURNS):
        thread = threads[number % 5]
        accepted = await lossy.accept(message(number, thread=thread), terms(), unique())
        assert accepted.new, "no false duplicate"
        work = accepted.work
        assert work is not None, "no thread that locks itself out"
        assert await lossy.renew(work.lease, work.revision, "preview") == "ok"
        answer = draft(work.next - 1, text=f"answer {number}")
        assert isinstance(await lossy.commit(work.lease, work.revision, answer), Answer)
        assert await lossy.settle(work.lease, Outcome.DONE, posted=("p",)) == "free"
    for first, thread in enumerate(threads):
        kept = await lossy.history(thread, limit=TURNS)
        numbers = range(first, TURNS, 5)
        assert [r.text for r in kept if isinstance(r, Entry)] == [f"text {n}" for n in numbers]
        assert [r.text for r in kept if isinstance(r, Answer)] == [f"answer {n}" for n in numbers]
    assert [info.turns for info in (await lossy.threads()).threads] == [TURNS // 5] * 5


async def test_a_repeat_is_still_told_from_a_retry(lossy: PostgresStore) -> None:
    for number in range(100):
        assert (await lossy.accept(message(number), terms(waiting_limit=999))).new
        assert not (await lossy.accept(message(number), terms(waiting_limit=999))).new


async def test_settling_answers_the_same_again_and_another_caller_is_refused(
    lossy: PostgresStore,
) -> None:
    for number in range(60):
        thread = ThreadKey("slack", "C2", str(number))
        work = await begin(lossy, number, thread=thread)
        assert await lossy.settle(work.lease, Outcome.HANDED_BACK) == "free"
        assert not isinstance(await lossy.settle(work.lease, Outcome.DONE), Work | str)


async def test_a_thread_that_was_claimed_while_the_reply_was_lost_is_not_left_alone(
    lossy: PostgresStore,
) -> None:
    for number in range(60):
        await lossy.accept(message(number, thread=ThreadKey("slack", "C3", str(number))), terms())
        # A call whose reply was lost may still hold the thread, which then is due in a moment.
        async with asyncio.timeout(10):
            while isinstance(
                found := await lossy.claim_any(["slack"], f"token{number}"), NothingDue
            ):
                assert found.seconds is not None, "not lost"
                await asyncio.sleep(found.seconds)
    infos = (await lossy.threads()).threads
    works = [await lossy.peek(info.thread) for info in infos]
    assert {work.tries for work in works if work is not None} == {1}
