"""A worker is killed at every call it makes, before and after the call took effect.

The promise: a message is answered; its turn is recorded at most once; its final reply is visible
once. The matrix is exhaustive: first the calls of an undisturbed run are counted, then one run
dies at each of them, and another worker has to bring the thread to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.session import AnswerKind
from core.models.scripted import ScriptedModel
from tests.contract import postgres_data
from tests.fakes.platform import FakePlatform
from tests.faults.dynamodb_world import dynamodb_world
from tests.faults.life import KilledError, Life, Mortal
from tests.faults.postgres_world import postgres_worlds
from tests.world import World, message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from core.models.scripted import Step
    from core.store.port import Store
    from tests.dynamodb_server import DynamoServer

ANSWER = "first part, second part, third part"
CALLS_OF_A_RUN = 20
"""What an undisturbed run makes at the least: two turns with previews, pieces and all."""


async def first_life(world: World, life: Life) -> None:
    """Run the scenario in a worker that may die: two messages, one of them during the turn."""
    store: Store = Mortal(life, world.store)  # type: ignore[assignment]
    platform: Any = Mortal(life, world.platform)
    worker = world.worker(store=store, platform=platform)
    intake = world.intake(worker, store=store)
    async with asyncio.timeout(10):
        async with worker:
            try:
                await intake.take(message(0))
                await intake.take(message(1))
            except KilledError:
                return
            await asyncio.wait(
                [asyncio.ensure_future(world.settled()), asyncio.ensure_future(life.dead.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )


def scripted() -> ScriptedModel:
    pause = [0.0] * 20  # passes of the loop, not time: enough for a preview, the same each run
    script: list[Step] = ["first part, ", *pause, "second part, ", *pause, "third part"]
    return ScriptedModel(reply=lambda _: script)


def a_world(most_pieces: int = 0) -> World:
    return cut(World(scripted()), most_pieces)


def cut(world: World, most_pieces: int) -> World:
    world.platform.piece_length = 13
    world.platform.most_pieces = most_pieces
    return world


@pytest.fixture(params=["dynamodb", "memory", "postgresql"])
async def fresh(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Awaitable[World]]]:
    """Return what makes a world in which nothing was said yet."""
    if request.param == "memory":

        async def in_memory() -> World:
            return World(scripted())

        yield in_memory
        return
    if request.param == "dynamodb":
        server: DynamoServer = request.getfixturevalue("dynamodb_server")
        async with contextlib.AsyncExitStack() as worlds:

            async def in_dynamodb() -> World:
                return await worlds.enter_async_context(dynamodb_world(server, scripted()))

            yield in_dynamodb
        return
    async with postgres_worlds(request.getfixturevalue("postgres_url")) as make:

        async def in_postgresql() -> World:
            world = make(scripted())
            await postgres_data.clear(world.own)
            return world

        yield in_postgresql


async def test_an_undisturbed_run_makes_calls_to_die_at() -> None:
    world, life = a_world(), Life()
    await first_life(world, life)
    assert life.calls >= CALLS_OF_A_RUN
    assert "".join(world.platform.texts()).count(ANSWER) == len(await world.answers())


@pytest.mark.parametrize("most_pieces", [0, 1], ids=["pieces", "a file"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_killed_at_any_call_the_promise_holds(
    fresh: Callable[[], Awaitable[World]], after_effect: bool, most_pieces: int
) -> None:
    """I1, I2, I3: whatever call the worker dies at, another one leaves exactly one reply each."""
    for point in itertools.count():
        world = cut(await fresh(), most_pieces)
        life = Life(dies_at=point, after_effect=after_effect)
        await first_life(world, life)
        if not life.dead.is_set():
            assert point >= CALLS_OF_A_RUN - 2 * most_pieces
            return
        await second_life(world)
        await check(world, point)


async def second_life(world: World) -> None:
    """Let the dead worker's leases run out, and its platform deliver once more what had no ack."""
    worker = world.worker()
    intake = world.intake(worker)
    await world.expire()
    async with worker:
        for number in (0, 1):
            await intake.take(message(number))
        await world.settled()


async def check(world: World, point: int) -> None:
    """Hold what is recorded and what is seen to the promise."""
    answers = await world.answers()
    entries = await world.entries()
    assert [entry.id for entry in entries] == ["m0", "m1"], point
    assert answers[-1].position == entries[-1].position, f"unanswered after a kill at call {point}"
    assert len({answer.position for answer in answers}) == len(answers)
    assert all(answer.kind is AnswerKind.ANSWER for answer in answers)
    shown = world.platform.texts()
    parts = [ANSWER[:13], ANSWER[13:26], ANSWER[26:]]
    wanted = [parts[0], ANSWER] if world.platform.most_pieces else parts
    assert shown == wanted * len(answers), (point, shown)
    files = [message.key.is_file for message in world.platform.shown]
    assert files.count(True) == (len(answers) if world.platform.most_pieces else 0)
    assert {answer.turn for answer in answers} == set(world.platform.finished)


async def test_the_matrix_sees_a_left_over_preview() -> None:
    """The check can fail: a platform that deletes nothing leaves the dead worker's preview."""

    class Hoarder(FakePlatform):
        async def delete(self, where: Any, message: str) -> None:
            pass

    caught = 0
    for point in range(3, 10):
        world, life = a_world(), Life(dies_at=point, after_effect=True)
        world.platform = Hoarder(piece_length=13)
        await first_life(world, life)
        await second_life(world)
        try:
            await check(world, point)
        except AssertionError:
            caught += 1
    assert caught
