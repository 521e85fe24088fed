"""Interactions: slash commands, shortcuts on messages, buttons, modals and the home tab.

Slack sends an interaction only once. So what it changes is changed before the acknowledgement, as
long as Slack waits for one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import channel_of
from bots.slack.inbound.people import is_id, is_ts, seconds
from bots.slack.ui import views
from bots.slack.ui.commands import (
    COMMAND,
    EXPORT_SHORTCUT,
    FORGET_SHORTCUT,
    PIN_SHORTCUT,
    SETTINGS_SHORTCUT,
)
from bots.slack.ui.runner import BEFORE_ACK, UNREADABLE, thread_in, user_of
from core.commands.export.request import THREAD_AS_MARKDOWN, UNREAD, ExportOf, asked
from core.commands.parser import parse_command
from core.commands.pins import EMPTY
from core.domain.errors import DeniedError, PlatformError
from core.domain.payload import dict_of, dicts_of, str_of

if TYPE_CHECKING:
    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from bots.slack.ui.answers import AnswerInteractions
    from bots.slack.ui.directory import SlackDirectory
    from bots.slack.ui.home import Home
    from bots.slack.ui.pins import PinInteractions
    from bots.slack.ui.replies import SlackReplies
    from bots.slack.ui.runner import InteractionRunner
    from bots.slack.ui.settings import SettingsInteractions
    from core.commands.export.request import ExportRequest
    from core.commands.parser import Command
    from core.domain.message import ThreadKey

log = logging.getLogger(__name__)

_NO_SLASH = {"listen", "quiet"}
_TEXTS = {"help", "privacy"}
_PINNING = {"correct", "remember"}


class Interactions:
    """Takes commands, has them done, and shows their results."""

    def __init__(
        self,
        replies: SlackReplies,
        directory: SlackDirectory,
        home: Home,
        pins: PinInteractions,
        answers: AnswerInteractions,
        settings: SettingsInteractions,
        *,
        runner: InteractionRunner,
    ) -> None:
        """Run commands by `pins`, its authorized ones, `answers` and `settings`, with `runner`."""
        self._authorized = pins.authorized
        self._replies = replies
        self._directory = directory
        self._home = home
        self._pins = pins
        self._answers = answers
        self._settings = settings
        self._runner = runner

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners to Bolt's app."""
        bolt.command(COMMAND)(self._slash)
        bolt.message_shortcut(EXPORT_SHORTCUT)(self._export_shortcut)
        bolt.message_shortcut(FORGET_SHORTCUT)(self._forget_shortcut)
        bolt.message_shortcut(PIN_SHORTCUT)(self._pin_shortcut)
        bolt.message_shortcut(SETTINGS_SHORTCUT)(self._settings_shortcut)
        for action in views.actions():
            bolt.action(action)(self._pressed)
        bolt.view(views.WHY)(self._reason_submitted)
        self._answers.listen(bolt)
        self._settings.listen(bolt)
        bolt.view(views.FORGET)(self._forget_submitted)
        bolt.view(views.CORRECT)(self._correction_submitted)
        bolt.event("app_home_opened", matchers=[self._home.is_home])(self._home_opened)

    # --- listeners ------------------------------------------------------------------------------

    async def _slash(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        at = self._runner.clock.now()  # the payload of a slash command has no time
        said = unescape(str_of(command, "text")) or "help"
        given = parse_command(said, self._replies.linked, slash=True)
        user, channel = str_of(command, "user_id"), str_of(command, "channel_id")
        if not (is_id(user) and is_id(channel)):
            await ack(text=UNREADABLE)
            return
        if given is None or given.name in _TEXTS or given.name in _NO_SLASH:
            text = self._text_for(given.name if given else said)
            await ack(text=await self._helped(user, channel, text))
            return
        if given.name == "reset" and self._is_one(channel):
            await self._runner.before_ack(
                self._runner.once(lambda: self._do_slash(user, given, command, at), command), user
            )
            await ack()
            return
        await ack()
        job = self._runner.once(lambda: self._do_slash(user, given, command, at), command)
        self._runner.begin(job, user, channel)

    def _text_for(self, said: str) -> str:
        """Return the answer to what needs no more than a text."""
        if said == "privacy":
            return self._replies.privacy
        return UNREAD if said.lower().startswith("export ") else self._replies.help

    async def _helped(self, user: str, channel: str, text: str) -> str:
        """Return a text, if the bot listens to the person or can't tell: it is no secret."""
        try:
            async with asyncio.timeout(BEFORE_ACK):
                await self._authorized.admit(user, self._directory.thread_at(channel, ""))
        except DeniedError as denied:
            return str(denied)
        except (PlatformError, TimeoutError) as error:
            log.info("it is unknown whether the bot listens to a person: %s", type(error).__name__)
        return text

    async def _do_slash(self, user: str, given: Command, body: dict[str, Any], at: float) -> None:
        replies, channel = self._replies, str_of(body, "channel_id")
        trigger = str_of(body, "trigger_id")
        if given.name == "stats":
            here = self._directory.thread_at(channel, "")
            lines = await self._authorized.stats(user, here)
            await replies.tell_or_whisper(user, "\n".join(lines), channel)
            return
        thread = given.thread or self._directory.thread_at(channel, "")
        if given.name == "settings":
            await self._settings.command(
                user, given, thread, trigger, in_thread=self._is_one(channel)
            )
        elif given.of is ExportOf.THREAD and given.thread is None and not self._is_one(channel):
            modal = await replies.show(trigger)
            await replies.fill(modal, await self._choice(user, given, channel))
        elif given.name in _PINNING or given.number:
            await self._pins.command(user, given, thread, at)
        else:
            await self._on(given.name, user, thread, trigger, at, request=given.request)

    async def _export_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await self._shortcut("export", ack, shortcut)

    async def _forget_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await self._shortcut("forget", ack, shortcut)

    async def _pin_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await self._shortcut("pin", ack, shortcut)

    async def _settings_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await self._shortcut("settings", ack, shortcut)

    async def _shortcut(self, command: str, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        self._runner.asked(
            self._runner.once(lambda: self._on_message(command, shortcut), shortcut), shortcut
        )

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        user, command = user_of(body), views.command_of(str_of(action, "action_id"))
        named = str_of(action, "value") or str_of(dict_of(action, "selected_option"), "value")
        job = self._runner.once(lambda: self._on_message(command, body, named), body)
        if command in {"message", "reset"} and user:
            await self._runner.before_ack(job, user)
        else:
            self._runner.asked(job, body)
        await ack()

    async def _forget_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        stored = str_of(dict_of(body, "view"), "private_metadata")
        found, user = re.fullmatch(r"(whole|own) (\S+)", stored), user_of(body)
        if found is None:
            self._runner.unread(body)
        elif user:
            whole, named, at = found[1] == "whole", found[2], self._runner.clock.now()
            job = self._runner.once(lambda: self._forget(user, named, at, whole=whole), body)
            await self._runner.before_ack(job, user)
        await ack()

    async def _correction_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        user, at = user_of(body), self._runner.clock.now()
        if user:
            job = self._runner.once(lambda: self._pins.corrected(body, user, at), body)
            await self._runner.before_ack(job, user)
        await ack()

    async def _reason_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        user, at = user_of(body), self._runner.clock.now()
        if user:
            job = self._runner.once(lambda: self._answers.reasoned(body, user, at), body)
            await self._runner.before_ack(job, user)
        await ack()

    async def _home_opened(self, event: dict[str, Any]) -> None:
        user = str_of(event, "user")
        if is_id(user):
            self._runner.begin(self._home.show(user), user)

    # --- commands -------------------------------------------------------------------------------

    async def _on_message(self, command: str, body: dict[str, Any], named: str = "") -> None:
        """Run a command on the thread that a button names, or else on its message's thread."""
        trigger, at = str_of(body, "trigger_id"), _time_of(body) or self._runner.clock.now()
        user, pushed = user_of(body), str_of(dict_of(body, "view"), "type") == "modal"
        if command == "pin":
            await self._pins.shortcut(body, user, self._thread_of(body), at)
        elif command == "privacy":
            modal = await self._replies.show(trigger, pushed=pushed)
            await self._replies.fill(modal, self._home.privacy())
        elif command == "why":
            await self._answers.ask(trigger, named)
        elif command == "correct":
            await self._pins.ask(user, named, trigger)
        elif command in views.PIN_ACTIONS:
            await self._pins.press(command, body, named, at)
        else:
            named, _, words = named.partition(" ")
            thread = thread_in(named) if named else self._thread_of(body)
            request = asked(words.split()) or THREAD_AS_MARKDOWN
            await self._on(command, user, thread, trigger, at, request=request, pushed=pushed)

    async def _on(
        self,
        command: str,
        user: str,
        thread: ThreadKey,
        trigger: str,
        at: float,
        *,
        request: ExportRequest = THREAD_AS_MARKDOWN,
        pushed: bool = False,
    ) -> None:
        """Run a command, given at Slack's time `at`, on a thread."""
        replies = self._replies
        if command == "export":
            tell = replies.progress(user)
            async with self._authorized.exported(user, thread, request, tell) as file:
                await replies.send(user, file)
        elif command == "reset":
            text = await self._authorized.reset(user, thread, at=at)
            await replies.announce(thread, text, user)
        else:
            modal = await replies.show(trigger, pushed=pushed)
            forms = {"forget": self._confirmation, "settings": self._settings.form}
            show = forms.get(command, self._pins.remembered)
            await replies.fill(modal, await show(user, thread))

    async def _choice(self, user: str, given: Command, channel: str) -> dict[str, Any]:
        if given.name in _PINNING and not given.text.strip():
            return views.words(views.PINS_TITLE, [EMPTY])
        is_shown = given.name in {"pins", "unpin"} or bool(given.number)
        command = "memory" if is_shown else given.name  # there, one chooses what to remove
        try:
            await self._authorized.admit(user, self._directory.thread_at(channel, ""))
            text = str(given.request) if given.name == "export" else given.text
            return await self._home.choice(user, command, text)
        except DeniedError as denied:
            return views.words("Your threads", [str(denied)])

    async def _confirmation(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        try:
            extent = await self._authorized.may_forget(user, thread)
        except DeniedError as denied:
            return views.words("Not forgotten", [str(denied)])
        return views.forget(thread, whole=extent == "whole")

    async def _forget(self, user: str, named: str, at: float, *, whole: bool) -> None:
        thread = thread_in(named)
        text = await self._authorized.forget(user, thread, "whole" if whole else "own", at=at)
        await self._replies.tell_or_whisper(user, text, channel_of(thread.channel))

    def _is_one(self, channel: str) -> bool:
        """Return whether a channel has only one thread, so that a command needs no choice."""
        return channel.startswith("D") and self._directory.one_dm

    def _thread_of(self, body: dict[str, Any]) -> ThreadKey:
        """Return the thread of the message that a shortcut or a button belongs to."""
        message, inside = dict_of(body, "message"), dict_of(body, "container")
        stamps = (str_of(message, "thread_ts"), str_of(inside, "thread_ts"), str_of(message, "ts"))
        channel = str_of(dict_of(body, "channel"), "id")
        if not is_id(channel):
            raise DeniedError(UNREADABLE)
        return self._directory.thread_at(channel, next(filter(is_ts, stamps), ""))


def _time_of(body: dict[str, Any]) -> float:
    """Return when something was pressed or chosen, by Slack's clock; 0 if the payload omits it."""
    actions = dicts_of(body, "actions")
    ts = str_of(actions[0] if actions else body, "action_ts")
    return seconds(ts) if is_ts(ts) else 0.0
