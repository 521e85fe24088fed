"""The worker and the turn, on the in-process store and a fake platform."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core.domain.errors import (
    ModelInterruptedError,
    ModelRefusedError,
    PlatformError,
    StoreUnavailableError,
)
from core.domain.message import ThreadKey
from core.domain.session import AnswerKind, Status
from core.models.scripted import ScriptedModel
from core.store.lease import LeaseHandle
from core.store.values import Outcome
from core.turn.notices import AGAIN, GIVEN_UP
from tests.fakes.platform import FakePlatform
from tests.prompts import newest
from tests.world import THREAD, World, message, until

if TYPE_CHECKING:
    from core.delivery.port import DeliveryTarget, PostKey
    from core.models.port import ModelRequest


def echo(request: ModelRequest) -> str:
    """Answer with the last line of what is new."""
    return f"re: {newest(request)}"


def calls(world: World) -> int:
    """Return how often the model was asked."""
    assert isinstance(world.model, ScriptedModel)
    return len(world.model.calls)


async def test_a_message_is_answered_once_and_where_it_was_asked() -> None:
    world = World(ScriptedModel("fine"))
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == ["fine"]
    (answer,) = await world.answers()
    assert (answer.text, answer.posted) == ("fine", ("p1",))
    assert answer.turn in world.platform.finished


async def test_a_repeated_event_is_not_answered_again() -> None:
    world = World(ScriptedModel("fine"))
    async with world.worker() as worker:
        intake = world.intake(worker)
        for identities in (("a", "b"), ("b",), ("c", "a"), ("d",)):
            await intake.take(replace(message(0), identities=identities))
        await world.settled()
    assert world.platform.texts() == ["fine"]


async def test_messages_that_come_during_a_turn_are_answered_together_in_order() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "one"], "two")
    world = World(model)
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0))
        await until(lambda: len(model.calls) == 1)
        for number in (1, 2, 3):
            await intake.take(message(number))
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["one", "two"]
    new = model.calls[1].messages[-1].text
    assert new.index("question 1") < new.index("question 2") < new.index("question 3")
    assert "question 0" in model.calls[1].messages[0].text


async def test_messages_that_want_different_places_get_turns_of_their_own() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([gate, "0"], "1 and 2", "3", "4")
    world = World(model)
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0, answer_in="a"))
        await until(lambda: len(model.calls) == 1)
        for number, place in ((1, "a"), (2, "a"), (3, "b"), (4, "a")):
            await intake.take(message(number, answer_in=place))
        gate.set()
        await world.settled()
    assert [answer.position for answer in await world.answers()] == [0, 2, 3, 4]


async def test_an_edit_makes_the_running_turn_start_over() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(["about the old", gate], "about the new")
    world = World(model)
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0, "old"))
        await until(lambda: world.platform.texts() == ["about the old"])
        await intake.edit(replace(message(0, "new"), edited_at=5))
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["about the new"]
    assert "new" in model.calls[1].messages[-1].text
    assert (await world.entries())[0].text == "new"


async def test_a_message_deleted_while_it_is_answered_takes_the_preview_with_it() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["about it", gate, "!"]))
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0))
        await until(lambda: world.platform.texts() == ["about it"])
        await intake.delete(THREAD, "m0", message(0).identities, stamp=5)
        gate.set()
        await world.settled()
    assert world.platform.texts() == []
    assert await world.answers() == []
    assert [(e.text, e.status) for e in await world.entries()] == [("", Status.DELETED)]


@pytest.mark.parametrize("keep_log", [False, True], ids=["erase", "reset"])
async def test_an_erase_during_a_turn_leaves_nothing_of_it(keep_log: bool) -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["about it", gate, "!"], "anew"))
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0))
        await until(lambda: world.platform.texts() == ["about it"])
        await world.store.erase(THREAD, at=1500, keep_log=keep_log)
        gate.set()
        await world.settled()
        assert world.platform.texts() == []
        await intake.take(replace(message(1000), sent_at=2000.0))
        await world.settled()
    assert world.platform.texts() == ["anew"]
    assert [entry.id for entry in await world.entries()] == (
        ["m0", "m1000"] if keep_log else ["m1000"]
    )


async def test_a_turn_that_was_taken_over_is_left_alone_and_its_preview_taken_back() -> None:
    gate = asyncio.Event()
    slow = World(ScriptedModel(["from the first", gate]))
    async with slow.worker(slots=1) as worker:
        await slow.intake(worker).take(message(0))
        await until(lambda: slow.platform.texts() == ["from the first"])
        slow.expire_leases()
        slow.model = ScriptedModel("from the second")
        async with slow.worker():
            await until(lambda: "from the second" in slow.platform.texts())
            await slow.settled()
        gate.set()  # the first wakes up, and has to find out before it says another word
    assert slow.platform.texts() == ["from the second"]
    assert len(await slow.answers()) == 1


async def test_people_see_at_once_that_a_turn_is_taken_up_by_another_worker() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    world = World(ScriptedModel(["from the first", first]))
    async with world.worker(slots=1) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["from the first"])
        world.expire_leases()
        world.model = ScriptedModel([second, "from the second"])
        async with world.worker():
            await until(lambda: world.platform.texts() == [AGAIN])  # before the model has a word
            assert world.platform.taken_up == [("m0", ["from the first"])]
            second.set()
            await world.settled()
        first.set()
    assert world.platform.texts() == ["from the second"]


async def test_a_turn_of_which_nothing_was_seen_is_taken_up_without_a_word() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    world = World(ScriptedModel([first, "from the first"]))
    async with world.worker(slots=1) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: calls(world) == 1)
        world.expire_leases()
        world.model = ScriptedModel([second, "from the second"])
        async with world.worker():
            await until(lambda: calls(world) == 1)
            assert world.platform.taken_up == [("m0", [])]
            assert world.platform.texts() == []
            second.set()
            await world.settled()
        first.set()
    assert world.platform.texts() == ["from the second"]


async def test_draining_hands_a_turn_back_that_takes_too_long() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["half", gate]))
    async with world.worker(grace=0.01) as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["half"])
    assert world.platform.texts() == []
    header = world.local.headers[str(THREAD)]
    assert header.turn is not None
    assert (header.token, header.turn.tries, header.turn.leases) == ("", 1, 0)
    world.model = ScriptedModel("whole")
    async with world.worker():
        await world.settled()
    assert world.platform.texts() == ["whole"]


async def test_draining_lets_a_short_turn_end() -> None:
    world = World(ScriptedModel(["whole", 0.05]))
    async with world.worker(grace=5) as worker:
        await world.intake(worker).take(message(0))
    assert world.platform.texts() == ["whole"]
    assert world.local.headers[str(THREAD)].due_at is None


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ((ModelRefusedError("Wrong key."),), "Wrong key."),
        (("",), "The model gave no answer this time. Please ask again, perhaps in other words."),
        (
            (ModelInterruptedError("Cut.", partial="Once upo"),) * 2,
            "Once upo\n\n[The answer broke off here. Cut.]",
        ),
    ],
    ids=["refused", "empty", "interrupted"],
)
async def test_a_model_without_an_answer_gives_a_notice(script: Any, said: str) -> None:
    world = World(ScriptedModel(*script))
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == [said]
    assert [a.kind for a in await world.answers()] == [AnswerKind.NOTICE]


async def test_a_turn_that_fails_every_time_is_buried_with_a_notice() -> None:
    def explode(_: ModelRequest) -> str:
        raise RuntimeError("a bug of ours")

    world = World(ScriptedModel(reply=explode))
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.intake(worker).take(message(1))
        for _ in range(5):
            await until(lambda: not world.local.headers[str(THREAD)].token)
            world.local.headers[str(THREAD)].due_at = 0  # do not wait for the pause between tries
            world.local.wake()
            await asyncio.sleep(0.01)
        await until(lambda: world.platform.texts()[:1] == [GIVEN_UP])
        world.model.add("now it works")  # type: ignore[attr-defined]
        await world.settled()
    first, second = await world.answers()
    assert (first.kind, first.position) == (AnswerKind.BURIED, 0)
    assert (second.kind, second.text) == (AnswerKind.ANSWER, "now it works")
    (buried,) = await world.store.buried()
    assert buried.entry.id == "m0"


async def test_a_buried_message_that_is_put_in_again_is_answered() -> None:
    world = World(ScriptedModel("at last"))
    idle = world.worker()
    await idle.drain()  # so that the message is stored, and nothing more
    await world.intake(idle).take(message(0))
    for number in range(5):
        work = await world.store.claim(THREAD, f"token {number}")
        assert work is not None
        await world.store.settle(work.lease, Outcome.FAILED)
    async with world.worker():
        await until(lambda: world.platform.texts() == [GIVEN_UP])
        await world.settled()
        (buried,) = await world.store.buried()
        assert await world.store.requeue(THREAD, buried.entry.position)
        await until(lambda: "at last" in world.platform.texts())
        await world.settled()
    assert await world.store.buried() == ()


async def test_an_answer_that_cannot_be_posted_is_given_up_and_listed() -> None:
    class Down(FakePlatform):
        async def post(self, where: DeliveryTarget, text: str, key: PostKey) -> str:
            raise PlatformError("the platform is down")

    world = World(ScriptedModel("never seen"))
    world.platform = Down()
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        for _ in range(12):
            await until(lambda: not world.local.headers[str(THREAD)].token)
            if world.local.headers[str(THREAD)].due_at is not None:
                world.local.headers[str(THREAD)].due_at = 0
                world.local.wake()
            await asyncio.sleep(0.01)
        await world.settled()
    assert [a.text for a in await world.answers()] == ["never seen"]
    assert [b.entry.id for b in await world.store.buried()] == ["m0"]


@pytest.mark.parametrize("fault", ["lost", "never"])
async def test_a_post_with_an_unclear_end_is_there_once(fault: str) -> None:
    world = World(ScriptedModel("abcdef"))
    world.platform = FakePlatform(previews=False, piece_length=2)
    world.platform.unclear.extend(["", fault, ""])
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == ["ab", "cd", "ef"]


@pytest.mark.parametrize("fault", ["lost", "never"])
async def test_an_answer_of_too_many_messages_ends_in_one_file(fault: str) -> None:
    world = World(ScriptedModel("abcdef"))
    world.platform = FakePlatform(previews=False, piece_length=2, most_pieces=2)
    world.platform.unclear.extend(["", "", fault])
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    assert world.platform.texts() == ["ab", "cd", "abcdef"]
    assert [shown.key.is_file for shown in world.platform.shown] == [False, False, True]
    (answer, posted) = world.platform.finished["m0"]
    assert answer.text == "abcdef"
    assert posted == tuple(shown.id for shown in world.platform.shown[:2])


@pytest.mark.parametrize("fault", ["lost", "never"])
async def test_a_preview_with_an_unclear_end_is_there_once(fault: str) -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["abc", gate, "def"]))
    world.platform.unclear.append(fault)
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.posts_ever == (fault == "lost"))
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["abcdef"]


async def test_an_answer_whose_preview_cannot_be_edited_is_posted_anew() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["abc", gate, "def"]))
    world.platform.refuse_edits = True
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["abc"])
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["abcdef"]
    assert world.platform.posts_ever == 2


async def test_threads_do_not_wait_for_each_other() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["slow", gate], "quick"))
    other = ThreadKey("fake", "place", "other")
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0))
        await until(lambda: world.platform.texts() == ["slow"])
        await intake.take(replace(message(1), thread=other))
        await until(lambda: "quick" in world.platform.texts())
        assert world.local.headers[str(THREAD)].token
        gate.set()
        await world.settled()


async def test_a_message_that_is_too_long_is_refused_before_it_is_stored() -> None:
    world = World(ScriptedModel())
    worker = world.worker()
    received = await world.intake(worker).take(message(0, "x" * 1_000_000))
    assert received.verdict is None
    assert "too long: 977 KB, and I can read 64 KB" in received.notice
    assert world.local.headers == {}


async def test_messages_refused_as_too_many_are_told_about_once() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel([gate, "one"], "two", "three"))
    async with world.worker() as worker:
        intake = world.intake(worker)
        for number in range(54):
            await intake.take(message(number))
        gate.set()
        await world.settled()
        await intake.take(message(99))
        await world.settled()
    notes = [a.notes for a in await world.answers()]
    assert ["4 messages arrived while" in " ".join(n) for n in notes] == [False, True, False]


async def test_a_hand_back_of_a_finished_turn_changes_nothing() -> None:
    world = World(ScriptedModel("fine"))
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await world.settled()
    header = world.local.headers[str(THREAD)]
    before = header.copy()
    (answer,) = await world.answers()
    lease = (await world.store.peek(THREAD)).lease  # type: ignore[union-attr]
    stale = replace(lease, token=answer.token, turn=answer.turn)
    await world.store.settle(stale, Outcome.HANDED_BACK)
    assert world.local.headers[str(THREAD)] == before


async def test_a_preview_that_was_lost_is_shown_though_no_further_word_comes() -> None:
    gate = asyncio.Event()
    world = World(ScriptedModel(["one", gate, " two"]))
    world.platform.unclear.append("never")
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["one"])
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["one two"]


async def test_a_preview_for_which_the_store_was_away_is_shown_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need, gate, faults = LeaseHandle._need, asyncio.Event(), [StoreUnavailableError("too slow")]

    async def slow(hold: LeaseHandle, seconds: float) -> None:
        if faults:
            raise faults.pop()
        await need(hold, seconds)

    monkeypatch.setattr(LeaseHandle, "_need", slow)
    world = World(ScriptedModel(["one", gate, " two"]))
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["one"])
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["one two"]
