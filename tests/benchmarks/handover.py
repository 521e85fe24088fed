"""How long a thread is nobody's: from one holder's settle to the next one's claim.

    python -m tests.benchmarks.handover

prints JSON. One process takes messages in and hands each turn back; another waits and claims.
The clock is the machine's steady one, which all processes share. `fifo` says whether the threads
were claimed in the order in which they were left.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.admission import Admission, AdmissionPolicy
from core.domain.message import Message, ThreadKey
from core.store.keys import unique
from core.store.redis import RedisStore
from core.store.redis.connecting.client import connect
from core.store.values import Outcome, Work
from tests.builders import message
from tests.servers import redis_server

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HANDOVERS = 600
BURST = 50
"""Threads that wait together when order is looked at."""
TERMS = AdmissionPolicy(admissions=(Admission.ACCEPTED,) * 8, ttl=86_400, reach=1000)


def root(number: int) -> Message:
    """Return the first message of a thread of its own."""
    name = f"{number:06}.0"
    return message(number, "hello", thread=ThreadKey("slack", "C0", name), id=name)


async def take(store: RedisStore) -> Work:
    """Wait for work as a worker does, and claim it."""
    while True:
        work = await store.claim_any(("slack",), unique())
        if isinstance(work, Work):
            return work
        await store.wait(("slack",), 5.0 if work.seconds is None else min(work.seconds, 5.0))


async def successor(url: str, pipe: Connection) -> None:
    """Claim what is left, say when, and finish it."""
    store = RedisStore(connect(url))
    await store.wait(("slack",), 0.2)  # listens from here on
    pipe.send("ready")
    while True:
        work = await take(store)
        claimed = time.monotonic()
        pipe.send((claimed, work.lease.thread.thread))
        await store.erase(work.lease.thread, at=0)
        await store.settle(work.lease, Outcome.CLEARED)
        if work.lease.thread.thread == f"{HANDOVERS + BURST - 1:06}.0":
            break
    await store.close()


def run_successor(url: str, pipe: Connection) -> None:
    """Be the other process."""
    asyncio.run(successor(url, pipe))


async def hand_over(store: RedisStore, pipe: Connection, number: int) -> float:
    """Hold a turn, leave it, and return how many milliseconds later the other had it."""
    accepted = await store.accept(root(number), TERMS, unique())
    assert accepted.work is not None
    await asyncio.sleep(0.002)  # the other one waits by now
    left = time.monotonic()
    assert await store.settle(accepted.work.lease, Outcome.HANDED_BACK) == "free"
    claimed, _ = await asyncio.to_thread(pipe.recv)
    return (float(claimed) - left) * 1000


async def in_order(store: RedisStore, pipe: Connection) -> bool:
    """Leave many threads at once; tell whether they were claimed in the order they came."""
    names = [root(number).thread.thread for number in range(HANDOVERS, HANDOVERS + BURST)]
    for number in range(HANDOVERS, HANDOVERS + BURST):
        await store.accept(root(number), TERMS)
    claimed = [(await asyncio.to_thread(pipe.recv))[1] for _ in names]
    return claimed == names


async def measure(url: str) -> dict[str, float | bool]:
    """Measure hand-overs between this process and another."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_successor, args=(url, theirs))
    process.start()
    store = RedisStore(connect(url))
    try:
        assert await asyncio.to_thread(ours.recv) == "ready"
        took = [await hand_over(store, ours, number) for number in range(HANDOVERS)]
        fifo = await in_order(store, ours)
    finally:
        await store.close()
        await asyncio.to_thread(process.join, 10)
        process.kill()
    return {
        "p50_ms": round(statistics.median(took), 3),
        "p99_ms": round(statistics.quantiles(took, n=100)[-1], 3),
        "fifo": fifo,
    }


async def main() -> None:
    """Measure on a real server of our own, and print the figures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(directory=Path(folder)) as server,
    ):
        json.dump({"redis": await measure(server.url)}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    asyncio.run(main())
