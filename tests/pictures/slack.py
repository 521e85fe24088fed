"""A thread on Slack: what people said to the fake, and what the bot posted there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.models.offline.model import OfflineModel
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import files_in, filled, shown
from tests.fakes.slack import FakeSlack
from tests.pictures.drawing import WIDTH, Drawing
from tests.pictures.scene import EDITED, SAID, SETTINGS, fixed_time
from tests.world import until

if TYPE_CHECKING:
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack.model import Channel, File, Message

_LEFT = 68
_LINES = 24
"""Lines of a file that are drawn."""
_INSTRUCTIONS = "Answer in two sentences, and say where it stands in the handbook."
_COMMANDS = ("export", "reset", "forget")
_SAME = {
    r"\d{10}\.\d{6}": "…",
    r"\]\(https:[^)]*\)": "](https://…)",
    r"\b\d\d:\d\d\b": "09:00",
    r"\b\d+ [A-Z][a-z]+ 20\d\d": "2 June 2026",
    r"## [A-Z][a-z]+, ": "## Tuesday, ",
}
"""What differs each time in an export, since the fake has a clock of its own, and what is drawn."""


async def drawn() -> Drawing:
    """Play the scene on Slack, and draw it."""
    drawing = Drawing("A Slack thread: the bot answers, marks a reply with ✂️ and shows its memory")
    with fixed_time():
        async with FakeSlack() as fake:
            ann = fake.person("ann")
            offsite = fake.channel("offsite", ann)
            async with bot_on(fake, OfflineModel(), **SETTINGS) as bot:
                root = await fake.say(ann, offsite, f"{fake.at_bot} {SAID[0]}")
                for number, text in enumerate(SAID[1:], 1):
                    await _idle(fake, bot, offsite, root, number)
                    await fake.say(ann, offsite, text, root.ts)
                replies = await fake.replies(offsite, root.ts, len(SAID))
                await fake.until(lambda: "scissors" in replies[-1].reactions)
                await fake.press(ann, "what_i_remember", replies[-1])
                view = await filled(fake, ann)
            drawing.y = 30
            drawing.text(20, "# offsite", "ink", "bold", "title")
            drawing.y += 8
            for message in fake.thread(offsite, root.ts):
                _message(drawing, message, fake, bot=message in answers(fake, offsite, root.ts))
            drawing.y += 16
            _modal(drawing, view.body["title"]["text"], shown(view))
    return drawing


async def configured() -> Drawing:
    """Open the form of settings on Slack, enter something, and draw it."""
    drawing = Drawing("The form of settings on Slack: what holds, and the fields of a channel")
    with fixed_time():
        async with FakeSlack() as fake:
            ann = fake.person("ann", admin=True)
            offsite = fake.channel("offsite", ann)
            async with bot_on(fake, OfflineModel(), **SETTINGS):
                await fake.slash(ann, offsite, "/chatbot settings")
                view = await filled(fake, ann)
                fake.fill(view, Instructions=_INSTRUCTIONS, Recall="off")
                await fake.submit(ann, view)
                del fake.views[view.id]
                await fake.slash(ann, offsite, "/chatbot settings")
                view = await filled(fake, ann)
    with drawing.aside(20):
        drawing.y += 28
        drawing.text(36, view.body["title"]["text"], "ink", "bold", "title")
        for block in view.body["blocks"]:
            _form_block(drawing, block)
        drawing.button(36, view.body["submit"]["text"])
    return drawing


def _form_block(drawing: Drawing, block: dict[str, Any]) -> None:
    """Draw a part of a form, with what its field holds."""
    if block["type"] == "section":
        drawing.lines(36, block["text"]["text"], "ink", "small", step=18)
        if "accessory" in block:
            _field(drawing, block["accessory"])
    elif block["type"] == "header":
        drawing.y += 30
        drawing.text(36, block["text"]["text"], "ink", "bold", "title")
    elif block["type"] == "input":
        drawing.y += 26
        drawing.text(36, block["label"]["text"], "ink", "bold")
        _field(drawing, block["element"])
        drawing.lines(36, block["hint"]["text"], "dim", "small", step=18)


def _field(drawing: Drawing, element: dict[str, Any]) -> None:
    chosen = element.get("initial_option", {}).get("text", {}).get("text")
    value = f"{chosen} ▾" if chosen else element.get("initial_value")
    drawing.box(36, WIDTH - 96, 28, "button", down=8)
    drawing.y += 27
    drawing.text(46, value or element["placeholder"]["text"], "ink" if value else "dim")
    drawing.y += 11


async def commanded() -> Drawing:
    """Edit, export, reset and forget on Slack, and draw it."""
    drawing = Drawing("A Slack thread: an edit, and the commands export, reset and forget")
    with fixed_time():
        async with FakeSlack() as fake:
            ann = fake.person("ann")
            offsite, dm = fake.channel("offsite", ann), fake.dm(ann)
            async with bot_on(fake, OfflineModel(), **SETTINGS) as bot:
                root = await fake.say(ann, offsite, f"{fake.at_bot} {EDITED[0]}")
                await _idle(fake, bot, offsite, root, 1)
                await fake.edit(root, f"{fake.at_bot} {EDITED[1]}")
                for number, text in enumerate(("Where is the hotel?", *_COMMANDS), 2):
                    command = f"{fake.at_bot} {text}" if text in _COMMANDS else text
                    await fake.say(ann, offsite, command, root.ts)
                    await _idle(fake, bot, offsite, root, number)
                await fake.until(lambda: files_in(fake, dm))
                last = answers(fake, offsite, root.ts)[-1]
                await fake.press(ann, "thread_forget", last)
                question = await filled(fake, ann)
            drawing.y = 30
            drawing.text(20, "# offsite", "ink", "bold", "title")
            drawing.y += 8
            for message in fake.thread(offsite, root.ts):
                _message(drawing, message, fake, bot=message in answers(fake, offsite, root.ts))
            drawing.y += 16
            _modal(drawing, question.body["title"]["text"], shown(question), "Forget", "Close")
            drawing.y += 34
            drawing.text(20, "Direct message", "ink", "bold", "title")
            drawing.y += 8
            for message in fake.said_by_app(dm):
                _message(drawing, message, fake, bot=True)
    return drawing


async def _idle(fake: FakeSlack, bot: Bot, where: Channel, root: Message, replies: int) -> None:
    """Wait for that many replies, until nothing is left to do."""
    await fake.replies(where, root.ts, replies)
    await fake.settled()
    await until(lambda: not bot.worker._turns and not bot.worker._compaction.jobs)


def _message(drawing: Drawing, message: Message, fake: FakeSlack, *, bot: bool) -> None:
    name = "Chatbot" if bot else fake.users[message.user].name
    drawing.face(name, bot=bot)
    drawing.y += 20
    drawing.text(_LEFT, name + ("  APP" if bot else ""), "ink", "bold")
    blocks: list[Any] = message.blocks if bot else []
    if not bot:
        edited = "  (edited)" if message.edited else ""
        drawing.lines(_LEFT, message.text.replace(fake.at_bot, "@Chatbot") + edited)
    for block in blocks:
        _block(drawing, block)
    if bot and not blocks and message.text:
        drawing.lines(_LEFT, message.text)
    for file in message.files:
        _file(drawing, file)
    if message.reactions:
        drawing.box(_LEFT, 48, 24, "button", down=10, round_=12)
        drawing.y += 27
        drawing.text(_LEFT + 9, "✂️ 1", "ink", "small")
        drawing.y += 7
    drawing.y += 6


def _block(drawing: Drawing, block: dict[str, Any]) -> None:
    kind = block["type"]
    if kind == "markdown":
        drawing.lines(_LEFT, block["text"])
    elif kind == "context":
        for element in block["elements"]:
            drawing.lines(_LEFT, element["text"], "dim", "small", step=18)
    else:
        for element in block["elements"]:
            drawing.button(_LEFT, element["text"]["text"])


def _file(drawing: Drawing, file: File) -> None:
    """Draw a file with what is in it."""
    text = file.data.decode()
    for pattern, drawn in _SAME.items():
        text = re.sub(pattern, drawn, text)
    days, *rest = re.split(r"(?<=\n)## ", text, maxsplit=1)
    text = days + "".join(f"## {re.sub(r'## .*', '', each)}" for each in rest)
    lines = [line for line in text.splitlines() if line]
    with drawing.aside(_LEFT):
        drawing.y += 26
        drawing.text(_LEFT + 16, file.name, "ink", "bold")
        for line in lines[:_LINES]:
            drawing.lines(_LEFT + 16, line, "dim", "mono", step=17)
        if len(lines) > _LINES:
            drawing.lines(_LEFT + 16, "…", "dim", "mono", step=17)


def _modal(drawing: Drawing, title: str, text: str, *buttons: str) -> None:
    with drawing.aside(_LEFT):
        drawing.y += 28
        drawing.text(_LEFT + 16, title, "ink", "bold")
        drawing.lines(_LEFT + 16, text, "ink", "small", step=18)
        at = _LEFT + 16.0
        for label in buttons:
            drawing.y -= 40 if at > _LEFT + 16 else 0
            at = drawing.button(at, label) + 12
