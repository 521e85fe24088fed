"""A thread on Slack: what people said to the fake, and what the bot posted there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.models.offline.model import OfflineModel
from tests.e2e.slack_bot import answers, bot_on
from tests.e2e.slack_hands import filled, shown
from tests.fakes.slack import FakeSlack
from tests.pictures.drawing import Drawing
from tests.pictures.scene import SAID, SETTINGS, fixed_time
from tests.world import until

if TYPE_CHECKING:
    from tests.fakes.slack.model import Message

_LEFT = 68


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
                    await fake.replies(offsite, root.ts, number)
                    await fake.settled()
                    await until(lambda: not bot.worker._turns and not bot.worker._upkeep.jobs)
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


def _message(drawing: Drawing, message: Message, fake: FakeSlack, *, bot: bool) -> None:
    name = "Chatbot" if bot else fake.users[message.user].name
    drawing.face(name, bot=bot)
    drawing.y += 20
    drawing.text(_LEFT, name + ("  APP" if bot else ""), "ink", "bold")
    blocks: list[Any] = message.blocks if bot else []
    if not bot:
        drawing.lines(_LEFT, message.text.replace(fake.at_bot, "@Chatbot"))
    for block in blocks:
        _block(drawing, block)
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


def _modal(drawing: Drawing, title: str, text: str) -> None:
    at = len(drawing.parts)
    top = drawing.y
    drawing.y += 28
    drawing.text(_LEFT + 16, title, "ink", "bold")
    drawing.lines(_LEFT + 16, text, "ink", "small", step=18)
    bottom, drawing.y = drawing.y + 16, top
    drawing.box(_LEFT, 668, bottom - top, "aside")
    drawing.parts.insert(at, drawing.parts.pop())
    drawing.y = bottom
