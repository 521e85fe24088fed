"""A thread on Discord: what people said to the fake, and what the bot posted there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.models.offline.model import OfflineModel
from tests.e2e.discord_bot import bot_on
from tests.e2e.discord_hands import answer, settled
from tests.fakes.discord import FakeDiscord
from tests.pictures.drawing import Drawing
from tests.pictures.scene import SAID, SETTINGS, fixed_time
from tests.world import until

if TYPE_CHECKING:
    from tests.fakes.discord import Message

_LEFT = 68
_TOKENS = re.compile(r"\d[\d,]* tokens")
"""They differ a little each time: people's ids are made of the time, and tags of the ids."""
_SMALL = "-# "
_TITLE = 72


async def drawn() -> Drawing:
    """Play the scene on Discord, and draw it."""
    drawing = Drawing(
        "A Discord thread: the bot answers, marks a reply with ✂️ and shows its memory"
    )
    with fixed_time():
        async with FakeDiscord() as fake:
            ann, offsite = fake.person("ann"), fake.channel("offsite")
            async with bot_on(fake, OfflineModel(), **SETTINGS) as bot:
                asked = await fake.say(ann, offsite, f"{fake.at_bot} {SAID[0]}")
                thread = await fake.thread(asked)
                for number, text in enumerate(SAID[1:], 1):
                    await fake.replies(thread, number)
                    await until(lambda: not bot.worker._turns and not bot.worker._compaction.jobs)
                    await fake.say(ann, thread, text)
                await fake.until(lambda: any(m.components for m in fake.said_by_bot(thread)))
                await settled(bot)
                under = next(m for m in fake.said_by_bot(thread) if m.components)
                remembered = await answer(fake, await fake.press(ann, under, "What I remember"))
            drawing.y = 30
            title = f"# offsite > {thread.name}"[:_TITLE]
            drawing.text(20, f"{title}…", "ink", "bold", "title")
            drawing.y += 8
            for message in [asked, *fake.history(thread), remembered]:
                _message(drawing, message, fake)
    return drawing


def _message(drawing: Drawing, message: Message, fake: FakeDiscord) -> None:
    bot = message.author is fake.bot
    content = _TOKENS.sub("\N{HORIZONTAL ELLIPSIS} tokens", message.content)
    content = content.replace(fake.at_bot, "@Chatbot")
    if not content and not message.components:
        return
    name = "Chatbot" if bot else message.author.name
    drawing.face(name, bot=bot)
    drawing.y += 20
    drawing.text(_LEFT, name + ("  APP" if bot else ""), "ink", "bold")
    for line in content.splitlines():
        if line.startswith(_SMALL):
            drawing.lines(_LEFT, line.removeprefix(_SMALL), "dim", "small", step=18)
        else:
            drawing.lines(_LEFT, line)
    for row in message.components:
        for part in row["components"]:  # a button, or a menu
            drawing.button(
                _LEFT,
                part.get("label")
                or f"{part['placeholder']} \N{BLACK DOWN-POINTING SMALL TRIANGLE}",
            )
    if message.reactions:
        drawing.box(_LEFT, 48, 24, "button", down=10, round_=6)
        drawing.y += 27
        drawing.text(_LEFT + 9, "✂️ 1", "ink", "small")
        drawing.y += 7
    if message.ephemeral:
        drawing.lines(_LEFT, "Only you can see this", "dim", "small", step=20)
    drawing.y += 6
