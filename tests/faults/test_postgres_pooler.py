"""A pooler before PostgreSQL: sessions of its own, or a refusal that leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import psycopg
import pytest

from core.domain.errors import StoreRefusedError
from core.store.sql.postgres import PostgresStore
from tests.builders import THREAD, converse
from tests.faults.pooler import Pooler
from tests.postgres_server import OWNER, PostgresServer, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as own:
        yield own


def at(pooler: Pooler) -> str:
    return f"postgresql://{OWNER}@127.0.0.1:{pooler.port}/postgres"


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("robin", [False, True])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_shared_sessions_are_refused_and_left_as_they_were(
    server: PostgresServer,
    mode: Literal["transaction", "statement"],
    *,
    robin: bool,
    others: int,
) -> None:
    async with Pooler(server.port, mode, robin=robin) as pooler:
        clients = [await psycopg.AsyncConnection.connect(at(pooler)) for _ in range(others)]
        with pytest.raises(StoreRefusedError, match="shares sessions") as caught:
            await PostgresStore.open(at(pooler))
        assert "pool_mode=session" in str(caught.value)
        assert pooler.idle
        for _ in range(len(pooler.idle)):
            async with await psycopg.AsyncConnection.connect(
                at(pooler), autocommit=True, prepare_threshold=None
            ) as client:
                for name, value in (("enable_seqscan", "on"), ("plan_cache_mode", "auto")):
                    found = await client.execute(f"SHOW {name}".encode())
                    assert await found.fetchone() == (value,)
        for client in clients:
            client.pgconn.finish()


async def test_sessions_of_its_own_are_all_that_the_store_needs(server: PostgresServer) -> None:
    async with Pooler(server.port, "session") as pooler:
        store = await PostgresStore.open(at(pooler))
        await converse(store, 1, 2, 3)
        assert len(await store.history(THREAD)) == 6
        await store.close()
