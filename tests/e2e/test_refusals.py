"""A store that refuses for a moment, while a process is killed in the middle of its turns.

The waits are a tenth of what they are in life: a lease of 1.5 seconds instead of 15, refusals of
0.3 and 3 seconds instead of 3 and 30.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
import pytest
import redis

from core.store.dynamodb import make_table
from core.store.dynamodb.connecting.address import parse
from core.store.keys import unique
from tests.dynamodb_server import ENVIRONMENT
from tests.e2e.slack_bot import answers
from tests.e2e.test_slack_program import on_slack
from tests.fakes.claude import FakeClaude
from tests.fakes.slack import FakeSlack
from tests.faults.dynamodb_front import Front
from tests.postgres_server import OWNER, postgres_server
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.dynamodb_server import DynamoServer
    from tests.e2e.program import Program

    Refusal: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]

BEFORE, DURING, AFTER = 8, 4, 3
"""How many people ask before the store refuses, while it does, and afterwards."""


@pytest.fixture
async def readonly(tmp_path: Path, program: Program) -> AsyncIterator[Refusal]:
    """A Redis that a failover has made a replica: READONLY."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(directory=folder, persistent=True) as server:
        program.settings["CHATBOT_STORE"] = server.url
        client = redis.Redis(port=server.port)

        @asynccontextmanager
        async def refuse() -> AsyncGenerator[None, None]:
            client.replicaof("127.0.0.1", 1)
            yield
            client.replicaof("NO", "ONE")

        yield refuse
        client.close()


@pytest.fixture
async def rotated(tmp_path: Path, program: Program) -> AsyncIterator[Refusal]:
    """A Redis whose password is being rotated: the bot's own comes into force at the end."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(directory=folder, persistent=True, extra=("--requirepass", "ours")) as server:
        program.settings["CHATBOT_STORE"] = server.url.replace("redis://", "redis://:ours@")

        @asynccontextmanager
        async def refuse() -> AsyncGenerator[None, None]:
            with closing(redis.Redis(port=server.port, password="ours")) as client:
                client.config_set("requirepass", "theirs")
                client.client_kill_filter(_type="normal", skipme=True)
            yield
            with closing(redis.Redis(port=server.port, password="theirs")) as client:
                client.config_set("requirepass", "ours")

        yield refuse


@pytest.fixture
async def postgres(program: Program) -> AsyncIterator[Refusal]:
    """A PostgreSQL that takes no writes: a primary that has become a standby."""
    with postgres_server() as server:
        program.settings["CHATBOT_STORE"] = server.url
        own = await psycopg.AsyncConnection.connect(server.url, autocommit=True)

        async def set_to(value: str) -> None:
            await own.execute(f"ALTER ROLE {OWNER} SET default_transaction_read_only = {value}")
            await own.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

        @asynccontextmanager
        async def refuse() -> AsyncGenerator[None, None]:
            await set_to("on")
            yield
            await set_to("off")

        yield refuse
        await own.close()


@pytest.fixture
async def dynamo_expired(program: Program, dynamodb_server: DynamoServer) -> AsyncIterator[Refusal]:
    """A DynamoDB for which the credentials have expired."""
    async with Front(dynamodb_server.port) as front:
        url = dynamodb_server.url(f"t{unique()}", front.port)
        await make_table(parse(url), session=dynamodb_server.session)
        program.settings |= {**ENVIRONMENT, "CHATBOT_STORE": url}

        @asynccontextmanager
        async def refuse() -> AsyncGenerator[None, None]:
            front.fault = lambda *_: ("ExpiredTokenException", 400)
            yield
            front.fault = lambda *_: None

        yield refuse


@pytest.fixture
async def locked(program: Program) -> Refusal:
    """A SQLite file that another program keeps locked."""
    path = program.home / "store.db"
    program.settings["CHATBOT_STORE"] = f"sqlite:///{path}"

    @asynccontextmanager
    async def refuse() -> AsyncGenerator[None, None]:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    return refuse


@pytest.fixture(params=["readonly", "rotated", "postgres", "dynamo_expired", "locked"])
def refusal(request: pytest.FixtureRequest) -> Refusal:
    found: Refusal = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("seconds", [0.3, 3.0])
async def test_all_is_answered_though_the_store_refuses_and_a_process_dies(
    program: Program, refusal: Refusal, seconds: float
) -> None:
    async with FakeSlack() as fake, FakeClaude(delay=0.15) as claude:
        on_slack(program, fake, claude)
        program.settings |= {"CHATBOT_LEASE_SECONDS": "1.5", "CHATBOT_SLACK_PACE": "0"}
        fake.delivery.pace = 0.02  # so that Slack's retries come after 0, 1.2 and 6 seconds
        ann = fake.person("ann")
        general = fake.channel("general", ann)
        said: list[Any] = []

        async def ask(times: int) -> None:
            for _ in range(times):
                said.append(await fake.say(ann, general, f"{fake.at_bot} {len(said)}?"))

        doomed = await program.start("run")
        try:
            await fake.connected(2, within=30)
            healthy = await program.start("run")
            await fake.connected(4, within=30)
            await ask(BEFORE)
            async with asyncio.timeout(15):
                while len(claude.requests) < BEFORE // 2:
                    await asyncio.sleep(0.01)
            async with refusal():
                await doomed.kill()
                await ask(DURING)
                await asyncio.sleep(seconds)
            await ask(AFTER)
            await fake.until(lambda: all(answers(fake, general, m.ts) for m in said), 25)
            assert [len(answers(fake, general, m.ts)) for m in said] == [1] * len(said)
            assert healthy.process.returncode is None
        finally:
            await doomed.kill()
            await healthy.kill()
