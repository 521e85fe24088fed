"""Interactions: slash commands, shortcuts on messages, buttons, modals and the home tab.

Slack sends an interaction only once. So what it changes is changed before the acknowledgement, as
long as Slack waits for one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from bots.slack.inbound.events import NAME, channel_of
from bots.slack.inbound.people import is_id, is_ts, seconds
from bots.slack.ui import views
from bots.slack.ui.commands import COMMAND, EXPORT_SHORTCUT, FORGET_SHORTCUT, PIN_SHORTCUT
from bots.slack.ui.refusals import why
from core.commands.export.parts import TooLongError
from core.commands.export.request import THREAD_AS_MARKDOWN, UNREAD, ExportOf, asked
from core.commands.in_thread import unwritten
from core.commands.parser import parse_command
from core.commands.pins import EMPTY
from core.domain.errors import ChatbotError, DeniedError, PlatformError, StoreError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, dicts_of, str_of
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from bots.slack.ui.answers import AnswerInteractions
    from bots.slack.ui.directory import SlackDirectory
    from bots.slack.ui.home import Home
    from bots.slack.ui.pins import PinInteractions
    from bots.slack.ui.replies import SlackReplies
    from core.commands.export.request import ExportRequest
    from core.commands.parser import Command
    from core.domain.clock import Clock
    from core.domain.message import Message
    from core.store.port import Store

log = logging.getLogger(__name__)

_FAILED = "That did not work just now. Please try again in a minute."
_UNREAD = "I could not read that request. Please reload Slack and try again."
_CLOSED = "view_closed"
"""The type of the payload when a person closes a modal, which needs no answer."""
_NO_SLASH = {"listen", "quiet", "settings"}
_TEXTS = {"help", "privacy"}
_PINNING = {"correct", "remember"}
_BEFORE_ACK = 2.0
"""Seconds; Slack waits three (docs: interactivity/handling-user-interaction)."""
_CLOSING = 3.0
"""Seconds that commands get to finish when the bot stops."""


class Interactions:
    """Takes commands, has them done, and shows their results."""

    def __init__(
        self,
        replies: SlackReplies,
        directory: SlackDirectory,
        home: Home,
        pins: PinInteractions,
        answers: AnswerInteractions,
        *,
        store: Store,
        slack_clock: Clock,
    ) -> None:
        """Run commands by `pins`, its authorized ones and `answers`, each once, as `store` records.

        A command counts as given at the time of `slack_clock`, unless its payload has a time.
        """
        self._authorized = pins.authorized
        self._replies = replies
        self._directory = directory
        self._home = home
        self._pins = pins
        self._answers = answers
        self._store = store
        self._clock = slack_clock
        self._tasks = Tasks("a command")

    def listen(self, bolt: AsyncApp) -> None:
        """Add the listeners to Bolt's app."""
        bolt.command(COMMAND)(self._slash)
        bolt.message_shortcut(EXPORT_SHORTCUT)(self._export_shortcut)
        bolt.message_shortcut(FORGET_SHORTCUT)(self._forget_shortcut)
        bolt.message_shortcut(PIN_SHORTCUT)(self._pin_shortcut)
        for action in views.actions():
            bolt.action(action)(self._pressed)
        bolt.view(views.WHY)(self._reason_submitted)
        self._answers.listen(bolt)
        bolt.view(views.FORGET)(self._forget_submitted)
        bolt.view(views.CORRECT)(self._correction_submitted)
        bolt.event("app_home_opened", matchers=[self._home.is_home])(self._home_opened)

    def unread(self, body: dict[str, Any]) -> None:
        """Tell a person that what they pressed or typed could not be read."""
        expected = not dict_of(body, "event") and body.get("type") != _CLOSED
        if expected and (user := _user_of(body)):
            self._begin(self._told(user, _UNREAD), user)

    def soon(self, job: Coroutine[Any, Any, None], message: Message) -> None:
        """Do something for a message in the background, and tell its author if it fails."""
        channel, root = channel_of(message.thread.channel), message.answer_in
        self._begin(job, message.author.id, channel, root)

    async def close(self) -> None:
        """Give running commands a moment to finish."""
        await self._tasks.wait(_CLOSING)

    def _begin(
        self, job: Coroutine[Any, Any, None], user: str, channel: str = "", root: str = ""
    ) -> asyncio.Task[None]:
        return self._tasks.start(self._tried(job, user, channel, root))

    async def _once(
        self, make: Callable[[], Coroutine[Any, Any, None]], body: dict[str, Any]
    ) -> None:
        """Do what a payload asks for, unless the same payload was processed before.

        Slack creates a trigger for one gesture (docs: interactivity/handling-user-interaction). An
        attacker who has recorded a request can replay it, validly signed, for five minutes.
        """
        name = f"asked {_digest_of(body)}"
        if not str_of(body, "trigger_id") or await self._store.claim_once(NAME, name):
            await make()
        else:
            log.warning("an interaction was received twice, and is processed once")

    async def _before_ack(self, job: Coroutine[Any, Any, None], user: str) -> None:
        """Do something while Slack waits, and finish it later if that takes too long."""
        await asyncio.wait({self._begin(job, user)}, timeout=_BEFORE_ACK)

    async def _tried(
        self, job: Coroutine[Any, Any, None], user: str, channel: str, root: str
    ) -> None:
        try:
            await job
            return
        except (DeniedError, TooLongError) as denied:
            text = str(denied)
        except (PlatformError, StoreError) as error:
            log.warning("a command failed: %s", error)
            text = why(error) or _FAILED
        except OSError as error:
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = unwritten(error) or _FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, a person waits for an answer
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            text = _UNREAD
        await self._told(user, text, channel, root)

    async def _told(self, user: str, text: str, channel: str = "", root: str = "") -> None:
        """Tell a person in a direct message, or in the channel if that is refused."""
        channel = channel if is_id(channel) else ""
        try:
            await self._replies.tell_or_whisper(user, text, channel, root)
        except ChatbotError:
            log.warning("the result of a command was not posted")

    # --- listeners ------------------------------------------------------------------------------

    async def _slash(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        at = self._clock.now()  # the payload of a slash command has no time
        said = unescape(str_of(command, "text")) or "help"
        given = parse_command(said, self._replies.linked, slash=True)
        user, channel = str_of(command, "user_id"), str_of(command, "channel_id")
        if not (is_id(user) and is_id(channel)):
            await ack(text=_UNREAD)
            return
        if given is None or given.name in _TEXTS or given.name in _NO_SLASH:
            text = self._text_for(given.name if given else said)
            await ack(text=await self._helped(user, channel, text))
            return
        if given.name == "reset" and self._is_one(channel):
            await self._before_ack(
                self._once(lambda: self._do_slash(user, given, command, at), command), user
            )
            await ack()
            return
        await ack()
        job = self._once(lambda: self._do_slash(user, given, command, at), command)
        self._begin(job, user, channel)

    def _text_for(self, said: str) -> str:
        """Return the answer to what needs no more than a text."""
        if said == "privacy":
            return self._replies.privacy
        return UNREAD if said.lower().startswith("export ") else self._replies.help

    async def _helped(self, user: str, channel: str, text: str) -> str:
        """Return a text, if the bot listens to the person or can't tell: it is no secret."""
        try:
            async with asyncio.timeout(_BEFORE_ACK):
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
        if given.of is ExportOf.THREAD and given.thread is None and not self._is_one(channel):
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

    async def _shortcut(self, command: str, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        self._asked(self._once(lambda: self._on_message(command, shortcut), shortcut), shortcut)

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        user, command = _user_of(body), views.command_of(str_of(action, "action_id"))
        named = str_of(action, "value") or str_of(dict_of(action, "selected_option"), "value")
        job = self._once(lambda: self._on_message(command, body, named), body)
        if command in {"message", "reset"} and user:
            await self._before_ack(job, user)
        else:
            self._asked(job, body)
        await ack()

    async def _forget_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        stored = str_of(dict_of(body, "view"), "private_metadata")
        found, user = re.fullmatch(r"(whole|own) (\S+)", stored), _user_of(body)
        if found is None:
            self.unread(body)
        elif user:
            whole, named, at = found[1] == "whole", found[2], self._clock.now()
            job = self._once(lambda: self._forget(user, named, at, whole=whole), body)
            await self._before_ack(job, user)
        await ack()

    async def _correction_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        user, at = _user_of(body), self._clock.now()
        if user:
            job = self._once(lambda: self._pins.corrected(body, user, at), body)
            await self._before_ack(job, user)
        await ack()

    async def _reason_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        user, at = _user_of(body), self._clock.now()
        if user:
            job = self._once(lambda: self._answers.reasoned(body, user, at), body)
            await self._before_ack(job, user)
        await ack()

    async def _home_opened(self, event: dict[str, Any]) -> None:
        user = str_of(event, "user")
        if is_id(user):
            self._begin(self._home.show(user), user)

    def _asked(self, job: Coroutine[Any, Any, None], body: dict[str, Any]) -> None:
        """Do something for the person who asked for it; nothing if they are unknown."""
        if user := _user_of(body):
            self._begin(job, user, str_of(dict_of(body, "channel"), "id"))
        else:
            job.close()

    # --- commands -------------------------------------------------------------------------------

    async def _on_message(self, command: str, body: dict[str, Any], named: str = "") -> None:
        """Run a command on the thread that a button names, or else on its message's thread."""
        trigger, at = str_of(body, "trigger_id"), _time_of(body) or self._clock.now()
        user, pushed = _user_of(body), str_of(dict_of(body, "view"), "type") == "modal"
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
            thread = _thread_in(named) if named else self._thread_of(body)
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
            show = self._confirmation if command == "forget" else self._pins.remembered
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
        thread = _thread_in(named)
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
            raise DeniedError(_UNREAD)
        return self._directory.thread_at(channel, next(filter(is_ts, stamps), ""))


def _digest_of(body: dict[str, Any]) -> str:
    """Return a digest of a payload."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _time_of(body: dict[str, Any]) -> float:
    """Return when something was pressed or chosen, by Slack's clock; 0 if the payload omits it."""
    actions = dicts_of(body, "actions")
    ts = str_of(actions[0] if actions else body, "action_ts")
    return seconds(ts) if is_ts(ts) else 0.0


def _user_of(body: dict[str, Any]) -> str:
    """Return the id of the person who pressed or typed something; empty if it is missing."""
    user = str_of(dict_of(body, "user"), "id") or str_of(body, "user_id")
    return user if is_id(user) else ""


def _thread_in(text: str) -> ThreadKey:
    """Return the thread that a button names; raise `DeniedError` if it names none."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        raise DeniedError(_UNREAD) from None
