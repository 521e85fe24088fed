"""What people do and see with the bot's commands on Slack: for tests of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.e2e.slack_bot import answers
from tests.fakes.slack.blocks import texts

if TYPE_CHECKING:
    from core.store.values import ThreadInfo
    from tests.e2e.slack_bot import Bot
    from tests.fakes.slack import FakeSlack
    from tests.fakes.slack.model import Channel, File, Message, User, View


def files_in(fake: FakeSlack, channel: Channel) -> list[File]:
    return [file for m in fake.said_by_app(channel) for file in m.files]


async def filled(fake: FakeSlack, who: User) -> View:
    """Wait until the latest modal shows what it was opened for."""

    def done() -> bool:
        shown = fake.modals(who)
        return bool(shown) and shown[-1].body["title"]["text"] != "One moment"

    await fake.until(done)
    return fake.modals(who)[-1]


def shown(view: View) -> str:
    return "\n".join(texts(view.body["blocks"]))


async def told(fake: FakeSlack, who: User, words: str) -> None:
    await fake.until(lambda: any(words in m.text for m in fake.said_by_app(fake.dm(who))))


async def talk(
    fake: FakeSlack, who: User, channel: Channel, text: str, under: Message | None = None
) -> Message:
    asked = await fake.say(who, channel, f"{fake.at_bot} {text}", under.ts if under else None)
    root = under or asked
    await fake.replies(channel, root.ts, len(answers(fake, channel, root.ts)) + 1)
    await asyncio.sleep(0.1)  # a reset would take back an answer that isn't settled
    return asked


async def threads_of(bot: Bot, who: User) -> tuple[ThreadInfo, ...]:
    return (await bot.store.threads(person=who.id)).threads
