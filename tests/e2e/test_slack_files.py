"""Files that people send on Slack become part of the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.models.port import Document, Image
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import bot_on
from tests.fakes.slack import Cut, FakeSlack, Limited, Status
from tests.paper import png

if TYPE_CHECKING:
    from core.models.port import ModelRequest


def media_of(request: ModelRequest) -> list[bytes]:
    """Return the content of all images and documents in a request."""
    blocks = [block for message in request.messages for block in message.blocks]
    return [block.data for block in blocks if isinstance(block, Image | Document)]


async def test_an_image_reaches_the_model_and_is_there_for_the_next_question() -> None:
    model = ScriptedModel("A red square.", "Still red.")
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        image = png(8, 8)
        async with bot_on(fake, model):
            first = await fake.say(
                ann, dm, "What is this?", files=[fake.file(ann, "square.png", image)]
            )
            await fake.replies(dm, first.ts)
            second = await fake.say(ann, dm, "And its colour?")
            await fake.replies(dm, second.ts)
    assert media_of(model.calls[0]) == [image]
    assert media_of(model.calls[1]) == [image]
    assert len(fake.web.made("files.info")) == 1, "fetched once, sent twice"


async def test_a_file_that_has_vanished_is_named_and_no_error() -> None:
    model = ScriptedModel("Two rows.", "I can't see it any more.")
    store = LocalStore(SystemClock())
    async with FakeSlack() as fake:
        ann = fake.person("ann")
        dm = fake.dm(ann)
        table = fake.file(ann, "table.csv", "name,age\nRex,4\n")
        async with bot_on(fake, model, store=store):
            first = await fake.say(ann, dm, "How many rows?", files=[table])
            await fake.replies(dm, first.ts)
        fake.delete_file(table)
        for method in ("conversations.history", "conversations.replies"):
            fake.faults.always(method, Status(503))  # so nobody tells it that the file is gone
        async with bot_on(fake, model, store=store):  # another process has to fetch it again
            second = await fake.say(ann, dm, "And columns?")
            (answer,) = await fake.replies(dm, second.ts)
    assert "Rex,4" in model.calls[0].messages[-1].text
    assert "table.csv could not be read: it was deleted" in model.calls[1].messages[0].text
    assert "I can't see it any more." in answer.text


@pytest.mark.parametrize("fault", [Limited(), Status(503), Cut()])
async def test_a_file_that_slack_does_not_give_at_once_is_asked_for_again(
    fault: Limited | Status | Cut,
) -> None:
    model = ScriptedModel("A black square.")
    async with FakeSlack() as fake:
        fake.faults.next("files.download", fault)
        ann = fake.person("ann")
        dm = fake.dm(ann)
        image = png(8, 8)
        async with bot_on(fake, model):
            asked = await fake.say(ann, dm, "What?", files=[fake.file(ann, "square.png", image)])
            await fake.replies(dm, asked.ts)
    assert media_of(model.calls[0]) == [image]
