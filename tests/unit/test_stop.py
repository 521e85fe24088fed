"""Being told to stop in the middle of an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.domain.errors import StoppedByUserError
from core.domain.session import AnswerKind
from core.models.scripted import ScriptedModel
from core.turn.notices import STOPPED
from tests.fakes.platform import FakePlatform
from tests.world import THREAD, World, message, until

if TYPE_CHECKING:
    from core.delivery.port import DeliveryTarget


async def test_a_worker_told_to_stop_keeps_what_has_come_as_the_answer() -> None:
    model = ScriptedModel(["The first half", asyncio.Event(), "never"], "the next")
    world = World(model)
    async with world.worker() as worker:
        intake = world.intake(worker)
        await intake.take(message(0))
        await until(lambda: world.platform.texts() == ["The first half"])
        assert worker.stop(THREAD)
        await world.settled()
        await intake.take(message(1))
        await world.settled()
        assert not worker.stop(THREAD)  # nothing runs
    assert world.platform.texts() == ["The first half", "the next"]
    stopped, following = await world.answers()
    assert (stopped.kind, stopped.notes) == (AnswerKind.ANSWER, (STOPPED,))
    assert following.notes == ()
    assert "The first half" in model.calls[1].messages[1].text


async def test_stopped_before_the_first_word_there_is_a_notice() -> None:
    model = ScriptedModel([asyncio.Event()])
    world = World(model)
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: len(model.calls) == 1)
        worker.stop(THREAD)
        await world.settled()
    (answer,) = await world.answers()
    assert (answer.kind, answer.text, answer.notes) == (AnswerKind.NOTICE, STOPPED, ())
    assert world.platform.texts() == [STOPPED]


class StopsAtAnEdit(FakePlatform):
    """A platform on which a person has pressed stop when the preview is edited."""

    async def edit(self, where: DeliveryTarget, message: str, text: str, *, final: bool) -> None:
        if not final:
            raise StoppedByUserError("enough")
        await super().edit(where, message, text, final=final)


async def test_a_platform_that_was_told_to_stop_ends_the_model_call() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(["Half", gate, " an answer", asyncio.Event()])
    world = World(model)
    world.platform = StopsAtAnEdit()
    async with world.worker() as worker:
        await world.intake(worker).take(message(0))
        await until(lambda: world.platform.texts() == ["Half"])
        gate.set()
        await world.settled()
    assert world.platform.texts() == ["Half an answer"]
    (answer,) = await world.answers()
    assert answer.notes == (STOPPED,)
