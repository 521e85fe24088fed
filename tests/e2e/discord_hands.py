"""What people do and see with the bot's commands on Discord: for tests of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.discord_bot import until_true
from tests.fakes.discord.faults import CALLBACK, FOLLOWUP

if TYPE_CHECKING:
    from core.store.values import ThreadInfo
    from tests.e2e.discord_bot import Bot
    from tests.fakes.discord import Channel, FakeDiscord, Interaction, Message, User

ANSWER = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"
MEMBER = "GET /guilds/{guild_id}/members/{user_id}"
PUT = "PUT /applications/{application_id}/commands"
LIST = "GET /applications/{application_id}/commands"
__all__ = ["ANSWER", "CALLBACK", "FOLLOWUP", "LIST", "MEMBER", "PUT"]


async def talk(
    fake: FakeDiscord, bot: Bot, who: User, channel: Channel, text: str
) -> tuple[Message, Channel]:
    """Let a person mention the bot in a channel; return the message, and the thread it opened."""
    asked = await fake.say(who, channel, f"{fake.at_bot} {text}")
    thread = await fake.thread(asked)
    await fake.replies(thread)
    await settled(bot)
    return asked, thread


async def settled(bot: Bot) -> None:
    """Wait until no turn is open: a reset would take back an answer that isn't settled."""

    async def idle() -> bool:
        return not bot.worker._turns

    await until_true(idle)


async def synced(fake: FakeDiscord) -> None:
    """Wait until Discord has the bot's commands."""
    await fake.until(lambda: fake.commands)


async def shown(fake: FakeDiscord, asked: Interaction) -> str:
    """Wait for what a person sees in answer to a command; return its words."""
    return (await answer(fake, asked)).content


async def answer(fake: FakeDiscord, asked: Interaction) -> Message:
    """Wait for the answer to a command."""
    return (await fake.answered(asked))[0]


async def use(fake: FakeDiscord, who: User, where: Channel, line: str, **options: Any) -> Message:
    """Use `/chatbot …`, and return the answer."""
    await synced(fake)
    return await answer(fake, await fake.slash(who, where, f"chatbot {line}", **options))


async def threads_of(bot: Bot, who: User) -> tuple[ThreadInfo, ...]:
    return (await bot.store.threads(person=who.id)).threads
