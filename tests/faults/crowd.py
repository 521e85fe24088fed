"""One process of a crowd: says many things into many threads, and helps to answer them.

    python -m tests.faults.crowd STORE_URL NAME MESSAGES THREADS

It ends once everything that it said is answered.
"""

from __future__ import annotations

import asyncio
import sys

from core.domain.admission import Admission, FollowUp
from core.domain.clock import SystemClock
from core.domain.message import Kind, Message, ThreadKey
from core.intake.intake import Intake, IntakePolicy
from core.memory.memory import Memory
from core.memory.tokens import counter_for
from core.models.scripted import ScriptedModel
from core.store.urls import open_store
from core.turn.turn import TurnConfig, TurnPipeline
from core.worker.worker import Worker
from tests.builders import message
from tests.fakes.platform import FakePlatform
from tests.world import NoCompaction

DAY = 24 * 3600.0


def thread_of(number: int) -> ThreadKey:
    """Return the crowd's thread with this number."""
    return ThreadKey("fake", "crowd", f"t{number}")


def said(name: str, number: int, threads: int) -> Message:
    """Return what one of the crowd says as its message `number`."""
    identity = f"{name}-{number}"
    return message(
        number,
        f"{name} says {number}",
        author=name,
        thread=thread_of(number % threads),
        id=identity,
        identities=(identity,),
    )


async def main(url: str, name: str, messages: int, threads: int) -> None:
    """Say everything, and wait until all of it is answered."""
    clock = SystemClock()
    store = await open_store(url, clock=clock, lease_seconds=5)
    memory = Memory(budget=100_000, counter=counter_for("x", rank_file=None))
    conversation = TurnPipeline(
        store,
        ScriptedModel(reply=lambda _: "fine"),
        memory,
        clock,
        TurnConfig(model="scripted", system="Be brief.", answer_tokens=100),
    )
    worker = Worker(
        store, conversation, NoCompaction(), {"fake": FakePlatform(previews=False)}, clock
    )
    policy = IntakePolicy(
        ttl=dict.fromkeys(Kind, DAY),
        reach=dict.fromkeys(Kind, 20),
        follow_up=FollowUp.ALWAYS,
        waiting_limit=messages * 2,
    )
    intake = Intake(store, worker, policy)
    async with worker:
        for number in range(messages):
            received = await intake.take(said(name, number, threads))
            assert received.verdict is Admission.ACCEPTED
        for number in range(threads):
            while (work := await store.peek(thread_of(number))) and work.head < work.next:
                await asyncio.sleep(0.01)  # the other process answers as well, and tells nobody
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
