"""Seeded runs of several workers under kills, lost leases, lost replies, unclear posts and edits.

In one kind of run workers die, in the other living workers lose their leases. Both at once may
leave one message too many, as the protocol says under "What remains", so they are kept apart.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.session import Status
from core.models.scripted import ScriptedModel
from tests.faults.dynamodb_world import dynamodb_world
from tests.faults.life import KilledError, Life, Mortal
from tests.faults.postgres_world import postgres_worlds
from tests.world import THREAD, World, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.intake.intake import Intake
    from core.models.port import Model, ModelRequest
    from tests.dynamodb_server import DynamoServer

MESSAGES = 6
RUNS = int(os.environ.get("CHAOS_RUNS", "25"))
"""Seeds of one test; twenty tests make 500 runs."""


class Run:
    """One run: what happens in it follows from its seed."""

    def __init__(self, seed: int, *, kills: bool, make: Callable[[Model], World] = World) -> None:
        self.seed, self.random = seed, Random(seed)
        self.kills = kills
        self.world = make(ScriptedModel(reply=self.answer))
        self.world.deaths = 1_000_000  # a slow machine loses any number of leases to the nemesis
        self.world.platform.piece_length = self.random.choice([7, 15, 1000])
        self.world.platform.unclear.extend(
            self.random.choices(["", "lost", "never"], weights=[8, 1, 1], k=30)
        )
        self.deleted: set[str] = set()
        self.lives: list[Life] = []

    def answer(self, request: ModelRequest) -> Any:
        """Answer in a few chunks, with passes of the loop between them."""
        pause = [0.0] * self.random.randrange(1, 30)
        return ["an answer to ", *pause, str(len(request.messages)), *pause, " messages"]

    async def go(self) -> None:
        """Let it all happen, and then let one healthy worker bring it to an end."""
        with_workers = [asyncio.create_task(self.generations()) for _ in range(2)]
        nemesis = asyncio.create_task(self.nemesis())
        await asyncio.gather(*with_workers)
        nemesis.cancel()
        await asyncio.wait({nemesis})
        async with self.world.worker() as worker:
            intake = self.world.intake(worker)
            await self.world.expire()
            for number in range(MESSAGES):
                await intake.take(message(number))
            await self.hurry()

    async def generations(self) -> None:
        """Run a worker until it dies, and another in its place, for a while."""
        for _ in range(3):
            dies_at = self.random.randrange(40) if self.kills else -1
            life = Life(dies_at=dies_at, after_effect=self.random.random() < 0.5)
            life.twice = lambda: self.random.random() < 0.1
            self.lives.append(life)
            await self.live(life)
            if life.dead.is_set():
                await self.world.expire(life.tokens)

    async def live(self, life: Life) -> None:
        """Run one worker, and say things to it."""
        store: Any = Mortal(life, self.world.store)
        platform: Any = Mortal(life, self.world.platform)
        worker = self.world.worker(store=store, platform=platform, grace=5)
        async with worker:
            try:
                for _ in range(4):
                    await self.event(self.world.intake(worker, store=store))
            except KilledError:
                return

    async def event(self, intake: Intake) -> None:
        """Say something, perhaps once more; or edit or delete what was said."""
        number = self.random.randrange(MESSAGES)
        what = self.random.random()
        if what < 0.8:
            await intake.take(message(number))
        elif what < 0.9:
            edit = replace(message(number, "edited"), edited_at=self.random.random() * 100)
            if not await intake.edit(edit):
                await intake.take(edit)
        else:
            self.deleted.add(f"m{number}")
            await intake.delete(THREAD, f"m{number}", message(number).identities, stamp=1000)
        for _ in range(self.random.randrange(20)):
            await asyncio.sleep(0)

    async def nemesis(self) -> None:
        """Let leases of living workers run out, where no worker is killed."""
        while not self.kills:
            for _ in range(self.random.randrange(5, 60)):
                await asyncio.sleep(0)
            await self.world.expire()

    async def hurry(self) -> None:
        """Wait for the end, without the pauses between failed tries."""
        async with asyncio.timeout(10):
            while await self.world.has_work():
                await self.world.hasten()
                await asyncio.sleep(0)

    async def judged(self) -> None:
        """Go, and check; a failure says how to have it again."""
        try:
            await self.go()
            await self.check()
        except BaseException as error:
            error.add_note(f"seed {self.seed}, kills {self.kills}")
            raise

    async def check(self) -> None:
        """Hold what is recorded and what is seen to the promise."""
        entries, answers = await self.world.entries(), await self.world.answers()
        stored = {entry.id for entry in entries}
        assert stored | self.deleted == {f"m{number}" for number in range(MESSAGES)}
        assert len(stored) == len(entries), "a message was stored twice"
        places = [answer.position for answer in answers]
        assert len(set(places)) == len(places), "a turn was recorded twice"
        waiting = [e for e in entries if e.position > max(places, default=-1)]
        assert all(e.status is Status.DELETED for e in waiting), "a message was not answered"
        platform = self.world.platform
        wanted = [
            platform.piece(a.text, platform.cut(a.text), index)
            for a in answers
            for index in range(len(platform.cut(a.text)))
        ]
        assert sorted(platform.texts()) == sorted(wanted), "not each reply is there once"
        for answer in answers:
            seen = [shown.text for shown in platform.shown if shown.key.turn == answer.turn]
            assert "".join(seen) == answer.text, "the pieces are not in order"


@pytest.mark.parametrize("batch", range(10))
@pytest.mark.parametrize("kills", [True, False], ids=["kills", "lost leases"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_every_message_is_answered_once_whatever_happens(kills: bool, batch: int) -> None:
    """I1, I2, I3, I5."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        run = Run(seed, kills=kills)
        await run.judged()


@pytest.mark.parametrize("kills", [True, False], ids=["kills", "lost leases"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_nor_in_postgresql(postgres_url: str, kills: bool) -> None:
    """The same where each call of the store takes time, and other steps come in between."""
    for seed in range(RUNS // 2):
        async with postgres_worlds(postgres_url) as make:
            run = Run(seed, kills=kills, make=make)
            await run.judged()


@pytest.mark.parametrize("kills", [True, False], ids=["kills", "lost leases"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_nor_in_dynamodb(dynamodb_server: DynamoServer, kills: bool) -> None:
    """The same where nothing is locked, and those that were passed by begin again."""
    for seed in range(RUNS // 10):
        # The model belongs to the run, and the run is made with its world.
        async with dynamodb_world(dynamodb_server, ScriptedModel()) as world:

            def make(model: Model, world: World = world) -> World:
                world.model = model
                return world

            run = Run(seed, kills=kills, make=make)
            await run.judged()
