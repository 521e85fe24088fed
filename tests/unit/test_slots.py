"""Slots for turns: never more than there are, first come first served, fair to each person."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.admission import Admission
from core.domain.message import ThreadKey
from core.domain.session import Answer
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from core.store.redis import RedisStore
from core.worker.slots import Backlog, Slot, Slots
from tests.world import World, message, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.domain.message import Message
    from core.models.port import ModelRequest
    from core.models.scripted import Step


def said(number: int, what: str = "", author: str = "ann") -> Message:
    """Return something said in a thread of its own; with `what`, something more there."""
    thread = ThreadKey("fake", "room", f"t{number}")
    first = message(number, f"[{number}{what}]", author=author)
    ids = {"id": f"{first.id}{what}", "identities": (f"event {number}{what}",)}
    return replace(first, thread=thread, **ids)  # type: ignore[arg-type]


class Mind:
    """Notes in which order it is asked, and answers each question once it may."""

    def __init__(self, *, pause: float | None = None) -> None:
        self.asked: list[str] = []
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.model = ScriptedModel(reply=self.answer)
        self._pause = pause

    def answer(self, request: ModelRequest) -> list[Step]:
        """Answer after a pause, or when the question's gate is open."""
        question = request.messages[-1].text.rpartition("[")[2].partition("]")[0]
        self.asked.append(question)
        return [self.gates[question] if self._pause is None else self._pause, f"to {question}"]


@pytest.fixture(params=["local", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Return a world on a store of each kind."""
    if request.param == "local":
        yield World()
        return
    store = RedisStore.from_url(request.getfixturevalue("redis_url"))
    await store._client.flushdb()
    try:
        yield World(store=store)
    finally:
        await store.close()


async def test_the_first_to_come_starts_first_and_no_newcomer_overtakes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mind = Mind(pause=0)
    world.model = mind.model
    came: list[int] = []
    settle = world.store.settle

    async def come() -> None:
        for _ in range(len(came) % 4):
            await asyncio.sleep(0)
        came.append(len(came))
        await intake.take(said(came[-1]))

    async def settled(*args: Any, **named: Any) -> Any:
        if len(came) < 30:
            newcomers.append(asyncio.create_task(come()))  # just when a slot becomes free
        return await settle(*args, **named)

    monkeypatch.setattr(world.store, "settle", settled)
    newcomers: list[asyncio.Task[None]] = []
    async with world.worker(slots=1) as worker:
        intake = world.intake(worker)
        for _ in range(5):
            await come()
        await until(lambda: len(world.platform.texts()) == 30)
    assert mind.asked == [str(number) for number in range(30)]


async def test_there_are_never_more_turns_than_slots(world: World) -> None:
    mind = Mind()
    world.model = mind.model
    async with world.worker(slots=3) as worker:
        intake = world.intake(worker)
        await asyncio.gather(*(intake.take(said(number)) for number in range(9)))
        for done in range(9):
            await until(lambda n=done: len(mind.asked) == min(9, n + 3))  # type: ignore[misc]
            await asyncio.sleep(0.01)
            assert len(mind.asked) == min(9, done + 3)
            mind.gates[mind.asked[done]].set()
        await until(lambda: len(world.platform.texts()) == 9)


async def test_a_busy_thread_lets_the_others_go_first(world: World) -> None:
    mind = Mind()
    world.model = mind.model
    async with world.worker(slots=1) as worker:
        intake = world.intake(worker)
        for each in (said(0), said(1), said(2), said(0, " more")):
            await intake.take(each)
        await until(lambda: mind.asked == ["0"])
        mind.gates["0"].set()
        await until(lambda: mind.asked == ["0", "1"])
        await intake.take(said(0, " and more"))
        mind.gates["1"].set()
        mind.gates["2"].set()
        # What came while it was queued is answered together with what it was queued for.
        await until(lambda: mind.asked == ["0", "1", "2", "0 and more"])
        mind.gates["0 and more"].set()
        await until(lambda: len(world.platform.texts()) == 4)
    assert "[0 more]" in mind.model.calls[-1].messages[-1].text


async def test_what_another_left_is_found_though_our_queue_never_ends(world: World) -> None:
    mind = Mind()
    world.model = mind.model
    other = world.worker()
    await other.drain()  # so that what it is told is stored, and nothing more
    async with world.worker(slots=1) as worker:
        intake, others = world.intake(worker), world.intake(other)
        await intake.take(said(0))
        for number in (10, 11):
            await others.take(said(number))
        await until(lambda: len(worker._slots._unassigned) == 1)  # the search for work is queued
        for number in range(1, 8):
            await intake.take(said(number))
        for gate in (*range(10), 10, 11):
            mind.gates[str(gate)].set()
        await until(lambda: len(world.platform.texts()) == 10)
    assert mind.asked[:3] == ["0", "10", "11"]


async def test_a_queued_thread_is_handed_back_at_once() -> None:
    mind = Mind()
    world = World(mind.model)
    worker = world.worker(slots=1, grace=0.01)
    async with worker:
        intake = world.intake(worker)
        for each in (said(0), said(1), said(2), said(0, " more")):
            await intake.take(each)
        mind.gates["0"].set()
        await until(lambda: mind.asked == ["0", "1"])
        headers = [world.local.headers[str(said(number).thread)] for number in range(3)]
        assert [bool(header.token) for header in headers] == [True, True, False]
    headers = [world.local.headers[str(said(number).thread)] for number in range(3)]
    for header in headers:
        assert (header.token, header.waiting) == ("", 1)
        assert header.turn is None or header.turn.leases == 0
    world.model = ScriptedModel(reply=lambda _: "fine")
    async with world.worker():
        await world.settled()
    assert len(world.platform.texts()) == 4


async def test_a_lease_is_renewed_while_its_thread_is_queued() -> None:
    mind = Mind()
    store = LocalStore(World().clock, lease_seconds=1)
    world = World(mind.model, store=store)
    async with world.worker(slots=1) as worker:
        intake = world.intake(worker)
        for each in (said(0), said(1), said(0, " more")):
            await intake.take(each)
        mind.gates["0"].set()
        await until(lambda: mind.asked == ["0", "1"])
        await asyncio.sleep(1.5)
        for question in ("1", "0 more"):
            mind.gates[question].set()
        await until(lambda: len(world.platform.texts()) == 3)
    assert store.headers[str(said(0).thread)].fence == 1


async def test_an_accept_that_fails_keeps_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    async with world.worker(slots=1) as worker:
        intake, accept = world.intake(worker), world.local.accept

        async def fail(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(world.local, "accept", fail)
        with suppress(RuntimeError):
            await intake.take(said(0))
        monkeypatch.setattr(world.local, "accept", accept)
        await intake.take(said(0))
        await world.settled()
    assert len(world.platform.texts()) == 1


async def test_a_slot_granted_to_a_request_that_was_just_withdrawn_goes_to_the_next() -> None:
    slots = Slots(1)
    first, gone, last = Slot(slots), Slot(slots), Slot(slots)
    assert first.request()
    leaving = asyncio.create_task(gone.acquire())
    staying = asyncio.create_task(last.acquire())
    await asyncio.sleep(0)
    first.release()
    leaving.cancel()
    await asyncio.wait({leaving})
    gone.release()
    await staying
    assert not first.request()
    last.release()
    assert first.request()


async def test_a_first_request_goes_to_the_head_of_the_queue() -> None:
    slots, order = Slots(1), list[str]()
    held = Slot(slots)
    held.request()

    async def wait(name: str, *, first: bool) -> None:
        slot = Slot(slots)
        await slot.acquire(first=first)
        order.append(name)
        slot.release()

    tasks = [asyncio.create_task(wait(name, first=name == "head")) for name in ("a", "b", "head")]
    await asyncio.sleep(0)
    held.release_if_awaited()
    await asyncio.wait(tasks)
    assert order == ["head", "a", "b"]


async def test_no_slot_is_granted_after_closing() -> None:
    slots = Slots(1)
    held, waiting, late = Slot(slots), Slot(slots), Slot(slots)
    held.request()
    queued = asyncio.create_task(waiting.acquire())
    await asyncio.sleep(0)
    slots.close()
    for sent_away in (queued, asyncio.create_task(late.acquire())):
        with pytest.raises(asyncio.CancelledError):
            await sent_away
    held.release()
    assert not late.request()


# --- fair to each person ------------------------------------------------------------------------


async def test_the_person_with_the_fewest_turns_is_next_and_equals_take_turns() -> None:
    slots, order = Slots(2), list[str]()
    held = [Slot(slots, "eve"), Slot(slots, "eve")]
    assert all(slot.request() for slot in held)
    waiting = [Slot(slots, name) for name in ("eve", "eve", "ann", "bob", "ann", "bob", "eve")]
    assert not any(slot.request() for slot in waiting)

    async def run(slot: Slot) -> None:
        await slot.acquire()
        order.append(slot._person)
        slot.release()

    turns = [asyncio.create_task(run(slot)) for slot in waiting]
    await asyncio.sleep(0)
    held[0].release()
    await asyncio.wait(turns)
    # Eve has a turn that runs on all the while, so the others' are begun before hers.
    assert order == ["ann", "bob", "ann", "bob", "eve", "eve", "eve"]


async def test_nobody_has_more_slots_than_one_person_may_have() -> None:
    slots = Slots(4, per_person=2)
    eve = [Slot(slots, "eve") for _ in range(5)]
    assert [slot.request() for slot in eve] == [True, True, False, False, False]
    ann = Slot(slots, "ann")
    assert ann.request()
    assert not slots.are_awaited
    eve[0].release()
    assert [slot.request() for slot in eve[1:]] == [True, True, False, False]
    eve[3].release()  # a queued request may be withdrawn
    eve[1].release()
    assert eve[4].request()


async def test_a_slot_is_reassigned_only_to_the_person_who_comes_first() -> None:
    slots = Slots(3, per_person=2)
    found = Slot(slots)
    assert found.request()
    assert found.reassign("eve")
    assert Slot(slots, "eve").request()
    looked = Slot(slots)
    assert looked.request()
    assert not looked.reassign("eve")  # she has two
    assert Slot(slots, "bob").request()  # so it was given back
    assert not Slot(slots, "cy").request()
    assert found.reassign("eve")
    assert not found.reassign("bob")  # Cy has fewer, and has it by now
    assert not found.request()


async def test_the_search_for_work_waits_for_as_many_as_were_queued_before() -> None:
    slots, order = Slots(1), list[str]()
    held = Slot(slots, "eve")
    held.request()

    async def run(name: str) -> None:
        slot = Slot(slots, name)
        await slot.acquire()
        order.append(name)
        slot.release()

    turns = [asyncio.create_task(run(name)) for name in ("eve", "ann", "", "bob", "cy")]
    await asyncio.sleep(0)
    held.release()
    await asyncio.wait(turns)
    assert order.index("") == 2
    assert set(order[:2]) < {"eve", "ann", "bob", "cy"}


async def test_sixty_threads_of_one_person_keep_nobody_else_waiting(world: World) -> None:
    mind = Mind()
    world.model = mind.model
    async with world.worker(slots=5) as worker:
        intake = world.intake(worker)
        for number in range(60):
            await intake.take(said(number, author="eve"))
        await until(lambda: len(mind.asked) == 5)
        await intake.take(said(60, author="ann"))
        mind.gates[mind.asked[0]].set()
        await until(lambda: len(mind.asked) >= 6)
        if mind.asked[5] != "60":  # the search for work was queued before
            mind.gates[mind.asked[1]].set()
        await until(lambda: "60" in mind.asked[:7])
        for number in range(61):
            mind.gates[str(number)].set()
        await until(lambda: len(world.platform.texts()) == 61)


async def test_one_person_has_no_more_turns_than_a_setting_says_and_all_are_answered(
    world: World,
) -> None:
    mind = Mind()
    world.model = mind.model
    async with world.worker(slots=10, per_person=2) as worker:
        intake = world.intake(worker)
        for number in range(8):
            await intake.take(said(number, author="eve"))
        await asyncio.sleep(0.3)  # there are free places, and the index has work all the while
        assert len(mind.asked) == 2
        await intake.take(said(8, author="ann"))
        await until(lambda: mind.asked[2:] == ["8"])
        for number in range(9):
            mind.gates[str(number)].set()
        await until(lambda: len(world.platform.texts()) == 9)


async def test_what_another_left_of_one_person_does_not_hide_what_it_left_of_others(
    world: World,
) -> None:
    """A process died with many turns of Eve's, and one of Ann's that came last."""
    mind = Mind()
    world.model = mind.model
    gone = world.worker()
    await gone.drain()
    others = world.intake(gone)
    for number in range(12):
        await others.take(said(number, author="eve"))
    await others.take(said(12, author="ann"))
    async with world.worker(slots=4, per_person=2):
        await until(lambda: "12" in mind.asked)
        assert len(mind.asked) == 3
        for number in range(13):
            mind.gates[str(number)].set()
        await until(lambda: len(world.platform.texts()) == 13)


async def test_a_thread_of_several_counts_for_whom_its_turn_answers() -> None:
    """Eve asks in Ann's thread: what Ann says there next is Ann's turn."""
    mind = Mind()
    world = World(mind.model)
    async with world.worker(slots=3, per_person=1) as worker:
        intake = world.intake(worker)
        await intake.take(said(0, author="eve"))
        await intake.take(said(0, " more", author="ann"))
        await intake.take(said(1, author="eve"))
        await until(lambda: mind.asked == ["0"])
        mind.gates["0"].set()
        await until(lambda: len(mind.asked) == 3)
        assert set(mind.asked[1:]) == {"0 more", "1"}
        for question in ("0 more", "1"):
            mind.gates[question].set()
        await until(lambda: len(world.platform.texts()) == 3)


# --- how much of one person's may wait ----------------------------------------------------------


async def test_what_one_person_has_too_much_of_is_refused_and_they_hear_it_once() -> None:
    mind = Mind()
    world = World(mind.model)
    async with world.worker(slots=4, per_person=2) as worker:
        intake = world.intake(worker, waiting_per_person=4)
        taken = [await intake.take(said(number, author="eve")) for number in range(9)]
        admissions = [received.verdict for received in taken]
        assert admissions == [Admission.ACCEPTED] * 6 + [Admission.FULL] * 3
        assert [bool(received.notice) for received in taken] == [False] * 6 + [True, False, False]
        assert "4 of your messages are already waiting" in taken[6].notice
        again = await intake.take(said(6, author="eve"))  # the platform tells it again
        assert (again.verdict, again.notice) == (Admission.FULL, "")
        other = await intake.take(said(10, author="ann"))
        assert other.verdict is Admission.ACCEPTED
        # What others say in a thread of hers is theirs, and what she says there is hers.
        assert (await intake.take(said(0, " too", author="ann"))).verdict is Admission.ACCEPTED
        assert (await intake.take(said(0, " yes", author="eve"))).verdict is Admission.FULL
        for number in (*range(6), 10, "0 too"):
            mind.gates[str(number)].set()
        await world.settled()
        assert not worker.backlog._people
        assert not worker.backlog._waiting
        assert not worker.backlog._told
        late = await intake.take(said(11, author="eve"))
        assert late.verdict is Admission.ACCEPTED
        mind.gates["11"].set()
        await world.settled()
    # A person who asks on in a thread hears there that something was left out.
    answers = [r for r in await world.store.history(said(0).thread) if isinstance(r, Answer)]
    assert any("could not be taken in" in note for answer in answers for note in answer.notes)


async def test_a_person_is_told_again_once_half_of_what_waited_has_started() -> None:
    backlog, thread = Backlog(), ThreadKey("fake", "room", "t")
    for number in range(6):
        backlog.add(replace(thread, thread=f"t{number}"), "eve")
    assert [backlog.refuse("eve"), backlog.refuse("eve"), backlog.refuse("ann")] == [1, 0, 1]
    for number in range(2):
        backlog.clear(replace(thread, thread=f"t{number}"))
    assert (backlog.of("eve"), backlog.refuse("eve")) == (4, False)
    backlog.clear(replace(thread, thread="t2"))
    assert (backlog.of("eve"), backlog.refuse("eve")) == (3, True)
