"""Files that people send on Slack become part of the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.domain.clock import SystemClock
from core.models.port import Document, Image
from core.models.scripted import ScriptedModel
from core.store.local.store import LocalStore
from tests.e2e.slack_bot import bot_on
from tests.fakes.slack import Cut, FakeSlack, Limited, Refused, Status
from tests.paper import pdf, png

if TYPE_CHECKING:
    from core.models.port import ModelRequest
    from tests.fakes.slack.model import File


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
    assert 'table.csv" note="could not be read: it was deleted' in model.calls[1].messages[0].text
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


async def said_of(fake: FakeSlack, file: File) -> ModelRequest:
    """Return what the model gets when a file is sent."""
    model = ScriptedModel("I see.")
    ann = fake.users[file.user]
    dm = fake.dm(ann)
    async with bot_on(fake, model):
        asked = await fake.say(ann, dm, "What is it?", files=[file])
        await fake.replies(dm, asked.ts)
    return model.calls[0]


CANVAS = {
    "mimetype": "application/vnd.slack-docs",
    "filetype": "quip",
    "pretty_type": "Canvas",
    "mode": "quip",
}
EMAIL = {"mimetype": "text/html", "filetype": "email", "mode": "email", "subject": "Overdue"}
POST = {"mimetype": "text/html", "filetype": "space", "mode": "space"}


@pytest.mark.parametrize("facts", [CANVAS, CANVAS | {"mode": "canvas"}, EMAIL, POST])
async def test_a_canvas_an_email_and_a_post_are_read_as_pages(facts: dict[str, str]) -> None:
    async with FakeSlack() as fake:
        file = fake.file(
            fake.person("ann"), "Plan", "<html><p>Launch is on 4 March.</p></html>", "text/html"
        )
        file.facts = facts
        request = await said_of(fake, file)
    assert "Launch is on 4 March." in request.messages[-1].text


LIST = {"mimetype": "application/vnd.slack-list", "filetype": "list", "mode": "list"}
MB = 1024 * 1024


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (LIST, "it is a Slack list, which I can't read: export it as CSV, and upload that"),
        ({"mode": "file_access", "file_access": "check_file_info"}, "it belongs to another organ"),
        ({"mode": "hidden_by_limit"}, "Slack hides it: the workspace's plan keeps only newer"),
        ({"mode": "tombstone"}, "it is gone"),
        ({"url_private": "", "url_private_download": ""}, "Slack does not provide it"),
        ({"is_external": True, "external_type": "gdrive"}, "it is stored outside Slack"),
        ({"size": 20 * MB + 400_000}, "it is too large (20.4 MB; I can read 20 MB)"),
        ({"mimetype": "application/octet-stream"}, "Slack returned a page to sign in, and not"),
    ],
)
async def test_a_file_that_slack_has_and_does_not_give_is_named_with_the_true_reason(
    facts: dict[str, str | int | bool], words: str
) -> None:
    async with FakeSlack() as fake:
        file = fake.file(
            fake.person("ann"), "Tasks", "<html>app shell</html>", "text/html", external=True
        )
        file.facts = facts
        request = await said_of(fake, file)
    assert f"could not be read: {words}" in request.messages[-1].text
    assert "files:read" not in request.messages[-1].text


async def test_a_file_that_slack_does_not_find_may_not_be_shared() -> None:
    async with FakeSlack() as fake:
        fake.faults.always("files.info", Refused("file_not_found"))
        file = fake.file(fake.person("ann"), "plan.txt", "x", external=True)
        request = await said_of(fake, file)
    words = "could not be read: Slack does not find it: it was removed, or is not shared with me"
    assert words in request.messages[-1].text


async def test_the_words_of_a_voice_message_are_read() -> None:
    async with FakeSlack() as fake:
        file = fake.file(
            fake.person("ann"), "audio_message.m4a", b"\0\0\0\x20ftypM4A ", "audio/mp4"
        )
        file.facts = {"subtype": "slack_audio", "transcription": {"status": "complete"}}
        file.forms = {"vtt": b"WEBVTT\n\n00:00.000 --> 00:02.000\nCall Rex back.\n"}
        request = await said_of(fake, file)
    assert 'note="Slack\'s transcript of it"' in request.messages[-1].text
    assert "Call Rex back." in request.messages[-1].text


async def test_a_voice_message_without_words_yet_is_named() -> None:
    async with FakeSlack() as fake:
        file = fake.file(
            fake.person("ann"), "audio_message.m4a", b"\0\0\0\x20ftypM4A \0\0", "audio/mp4"
        )
        file.facts = {"subtype": "slack_audio", "transcription": {"status": "processing"}}
        request = await said_of(fake, file)
    assert "it is a sound recording: send what is said in it as text" in request.messages[-1].text


@pytest.mark.parametrize(
    ("name", "mimetype", "facts"),
    [
        ("IMG_1655.heic", "image/heic", {}),
        ("map.png", "image/png", {"size": 200 * MB}),
        ("scan.png", "image/png", {"original_w": 12_000, "original_h": 9_000}),
    ],
)
async def test_of_a_picture_that_can_not_be_shown_slack_has_a_smaller_copy(
    name: str, mimetype: str, facts: dict[str, int]
) -> None:
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), name, b"pixels", mimetype)
        file.facts, file.forms = facts, {"thumb_360": png(3, 2), "thumb_1024": png(8, 6)}
        request = await said_of(fake, file)
    assert media_of(request) == [png(8, 6)]
    assert 'note="Slack\'s smaller copy of it"' in request.messages[-1].text


async def test_slack_has_a_pdf_of_an_office_document() -> None:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), "plan.docx", b"PK\x03\x04", kind)
        file.forms = {"converted_pdf": pdf(2)}
        request = await said_of(fake, file)
    assert media_of(request) == [pdf(2)]
    assert 'note="Slack\'s PDF of it"' in request.messages[-1].text


@pytest.mark.parametrize("status", [403, 404])
async def test_without_the_other_form_the_file_itself_is_told_about(status: int) -> None:
    async with FakeSlack() as fake:
        fake.faults.next("files.download", Status(status))
        file = fake.file(fake.person("ann"), "note.m4a", b"\0\0\0\x20ftypM4A \0\0", "audio/mp4")
        file.facts = {"transcription": {"status": "complete"}}
        file.forms = {"vtt": b"WEBVTT"}
        request = await said_of(fake, file)
    assert "it is a sound recording: send what is said in it as text" in request.messages[-1].text


async def test_the_beginning_of_a_transcript_is_better_than_nothing() -> None:
    async with FakeSlack() as fake:
        fake.faults.next("files.download", Status(404))
        file = fake.file(fake.person("ann"), "note.m4a", b"\0\0\0\x20ftypM4A \0\0", "audio/mp4")
        words = {"content": "Call Rex back about", "has_more": True}
        file.facts = {"transcription": {"status": "complete", "preview": words}}
        file.forms = {"vtt": b"WEBVTT"}
        request = await said_of(fake, file)
    assert "Call Rex back about" in request.messages[-1].text
    assert "the beginning of Slack's transcript of it" in request.messages[-1].text.replace(
        "&#x27;", "'"
    )


async def test_a_file_of_another_organisation_has_its_name_and_size() -> None:
    async with FakeSlack() as fake:
        file = fake.file(fake.person("ann"), "plan.txt", "We dance.", external=True)
        request = await said_of(fake, file)
    assert '<chat_file name="plan.txt" type=' in request.messages[-1].text
    assert ' size="9 bytes"' in request.messages[-1].text
