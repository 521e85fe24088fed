"""Two processes on one store say a thousand things at once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.domain.session import Answer, Entry
from core.store.dynamodb import make_table
from core.store.dynamodb.connecting.address import parse
from core.store.keys import unique
from core.store.urls import open_store
from tests.dynamodb_server import ENVIRONMENT
from tests.faults.crowd import thread_of
from tests.postgres_server import postgres_server
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from core.domain.session import Record
    from core.store.port import Store
    from tests.dynamodb_server import DynamoServer

ROOT = Path(__file__).resolve().parents[2]
CROWD = ("ann", "bob")
MESSAGES = 500
FEWER = 60
"""On moto, which takes milliseconds for what others do in microseconds."""


@pytest.fixture(params=["dynamodb", "postgresql", "redis", "sqlite"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "dynamodb":
        for name, value in ENVIRONMENT.items():  # as a real one's credentials
            monkeypatch.setenv(name, value)
        dynamo: DynamoServer = request.getfixturevalue("dynamodb_server")
        address = dynamo.url(f"t{unique()}")
        asyncio.run(make_table(parse(address), dynamo.session))
        yield address
        return
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/crowd.db"
        return
    own = postgres_server() if request.param == "postgresql" else redis_server(directory=tmp_path)
    with own as server:
        yield server.url


@pytest.mark.parametrize("threads", [1, 50])
async def test_none_is_lost_none_doubled_and_all_are_in_order(url: str, threads: int) -> None:
    """I1, I2, I4: with two workers that both answer whatever waits."""
    await say_it_all(url, threads)
    store = await open_store(url, clock=SystemClock(), lease_seconds=5)
    heard: dict[str, list[int]] = {name: [] for name in CROWD}
    for number in range(threads):
        records = [record async for record in everything(store, number)]
        entries = [record for record in records if isinstance(record, Entry)]
        answers = [record for record in records if isinstance(record, Answer)]
        assert [e.position for e in entries] == list(range(len(entries)))
        assert len({a.position for a in answers}) == len(answers)
        assert answers[-1].position == entries[-1].position
        for name in CROWD:
            spoken = [int(e.id.split("-")[1]) for e in entries if e.author.id == name]
            assert spoken == sorted(spoken)
            heard[name] += spoken
    assert all(sorted(spoken) == list(range(messages_to(url))) for spoken in heard.values())
    await store.close()


def messages_to(url: str) -> int:
    """Return how many things each of the crowd says to a store."""
    return FEWER if url.startswith("dynamodb") else MESSAGES


async def say_it_all(url: str, threads: int) -> None:
    """Run the crowd's processes to their end."""
    crowd = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.crowd"),
            *(url, name, str(messages_to(url)), str(threads)),
            cwd=ROOT,
        )
        for name in CROWD
    ]
    async with asyncio.timeout(100):
        assert [await process.wait() for process in crowd] == [0, 0]


async def everything(store: Store, number: int) -> AsyncIterator[Record]:
    """Yield all that is kept of one of the crowd's threads."""
    after = -1
    while page := await store.history(thread_of(number), after=after):
        for record in page:
            yield record
        after = page[-1].position
