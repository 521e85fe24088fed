"""Fixtures and settings for all tests, and what a result counts as."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants
from psycopg import AsyncConnection

from core.store.dynamodb import make_table
from core.store.dynamodb.connecting.address import parse
from core.store.dynamodb.connecting.client import connect
from core.store.keys import unique
from core.store.sql.postgres import PostgresStore
from tests.contract import postgres_data
from tests.dynamodb_server import DynamoServer
from tests.dynamodb_server import dynamodb_server as run_dynamodb
from tests.order import dealt, takes_long
from tests.postgres_server import postgres_server
from tests.redis_group import redis_cluster, redis_sentinels
from tests.servers import redis_server, valkey_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from core.store.dynamodb.connecting.client import Table

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Until all tests are collected, nothing is garbage: to look for it takes half of that time.
gc.disable()

# HYPOTHESIS_PROFILE is `ci`, the default, `quick`, or `nightly`, which searches longest. All but
# the last try the same cases each time, so that only a change of the code can change a result.
for profile, examples in (("ci", 100), ("quick", 25)):
    settings.register_profile(
        profile,
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        stateful_step_count=50,
        suppress_health_check=list(HealthCheck),
    )
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=3_000,
    stateful_step_count=200,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
if settings().derandomize:
    # Hypothesis also draws constants from the modules that are imported by then. With xdist these
    # differ from run to run, so the cases would differ too; there is no setting for it.
    HypothesisProvider._local_constants = Constants()  # type: ignore[assignment]

_WORKERS_PER_CORE = 2
"""The suite spends half of its time waiting for servers, leases and programs that start."""


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes that `-n auto` starts."""
    cores = os.cpu_count() or 1
    if sys.platform == "linux":  # a container may have only some of the cores
        cores = len(os.sched_getaffinity(0))
    return _WORKERS_PER_CORE * cores


_SERVERS = {
    *("redis_url", "valkey_url", "redis_cluster_url", "redis_sentinel_url", "postgres_url"),
    *("dynamodb_server", "dynamo", "database"),
}
"""The fixtures that start a server."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test that needs a server as slow, and let each process begin with long tests."""
    for item in items:
        if _SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = dealt(items, [takes_long(item.path) for item in items], processes)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Collect garbage from now on, but never look through modules and tests: they stay."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real Redis: each of pytest's processes has one, shared by its tests."""
    with redis_server(directory=tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real Valkey, as `redis_url` does."""
    folder = tmp_path_factory.mktemp("valkey")
    with redis_server(directory=folder, binary=valkey_binary()) as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real Redis cluster, as `redis_url` does."""
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.url


@pytest.fixture(scope="session")
def redis_sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real Redis that Sentinels watch, as `redis_url` does."""
    with redis_sentinels(tmp_path_factory.mktemp("sentinels")) as watched:
        yield watched.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the URL of a real PostgreSQL, as `redis_url` does."""
    with postgres_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def dynamodb_server() -> Iterator[DynamoServer]:
    """Return a DynamoDB server, shared as with `redis_url`."""
    with run_dynamodb() as server:
        yield server


@pytest.fixture
async def dynamo(dynamodb_server: DynamoServer) -> AsyncIterator[Table]:
    """Return a table of the test's own, opened as a store opens it."""
    address = parse(dynamodb_server.url(f"t{unique()}"))
    await make_table(address, dynamodb_server.session)
    table = await connect(address, dynamodb_server.session)
    yield table
    await table.call("delete_table")
    await table.close()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[AsyncConnection]:
    """Return a connection to a PostgreSQL with empty tables."""
    await (await PostgresStore.open(postgres_url)).close()
    async with await AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await postgres_data.clear(connection)
        yield connection


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """See `no_skip`."""
    return no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """See `no_skip`."""
    return no_skip((yield))


def no_skip(report: Report) -> Report:
    """Turn a skip into a failure in CI, where everything that a test needs must be there."""
    expected = hasattr(report, "wasxfail")  # pytest reports an expected failure as skipped
    if os.environ.get("CI") and report.skipped and not expected:
        report.outcome = "failed"
        report.longrepr = f"A skip is a failure in CI: {report.longrepr}"
    return report
