"""Commands on Slack: after a slash, as a shortcut on a message, by a button, or said in a thread.

`register` adds all of it to the bot before it listens.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from bots.slack import views
from bots.slack.desk import Desk
from bots.slack.home import Home
from bots.slack.manifest import COMMAND, EXPORT_SHORTCUT, FORGET_SHORTCUT
from bots.slack.rights import Rights
from bots.slack.spoken import Spoken
from bots.slack.words import command_in
from core.commands import stats_lines
from core.errors import ChatbotError, PlatformError, StoreUnavailableError
from core.message import ThreadKey

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from bots.slack.app import Slack
    from bots.slack.words import Command
    from core.commands import Commands
    from core.store.port import Store

log = logging.getLogger(__name__)

_FAILED = "That did not work just now. Please try again in a minute."
_NO_SLASH = {"listen", "quiet"}


def register(slack: Slack, store: Store, commands: Commands) -> None:
    """Let people command the bot; to be called before it listens."""
    api, settings = slack.api, slack.settings
    rights = Rights(api, slack.platform.me, store, commands, settings)
    opened = settings.slack_admins_read_dms
    desk = Desk(api, slack.names, rights, store, commands, slack.clock, open_private=opened)
    counter = Counter(desk, Home(api, desk, overhears=settings.overhear))
    slack.listeners.append(counter.listen)
    slack.spoken = Spoken(desk, slack.platform, store, settings, counter.soon)


class Counter:
    """Where commands are handed in: acknowledges at once, then does them."""

    def __init__(self, desk: Desk, home: Home) -> None:
        """Have things done by `desk`."""
        self._desk = desk
        self._home = home
        self._jobs: set[asyncio.Task[None]] = set()

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners."""
        bolt.command(COMMAND)(self._slash)
        bolt.message_shortcut(EXPORT_SHORTCUT)(self._export_shortcut)
        bolt.message_shortcut(FORGET_SHORTCUT)(self._forget_shortcut)
        for action in views.actions():
            bolt.action(action)(self._pressed)
        bolt.view(views.FORGET)(self._forget_submitted)
        bolt.event("app_home_opened", matchers=[self._home.is_home])(self._home_opened)

    def soon(self, job: Coroutine[Any, Any, None], user: str) -> None:
        """Do something beside what goes on, and tell the person where it fails."""
        task = asyncio.create_task(self._tried(job, user))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _tried(self, job: Coroutine[Any, Any, None], user: str) -> None:
        try:
            await job
        except (PlatformError, StoreUnavailableError) as error:
            log.warning("a command failed: %s", error)
            try:
                await self._desk.tell(user, _FAILED)
            except ChatbotError:
                log.warning("and its person could not be told")

    # --- the four ways --------------------------------------------------------------------------

    async def _slash(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        asked = command_in(command.get("text") or "help")
        if asked is None or asked.word == "help" or asked.word in _NO_SLASH:
            await ack(text=views.HELP)
            return
        await ack()
        user = str(command["user_id"])
        self.soon(self._do_slash(user, asked, command), user)

    async def _do_slash(self, user: str, asked: Command, body: dict[str, Any]) -> None:
        desk, channel = self._desk, str(body["channel_id"])
        if asked.word == "stats":
            await desk.tell(user, "\n".join(stats_lines(await desk.commands.stats())))
            return
        thread = desk.rights.thread_at(channel, "")
        if asked.link is not None:
            thread = desk.rights.thread_at(asked.link.channel, asked.link.root)
        elif not (channel.startswith("D") and desk.rights.one_dm):
            modal = await desk.show(str(body["trigger_id"]))
            await desk.fill(modal, await desk.chosen(user, asked.word))
            return
        await self._on(asked.word, user, thread, str(body["trigger_id"]), form=asked.form)

    async def _export_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        user = str(shortcut["user"]["id"])
        self.soon(self._on("export", user, self._thread_of(shortcut), ""), user)

    async def _forget_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        user, trigger = str(shortcut["user"]["id"]), str(shortcut["trigger_id"])
        self.soon(self._on("forget", user, self._thread_of(shortcut), trigger), user)

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        await ack()
        user = str(body["user"]["id"])
        named = action.get("value")
        thread = ThreadKey.parse(named) if named else self._thread_of(body)
        pushed = (body.get("view") or {}).get("type") == "modal"
        word = views.command_of(str(action["action_id"]))
        self.soon(self._on(word, user, thread, str(body["trigger_id"]), pushed=pushed), user)

    async def _forget_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        user = str(body["user"]["id"])
        found = re.fullmatch(r"(whole|own) (\S+)", body["view"].get("private_metadata") or "")
        if found is not None:
            thread = ThreadKey.parse(found[2])
            self.soon(self._desk.forget(user, thread, whole=found[1] == "whole"), user)

    async def _home_opened(self, event: dict[str, Any]) -> None:
        user = str(event["user"])
        self.soon(self._home.show(user), user)

    # --- what they come to ----------------------------------------------------------------------

    async def _on(
        self,
        word: str,
        user: str,
        thread: ThreadKey,
        trigger: str,
        *,
        form: str = "",
        pushed: bool = False,
    ) -> None:
        """Do one command on one thread."""
        desk = self._desk
        if word == "export":
            await desk.export(user, thread, form or "md")
        elif word == "reset":
            await desk.reset(user, thread)
        else:
            modal = await desk.show(trigger, pushed=pushed)
            if word == "forget":
                await desk.fill(modal, await desk.asked_to_forget(user, thread))
            else:
                await desk.fill(modal, await desk.remembered(user, thread))

    def _thread_of(self, body: dict[str, Any]) -> ThreadKey:
        """Return the thread of the message that a shortcut or a button is on."""
        message = body.get("message") or {}
        inside = body.get("container") or {}
        root = message.get("thread_ts") or inside.get("thread_ts") or message.get("ts")
        return self._desk.rights.thread_at(str(body["channel"]["id"]), str(root or ""))
