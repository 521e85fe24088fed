"""What one turn costs each store: time, round trips and bytes, beside others on the same servers.

    python -m tests.benchmarks.store [STORE …]

prints JSON; a Markdown table of it goes to stderr. A turn is accept (with its claim), commit and
settle, in a thread that has already had that many turns, of which the last 20 messages stand after
the summary; times are medians. Beside it stand, in one run and timed in turn with it, the least
that there could be (`bounds`) and other people's sessions (`peers`). `flat` compares a thread of
20,000 turns with one of 20, also in turn; `own_cpu_p50_ms` is what a turn takes of this process's
CPU, whatever the server does. DynamoDB is moto's server, whose times say nothing of AWS: there the
requests, the bytes and the units count that AWS would charge for all that a request looks at
(`tests.dynamodb_units`). `ahead` says how many times longer than ours a peer's turn takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from bots.run import tune_garbage_collector
from core.domain.clock import SystemClock
from core.store.dynamodb import DynamoStore
from core.store.local.store import LocalStore
from core.store.redis import RedisStore
from core.store.redis.connecting.client import connect
from core.store.sql.postgres import PostgresStore
from core.store.sql.sqlite.store import SqliteStore
from tests.benchmarks import bounds, peers
from tests.benchmarks import dynamodb as on_dynamodb
from tests.benchmarks.turns import Turns
from tests.dynamodb_server import dynamodb_server
from tests.faults.proxy import Proxy
from tests.postgres_server import postgres_server
from tests.redis_group import redis_cluster, redis_sentinels
from tests.servers import redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from core.store.port import Store
    from tests.dynamodb_units import Bill

    Step = Callable[[], Awaitable[None]]
    Next = Callable[[], Awaitable[Step]]
    Connect = Callable[[int], Awaitable[Store]]

SIZES = (10, 1000, 10_000)
SHORT, LONG = 20, 20_000
WARM_UP = 20


@dataclass(slots=True, kw_only=True)
class Stage:
    """A store on a server of its own, and what it is measured beside."""

    store: Store
    bound: Step | None = None
    url: str = ""
    """Where the peers find the same server."""
    peers: Mapping[str, Callable[[str], peers.Peer]] = field(default_factory=dict)
    through: tuple[int, Connect] | None = None
    """The server's port, and how to connect to it through another one."""
    seeded: Step | None = None
    """What the server would do by itself, a while after so much was written at once."""
    timed: int = 400
    """Turns, of each."""
    filling: Store | None = None
    """Another store on the same data that is faster at making long threads."""
    bill: Callable[[], Bill] | None = None
    """What all requests so far would be charged with."""


@dataclass(frozen=True, slots=True)
class Took:
    """Medians, in milliseconds."""

    wall: float
    cpu: float
    """Of this process."""


async def in_turn(steps: Mapping[str, Next], times: int) -> dict[str, Took]:
    """Return how long steps take that are done one after the other."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    tune_garbage_collector()  # as the bot does
    for number in range(times + WARM_UP):
        for name, prepared in steps.items():
            step = await prepared()
            start, spent = time.perf_counter(), time.process_time()
            await step()
            if number >= WARM_UP:
                took[name].append((time.perf_counter() - start, time.process_time() - spent))
    return {name: _medians(each) for name, each in took.items()}


async def measured(name: str, stage: Stage) -> dict[str, Any]:
    """Return the figures of a store, and of those beside it, by their names."""
    results: dict[str, Any] = {who: {} for who in (name, *stage.peers)}
    for size in SIZES:
        turns = await seeded(stage, size)
        others = {who: make(stage.url) for who, make in stage.peers.items()}
        steps: dict[str, Next] = {name: turns.prepared}
        if stage.bound is not None:
            steps["bound"] = _always(stage.bound)
        for who, peer in others.items():
            await peer.seed(size)
            steps[who] = peers.step_of(peer)
        if stage.seeded is not None:
            await stage.seeded()
        times = await in_turn(steps, stage.timed)
        for who, peer in others.items():
            await peer.close()
            results[who][str(size)] = {"p50_ms": times[who].wall}
        found = {"p50_ms": times[name].wall, "own_cpu_p50_ms": times[name].cpu}
        if stage.bound is not None:
            found["lower_bound_p50_ms"] = times["bound"].wall
        results[name][str(size)] = found | await counted(stage, turns)
    results[name]["flat"] = await flat(stage)
    return results


async def flat(stage: Stage) -> dict[str, Any]:
    """Compare a thread of 20,000 turns with one of 20."""
    both = {str(size): await seeded(stage, size) for size in (SHORT, LONG)}
    if stage.seeded is not None:
        await stage.seeded()
    steps = {size: turns.prepared for size, turns in both.items()}
    times = await in_turn(steps, stage.timed)
    short, long = times.values()
    found: dict[str, Any] = {f"p50_ms_{size}": took.wall for size, took in times.items()}
    found["ratio"] = round(long.wall / short.wall, 3)
    found |= {f"own_cpu_p50_ms_{size}": took.cpu for size, took in times.items()}
    found["own_cpu_ratio"] = round(long.cpu / short.cpu, 3)
    for size, turns in both.items():
        if counts := await counted(stage, turns):
            found[f"counts_{size}"] = counts
    return found


async def seeded(stage: Stage, size: int) -> Turns:
    """Return the turns of a thread that has had so many."""
    await Turns(stage.filling or stage.store, size).seed()
    return Turns(stage.store, size)


async def counted(stage: Stage, turns: Turns) -> dict[str, float]:
    """Return the round trips and bytes of one turn, the round trips before the model, the units.

    Counted between the server and a store that is connected to another port; nothing where there
    is no server.
    """
    if stage.through is None:
        return {}
    port, connected = stage.through
    async with Proxy(port) as proxy:
        store = await connected(proxy.port)
        through = Turns(store, int(turns.thread.channel[1:]))
        through.number = turns.number
        await (await through.prepared())()  # connects, and prepares what is prepared once
        await through.summarize()
        proxy.reset()
        billed = stage.bill() if stage.bill else None
        work = await through.begin()
        before = proxy.counts.round_trips
        await through.end(work)
        counts = asdict(proxy.counts)
        units = (
            {} if stage.bill is None or billed is None else on_dynamodb.units(stage.bill() - billed)
        )
        await store.close()
    return {
        "round_trips": counts["round_trips"],
        "round_trips_before_model": before,
        "bytes_up": counts["up"],
        "bytes_down": counts["down"],
        **units,
    }


@contextlib.asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Stage]:
    """Measure the process's own memory."""
    yield Stage(store=LocalStore(SystemClock()), bound=bounds.memory_bound())


@contextlib.asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Stage]:
    """Measure a file on this machine's disk."""
    path = folder / "store.db"
    async with _closing(await SqliteStore.open(path, SystemClock())) as store:
        yield Stage(store=store, bound=bounds.sqlite_bound(folder / "bound.db", path))


@contextlib.asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[Stage]:
    """Measure a real server of our own, with its data in memory."""

    async def connected(port: int) -> Store:
        return RedisStore(connect(f"redis://127.0.0.1:{port}"))

    with redis_server(directory=folder) as server:
        client = connect(server.url)
        async with _closing(RedisStore(connect(server.url))) as store:
            yield Stage(
                store=store,
                bound=await bounds.redis_bound(client),
                url=server.url,
                peers=peers.REDIS,
                through=(server.port, connected),
            )
        await client.aclose()


@contextlib.asynccontextmanager
async def redis_in_cluster(folder: Path) -> AsyncIterator[Stage]:
    """Measure a cluster of three primaries."""
    with redis_cluster(folder) as cluster:
        async with _closing(RedisStore(connect(cluster.url))) as store:
            yield Stage(store=store)


@contextlib.asynccontextmanager
async def redis_with_sentinels(folder: Path) -> AsyncIterator[Stage]:
    """Measure a primary with a replica, found through Sentinels."""
    with redis_sentinels(folder) as watched:
        async with _closing(RedisStore(connect(watched.url))) as store:
            yield Stage(store=store)


@contextlib.asynccontextmanager
async def postgresql(folder: Path) -> AsyncIterator[Stage]:
    """Measure a real server of our own, set up as its makers deliver it."""

    async def connected(port: int) -> Store:
        return await PostgresStore.open(f"postgresql://owner@127.0.0.1:{port}/postgres")

    async def analyzed() -> None:
        async with await AsyncConnection.connect(server.url, autocommit=True) as own:
            await own.execute("ANALYZE")

    with postgres_server(settings=()) as server:
        async with (
            _closing(await PostgresStore.open(server.url)) as store,
            bounds.postgresql_bound(server.url) as bound,
        ):
            yield Stage(
                store=store,
                bound=bound,
                url=server.url,
                peers=peers.POSTGRESQL,
                through=(server.port, connected),
                seeded=analyzed,
            )


@contextlib.asynccontextmanager
async def dynamodb(folder: Path) -> AsyncIterator[Stage]:
    """Measure moto's server: its times say nothing of AWS, its counts do."""

    async def connected(port: int) -> Store:
        url = server.url("bench", port)
        return await DynamoStore.open(url, SystemClock(), session=server.session)

    with dynamodb_server() as server:
        async with (
            on_dynamodb.filling(server, "bench") as filling,
            _closing(await connected(server.port)) as store,
        ):
            yield Stage(
                store=store,
                through=(server.port, connected),
                timed=30,
                filling=filling,
                bill=server.bill,
            )


STAGES: dict[str, Callable[[Path], AbstractAsyncContextManager[Stage]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "redis": redis,
    "redis_cluster": redis_in_cluster,
    "redis_sentinel": redis_with_sentinels,
    "postgresql": postgresql,
    "dynamodb": dynamodb,
}


def ahead(results: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Return, for each peer, how many times longer its turn takes than ours on such a server."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for names, stores in (
        (peers.REDIS, ("redis", "redis_cluster", "redis_sentinel")),
        (peers.POSTGRESQL, ("postgresql",)),
    ):
        for peer in results.keys() & names.keys():
            found[peer] = {
                store: {
                    str(size): round(_p50(results, peer, size) / _p50(results, store, size), 2)
                    for size in SIZES
                }
                for store in stores
                if store in results
            }
    return found


def table(results: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = [f"| | {' | '.join(f'{size:,} turns' for size in SIZES)} | 20,000 ÷ 20 |"]
    lines.append("|---" * (len(SIZES) + 2) + "|")
    for name in [*STAGES, *peers.REDIS, *peers.POSTGRESQL]:
        if name in results:
            times = [f"{_p50(results, name, size):.2f} ms" for size in SIZES]
            ratio = results[name].get("flat", {}).get("ratio", "")
            lines.append(f"| {name} | {' | '.join(times)} | {ratio} |")
    if "dynamodb" in results:
        lines += ["", on_dynamodb.table(results["dynamodb"])]
    return "\n".join(lines)


def _medians(took: list[tuple[float, float]]) -> Took:
    wall, cpu = (round(statistics.median(each) * 1000, 4) for each in zip(*took, strict=True))
    return Took(wall, cpu)


def _p50(results: dict[str, Any], name: str, size: int) -> float:
    return float(results[name][str(size)]["p50_ms"])


def _always(step: Step) -> Next:
    async def prepared() -> Step:
        return step

    return prepared


@contextlib.asynccontextmanager
async def _closing(store: Store) -> AsyncIterator[Store]:
    try:
        yield store
    finally:
        await store.close()


async def main(wanted: list[str]) -> None:
    """Measure the stores that are named, or all, and print the figures."""
    results: dict[str, Any] = {}
    for name in wanted or STAGES:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            results |= await measured(name, await stack.enter_async_context(STAGES[name](folder)))
    sys.stderr.write(f"{table(results)}\n")
    json.dump(results | {"ahead": ahead(results)}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
