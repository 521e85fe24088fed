"""Replies of Redis get lost after the work was done, and redis-py sends the command again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from core.domain.admission import Admission
from core.domain.message import ThreadKey
from core.domain.session import Answer, Entry
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.redis.connecting.client import command, connect
from core.store.values import Outcome, Work
from tests.builders import draft, message, terms
from tests.contract.stores import impatient
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TURNS = 500
LOSS = 0.1


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    chance = random.Random(20261122)
    client = connect(redis_url)
    await client.flushall()
    await client.aclose()
    async with Proxy(urlsplit(redis_url).port or 0, lose=lambda: chance.random() < LOSS) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: Proxy) -> AsyncIterator[RedisStore]:
    store = RedisStore(impatient(proxy.port))
    yield store
    await store.close()


async def run(store: RedisStore, thread: ThreadKey, number: int) -> None:
    accepted = await store.accept(message(number, thread=thread), terms(), unique())
    assert accepted.new, "no false duplicate"
    assert accepted.verdict is Admission.ACCEPTED
    work = accepted.work
    assert work is not None, "no thread that locks itself out"
    assert await store.renew(work.lease, work.revision, "preview") == "ok"
    answer = draft(work.next - 1, text=f"answer {number}")
    assert isinstance(await store.commit(work.lease, work.revision, answer), Answer)
    assert await store.settle(work.lease, Outcome.DONE, posted=("p",)) == "free"


async def test_no_turn_is_lost_or_doubled(store: RedisStore, proxy: Proxy) -> None:
    threads = [ThreadKey("slack", "C1", str(number)) for number in range(5)]
    for number in range(TURNS):
        await run(store, threads[number % 5], number)
    assert proxy.counts.lost > TURNS * LOSS
    for first, thread in enumerate(threads):
        kept = await store.history(thread, limit=TURNS)
        asked = [record.text for record in kept if isinstance(record, Entry)]
        answered = [record.text for record in kept if isinstance(record, Answer)]
        numbers = range(first, TURNS, 5)
        assert asked == [f"text {number}" for number in numbers]
        assert answered == [f"answer {number}" for number in numbers]
    infos = (await store.threads()).threads
    assert [info.turns for info in infos] == [TURNS // 5] * 5


async def test_a_repeat_is_still_told_from_a_retry(store: RedisStore) -> None:
    for number in range(30):
        assert (await store.accept(message(number), terms())).new
        assert not (await store.accept(message(number), terms())).new


async def test_settling_answers_the_same_again_and_another_caller_is_refused(
    store: RedisStore,
) -> None:
    for number in range(30):
        thread = ThreadKey("slack", "C2", str(number))
        accepted = await store.accept(message(number, thread=thread), terms(), unique())
        assert accepted.work is not None
        assert await store.settle(accepted.work.lease, Outcome.HANDED_BACK) == "free"
        assert not isinstance(await store.settle(accepted.work.lease, Outcome.DONE), Work | str)


async def test_redis_py_alone_would_double(proxy: Proxy) -> None:
    client = impatient(proxy.port)
    for number in range(300):
        await command(client, "RPUSH", "plain", number)
    assert await command(client, "LLEN", "plain") > 300
    await client.aclose()
