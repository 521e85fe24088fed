"""Waiting is no failure: what a turn waits for, what counts against it, and how it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from core.delivery.port import Form
from core.domain.clock import Backoff
from core.domain.errors import (
    ModelBusyError,
    OutageError,
    PlatformBusyError,
    PlatformError,
    PostRefusedError,
)
from core.domain.message import ThreadKey
from core.domain.session import AnswerKind
from core.models.retry import RetryPolicy
from core.models.scripted import ScriptedModel
from core.store.values import Outcome, Work
from core.turn.notices import DIED, GIVEN_UP, UNDELIVERED, waited
from core.turn.turn import TurnConfig, TurnPipeline
from core.worker import turn_runner
from core.worker.worker import Worker
from tests.clocks import ManualClock
from tests.fakes.platform import FakePlatform
from tests.world import THREAD, NoCompaction, World, message, until

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from core.models.port import ModelRequest
    from core.store.header import Header


def header(world: World, thread: ThreadKey = THREAD) -> Header:
    return world.local.headers[str(thread)]


def patient(world: World, **manner: Any) -> Worker:
    """Return a worker with limits of its own."""
    given = TurnConfig(
        model="scripted",
        system="Be kind.",
        answer_tokens=100,
        retry=RetryPolicy(attempts=1),
        **manner,
    )
    conversation = TurnPipeline(world.store, world.model, world.memory, world.clock, given)
    platforms = {"fake": world.platform}
    return Worker(world.store, conversation, NoCompaction(), platforms, world.clock)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a turn wait under its lease for no time, and look at an outage again at once."""
    monkeypatch.setattr(turn_runner, "_PATIENCE", 0.0)
    monkeypatch.setattr(turn_runner, "_PAUSES", Backoff(first=0.01, cap=0.01))


async def test_an_outage_that_announces_no_end_is_looked_at_soon_and_then_less_often() -> None:
    """A new post on Discord takes messages after a second or two (40058)."""
    slept: list[float] = []

    class Clock(ManualClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            self.advance(seconds)

    async def keep(waiting: Awaitable[None]) -> None:
        await waiting

    lease: Any = SimpleNamespace(clock=Clock(), keep=keep)
    slot: Any = SimpleNamespace(release=lambda: None)
    outages = turn_runner._Outages(lease)
    for _ in range(5):
        outages.note(PlatformBusyError("not yet"))
        assert await outages.wait(slot)
    assert slept == [1, 2, 4, 5, 5]


async def test_a_model_that_is_busy_costs_no_try(caplog: pytest.LogCaptureFixture) -> None:
    busy = [ModelBusyError("Overloaded.", retry_after=0.01) for _ in range(20)]
    world = World(ScriptedModel(*busy, "fine"))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert [(a.kind, a.text) for a in await world.answers()] == [(AnswerKind.ANSWER, "fine")]
    assert world.platform.texts() == ["fine"]
    assert not [line for line in caplog.messages if "failed" in line or "taken over" in line]


async def test_a_post_that_has_to_wait_costs_no_try_and_asks_the_model_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = ScriptedModel("fine")
    world = World(model)
    world.platform.previews = False
    world.platform.errors.extend(PlatformBusyError("Later.", seconds=0.01) for _ in range(20))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == ["fine"]
    assert len(model.calls) == 1
    assert not [line for line in caplog.messages if "failed" in line or "taken over" in line]


@pytest.mark.parametrize("pause", [0.08, 0.19])
async def test_a_turn_that_waits_again_and_again_keeps_its_lease(
    caplog: pytest.LogCaptureFixture, pause: float
) -> None:
    """None of its waits is as long as a renewal takes to be due."""
    busy = [ModelBusyError("Overloaded.", retry_after=pause) for _ in range(12)]
    world = World(ScriptedModel(*busy, "fine"))
    world.local.lease_seconds = 0.6
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == ["fine"]
    assert not [line for line in caplog.messages if "failed" in line or "taken over" in line]


async def test_while_one_waits_others_have_its_place() -> None:
    other = ThreadKey("fake", "place", "other")
    world = World(ScriptedModel("one", "two"))
    world.platform.previews = False
    world.platform.errors.append(PlatformBusyError("Later.", seconds=60))
    async with world.worker(slots=1) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: not world.platform.errors)
        await world.intake(worker).take(replace(message(1), thread=other))
        await until(lambda: world.platform.texts() == ["two"])


@pytest.mark.usefixtures("brief")
async def test_a_long_wait_leaves_the_turn_for_later_without_a_trace() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["half", gate, ModelBusyError("Overloaded.", retry_after=500)]))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["half"])
        gate.set()
        await until(lambda: not header(world).token)
        assert world.platform.texts() == []
        turn, due = header(world).turn, header(world).due_at
        assert turn is not None
        assert due is not None
        assert (turn.tries, turn.deaths, turn.leases) == (1, 0, 0)
        assert 490 < due - world.clock.now() < 510


@pytest.mark.usefixtures("brief")
async def test_what_works_again_wakes_all_that_wait_for_it() -> None:
    back = asyncio.Event()
    world = World(ScriptedModel(reply=lambda _: "fine"))
    world.platform.previews = False
    world.platform.errors.extend(OutageError("503", again=back) for _ in range(5))
    async with patient(world) as worker:
        for number in range(5):
            thread = ThreadKey("fake", "place", f"t{number}")
            await world.intake(worker).take(replace(message(number), thread=thread))
        await until(lambda: all(not h.token and h.due_at for h in world.local.headers.values()))
        assert world.platform.texts() == []
        back.set()
        await world.settled()
    assert world.platform.texts() == ["fine"] * 5


async def test_what_fails_for_one_message_while_others_pass_counts_as_a_try() -> None:
    back = asyncio.Event()
    back.set()
    world = World(ScriptedModel("fine"))
    world.platform.previews = False
    # It is over for the others each time.
    world.platform.errors.extend(OutageError("500", again=back) for _ in range(2))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: header(world).turn is not None and not header(world).token)
        turn = header(world).turn
        assert turn is not None
        assert turn.tries == 2
        await world.hasten()
        await world.settled()
    assert world.platform.texts() == ["fine"]


async def test_a_turn_that_waited_for_too_long_is_given_up_in_words() -> None:
    world = World(ScriptedModel(ModelBusyError("Claude is overloaded.", retry_after=7200)))
    async with patient(world, wait_seconds=3600) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    (answer,) = await world.answers()
    assert answer.kind is AnswerKind.BURIED
    assert "Claude is overloaded." in world.platform.texts()[0]
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


async def test_a_platform_where_a_person_waits_has_a_bound_of_its_own() -> None:
    busy = ModelBusyError("Claude is overloaded right now.", retry_after=1)
    world = World(ScriptedModel(reply=lambda _: busy))
    world.platform.wait_seconds = 0.5
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    (answer,) = await world.answers()
    assert answer.text == waited("Claude is overloaded right now.")


async def test_an_answer_that_waited_for_too_long_is_told_of_and_listed() -> None:
    world = World(ScriptedModel("never seen"))
    world.platform.previews = False
    world.platform.errors.append(PlatformBusyError("Later.", seconds=7200))
    async with patient(world, wait_seconds=3600) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.told == {"m0": UNDELIVERED}
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


async def die(world: World, times: int) -> None:
    """Let so many workers die while they hold the thread."""
    for number in range(times):
        assert isinstance(await world.store.claim(THREAD, f"dead {number}"), Work)
        world.expire_leases()


async def test_deaths_cost_no_try_and_from_the_third_the_oldest_message_goes_alone() -> None:
    model = ScriptedModel("to the first", "to the rest")
    world = World(model)
    idle = world.worker()
    await idle.drain()
    for number in range(3):
        await world.intake(idle).take(message(number))
    await die(world, 3)
    async with patient(world):
        await world.settled()
    assert [(a.position, a.text) for a in await world.answers()] == [
        (0, "to the first"),
        (2, "to the rest"),
    ]


async def test_a_message_whose_process_dies_each_time_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = ScriptedModel()
    world = World(model)
    idle = world.worker()
    await idle.drain()
    await world.intake(idle).take(message(0))
    await die(world, 11)
    async with patient(world):
        await world.settled()
    assert world.platform.texts() == [DIED]
    assert model.calls == []
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]
    assert "given up" in caplog.text


async def test_a_recorded_answer_whose_process_dies_each_time_ends_too() -> None:
    world = World(ScriptedModel())
    idle = world.worker()
    await idle.drain()
    await world.intake(idle).take(message(0))
    from tests.builders import draft  # noqa: PLC0415 - for this one

    work = await world.store.claim(THREAD, "first")
    assert work is not None
    await world.store.commit(work.lease, work.revision, draft(0))
    world.expire_leases()
    await die(world, 10)
    async with patient(world):
        await world.settled()
    assert world.platform.texts() == []
    assert world.platform.told == {"m0": UNDELIVERED}
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


async def test_from_the_third_death_on_a_turn_runs_alone() -> None:
    gates = {name: asyncio.Event() for name in ("quick", "poison", "later")}
    asked: list[str] = []

    def answer(request: ModelRequest) -> Any:
        said = request.messages[-1].text
        name = next(name for name in gates if name in said)
        asked.append(name)
        return [gates[name], f"to {name}"]

    world = World(ScriptedModel(reply=answer))
    world.platform.previews = False
    idle = world.worker()
    await idle.drain()
    await world.intake(idle).take(message(0, "poison"))
    await die(world, 3)
    header(world).due_at = world.clock.now() + 1000  # not before the other has begun
    async with patient(world) as worker:
        intake = world.intake(worker)
        quick, later = (ThreadKey("fake", "place", name) for name in ("quick", "later"))
        await intake.take(replace(message(1, "quick"), thread=quick))
        await until(lambda: asked == ["quick"])
        header(world).due_at = 0
        world.local.wake()
        await asyncio.sleep(0.05)
        await intake.take(replace(message(2, "later"), thread=later))
        await asyncio.sleep(0.05)
        assert asked == ["quick"], "it waits until the other has ended, and nobody else begins"
        gates["quick"].set()
        await until(lambda: asked == ["quick", "poison"])
        await asyncio.sleep(0.05)
        assert asked == ["quick", "poison"]
        gates["poison"].set()
        await until(lambda: asked == ["quick", "poison", "later"])
        gates["later"].set()
        await world.settled()
    assert len(world.platform.texts()) == 3


async def test_a_second_turn_that_is_to_run_alone_is_not_held_meanwhile() -> None:
    gates = {name: asyncio.Event() for name in ("one", "two")}
    asked: list[str] = []

    def answer(request: ModelRequest) -> Any:
        name = next(name for name in gates if f"[{name}]" in request.messages[-1].text)
        asked.append(name)
        return [gates[name], f"to {name}"]

    world = World(ScriptedModel(reply=answer))
    idle = world.worker()
    await idle.drain()
    threads = [ThreadKey("fake", "place", name) for name in gates]
    for number, thread in enumerate(threads):
        said = message(number, f"[{thread.thread}]")
        await world.intake(idle).take(replace(said, thread=thread))
        for dead in range(3):
            assert await world.store.claim(thread, f"{thread} {dead}")
            world.expire_leases()
    async with patient(world):
        await until(lambda: len(asked) == 1)
        (other,) = (thread for thread in threads if thread.thread != asked[0])
        await until(lambda: not header(world, other).token)
        turn = header(world, other).turn
        assert turn is not None
        assert turn.deaths == 3
        for gate in gates.values():
            gate.set()
        await until(lambda: header(world, other).due_at is not None)
        await world.hasten()
        await world.settled()
    assert sorted(asked) == ["one", "two"]


# --- forms of an answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("previews", [False, True])
@pytest.mark.parametrize(
    ("refused", "texts"),
    [
        ({Form.CUT}, ["abcd", "efgh", "ijkl"]),
        ({Form.CUT, Form.PLAIN}, ["ab", "cd", "ef", "gh", "ij", "kl"]),
        ({Form.CUT, Form.PLAIN, Form.SMALL}, ["abcdefghijkl"]),
    ],
    ids=["plain", "small", "file"],
)
async def test_an_answer_whose_shape_is_refused_comes_in_another(
    refused: set[Form], texts: list[str], *, previews: bool
) -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["abcd", gate, "efghijkl"]))
    world.platform = FakePlatform(previews=previews, piece_length=4, refuses=refused)
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        if previews:
            await until(lambda: world.platform.texts() == ["abcd"])
        gate.set()
        await world.settled()
    assert world.platform.texts() == texts
    assert await world.store.buried() == ()


async def test_only_the_piece_that_is_refused_changes_its_form() -> None:
    world = World(ScriptedModel("abcdefgh"))

    class Picky(FakePlatform):
        async def post(self, where: Any, text: str, key: Any) -> str:
            self.refuses = {Form.CUT} if "e" in text else set()
            return await super().post(where, text, key)

    world.platform = Picky(previews=False, piece_length=4)
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert [(s.text, s.key.form) for s in world.platform.shown] == [
        ("abcd", Form.CUT),
        ("efgh", Form.PLAIN),
    ]


@pytest.mark.parametrize("killed_after", range(1, 6))
async def test_a_takeover_goes_on_in_the_form_that_was_begun(killed_after: int) -> None:
    world = World(ScriptedModel("abcdefgh"))
    world.platform = FakePlatform(previews=False, piece_length=4, refuses={Form.CUT, Form.PLAIN})
    world.platform.errors.extend([None] * killed_after)
    world.platform.errors.append(PlatformError("killed here"))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        while await world.has_work():
            await world.hasten()
            await asyncio.sleep(0.01)
    assert world.platform.texts() == ["ab", "cd", "ef", "gh"]


async def test_what_no_form_of_is_taken_is_said_in_a_sentence() -> None:
    world = World(ScriptedModel("abcd"))
    world.platform = FakePlatform(refuses=set(Form), no_files=True)
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.told == {"m0": UNDELIVERED}
    assert world.platform.texts() == [], "no half of it stays"
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


async def test_a_place_that_is_shut_is_told_of_elsewhere() -> None:
    world = World(ScriptedModel("abcd"))
    world.platform.previews = False
    world.platform.errors.append(PostRefusedError("is_archived"))
    async with patient(world) as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.told == {"m0": UNDELIVERED}
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


async def test_a_try_that_fails_by_a_bug_counts_and_is_given_up() -> None:
    def explode(_: ModelRequest) -> str:
        raise RuntimeError("a bug of ours")

    world = World(ScriptedModel(reply=explode))
    async with patient(world, tries=2) as worker:
        await world.intake(worker).take(message(0))
        while await world.has_work():
            await world.hasten()
            await asyncio.sleep(0.01)
    assert world.platform.texts() == [GIVEN_UP]
    assert Outcome.FAILED
