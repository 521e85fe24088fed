"""Commands that are said in a thread: after a mention, or after `!`.

Slash commands can't be used in threads. A command is no part of the conversation: it is not
stored, only the fact that it was heard, so that a repeated event does nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bots.slack.desk import NOT_MEMBER
from bots.slack.events import channel_of
from bots.slack.views import HELP
from bots.slack.words import command_in
from core.access import Standing, may_reset
from core.commands import stats_lines
from core.message import Address, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bots.slack.desk import Desk
    from bots.slack.platform import SlackPlatform
    from bots.slack.words import Command
    from core.intake import Intake
    from core.message import Message, ThreadKey
    from core.settings import Settings
    from core.store.port import Store


class Spoken:
    """Hears commands in what people say."""

    def __init__(
        self,
        desk: Desk,
        platform: SlackPlatform,
        store: Store,
        settings: Settings,
        soon: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        """Do by `desk` what is asked for; `soon` takes what Slack need not wait for."""
        self._desk = desk
        self._platform = platform
        self._store = store
        self._settings = settings
        self._soon = soon

    async def take(self, message: Message, intake: Intake) -> bool:
        """Do what a message asks for beside the conversation; False where it is no command.

        Raises `StoreUnavailableError`: nothing was acknowledged, and it comes again.
        """
        command = None if message.attachments else command_in(message.text)
        if command is None or not await self._is_for_us(message, command):
            if message.address is Address.MENTIONED and message.kind is not Kind.DM:
                self._soon(self._mute(message, muted=False), message.author.id)
            return False
        if await intake.is_new(message):
            await self._do(message, command)
            # Kept as one keeps what was deleted before it came: nothing but its identities.
            await intake.delete(message.thread, message.id, message.identities, stamp=message.at)
        return True

    async def _is_for_us(self, message: Message, command: Command) -> bool:
        if message.address is Address.MENTIONED:
            return True
        if not command.marked or message.address is Address.OTHERS:
            return False
        return message.kind is Kind.DM or await self._store.peek(message.thread) is not None

    async def _do(self, message: Message, command: Command) -> None:
        """Change what is kept now, before Slack is told that the event came; the rest after it."""
        user, thread, desk = message.author.id, message.thread, self._desk
        if command.word == "reset":
            await self._reset(user, thread)
        elif command.word in {"quiet", "listen"}:
            await self._mute(message, muted=command.word == "quiet")
            self._soon(self._platform.say(message, _SAID[command.word]), user)
        elif command.word == "export":
            self._soon(self._export(message, command), user)
        elif command.word in {"forget", "memory"}:
            channel = channel_of(thread.place)
            job = desk.offer_button(channel, message.answer_in, command.word, thread)
            self._soon(job, user)
        elif command.word == "stats":
            lines = stats_lines(await desk.commands.stats())
            self._soon(self._platform.say(message, "\n".join(lines)), user)
        else:
            self._soon(self._platform.say(message, HELP), user)

    async def _reset(self, user: str, thread: ThreadKey) -> None:
        """Begin anew before Slack hears that the event came; who says it here sees the thread."""
        desk = self._desk
        standing = Standing(took_part=await desk.rights.took_part(user, thread), can_see=True)
        if may_reset(standing):
            said = await desk.commands.reset(thread)
            self._soon(desk.begun(user, thread, said), user)
        else:
            self._soon(desk.tell(user, NOT_MEMBER), user)

    async def _export(self, message: Message, command: Command) -> None:
        thread = message.thread
        if command.link is not None:
            thread = self._desk.rights.thread_at(command.link.channel, command.link.root)
        if await self._desk.export(message.author.id, thread, command.form or "md"):
            await self._platform.say(message, "I have sent it to you in a direct message.")

    async def _mute(self, message: Message, *, muted: bool) -> None:
        settings = await self._store.thread_settings(message.thread)
        if settings.muted != muted:
            ttl = self._settings.ttl(message.kind)
            changed = replace(settings, muted=muted)
            await self._store.set_thread(message.thread, message.kind, changed, ttl=ttl)


_SAID = {
    "quiet": "I will be quiet in this thread until somebody mentions me.",
    "listen": "I am listening in this thread again.",
}
