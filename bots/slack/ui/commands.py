"""Commands on Slack: after a slash, as a shortcut on a message, by a button, or said in a thread.

`register` adds all of it to the bot before it listens. Slack sends none of these again but what
is said, so what they change is changed before the acknowledgement, where Slack waits that long.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from typing import TYPE_CHECKING, Any

from bots.slack.api import RefusedError
from bots.slack.ids import is_ts
from bots.slack.inbound.events import NAME
from bots.slack.inbound.people import is_id
from bots.slack.setup.manifest import COMMAND, EXPORT_SHORTCUT, FORGET_SHORTCUT
from bots.slack.ui import views
from bots.slack.ui.directory import SlackDirectory
from bots.slack.ui.home import Home
from bots.slack.ui.refusals import why
from bots.slack.ui.replies import SlackVoice
from core.commands.authorized import AuthorizedCommands
from core.commands.export import Form
from core.commands.in_thread import ThreadCommands, unwritten
from core.commands.parser import parse_command
from core.domain.errors import ChatbotError, DeniedError, PlatformError, StoreError, broke
from core.domain.message import ThreadKey
from core.domain.payload import dict_of, str_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from slack_bolt.app.async_app import AsyncApp
    from slack_bolt.context.ack.async_ack import AsyncAck

    from bots.slack.app import Slack
    from core.commands.commands import Commands
    from core.commands.parser import Command
    from core.store.port import Store

log = logging.getLogger(__name__)

_FAILED = "That did not work just now. Please try again in a minute."
_UNREAD = "I could not tell what that was about. Please reload Slack, and try again."
_CLOSED = "view_closed"
"""A person has closed a modal, and waits for nothing."""
_NO_SLASH = {"listen", "quiet"}
_BEFORE_ACK = 2.0
"""Seconds; Slack waits for three (docs: interactivity/handling-user-interaction)."""
_CLOSING = 3.0


def register(slack: Slack, store: Store, commands: Commands) -> None:
    """Let people command the bot; to be called before it listens."""
    api, settings, me, clock = slack.api, slack.settings, slack.platform.me, slack.clock
    directory = SlackDirectory(
        api, me, slack.names, settings.slack_admins, strangers=settings.slack_allow_strangers
    )
    desk = AuthorizedCommands(
        directory,
        store,
        commands,
        clock,
        open_private=settings.slack_admins_read_dms,
        open_unseen=settings.admins_read_private,
    )
    voice = SlackVoice(api, me, directory, clock, overhears=settings.overhear)
    counter = Interactions(desk, voice, directory, Home(api, desk, clock, settings), store)
    slack.unread = counter.unread
    slack.listeners.append(counter.listen)
    slack.spoken = ThreadCommands(desk, voice, store, settings.ttl, clock, counter.soon)
    slack.closers += [counter.close, slack.spoken.close]


class Interactions:
    """Where commands are handed in and what comes of them is shown."""

    def __init__(
        self,
        desk: AuthorizedCommands,
        voice: SlackVoice,
        directory: SlackDirectory,
        home: Home,
        store: Store,
    ) -> None:
        """Have things done by `desk`, and each once, as `store` knows."""
        self._desk = desk
        self._voice = voice
        self._directory = directory
        self._home = home
        self._store = store
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

    def unread(self, body: dict[str, Any]) -> None:
        """Tell a person that what they pressed or typed could not be made sense of."""
        asked = not dict_of(body, "event") and body.get("type") != _CLOSED
        if asked and (user := _user_of(body)):
            self._begin(self._told(user, _UNREAD), user)

    def soon(self, job: Coroutine[Any, Any, None], user: str) -> None:
        """Do something beside what goes on, and tell the person where it fails."""
        self._begin(job, user)

    async def close(self) -> None:
        """Let what was asked for come to its end, for a moment."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=_CLOSING)

    def _begin(
        self, job: Coroutine[Any, Any, None], user: str, channel: str = ""
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self._tried(job, user, channel))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def _once(
        self, make: Callable[[], Coroutine[Any, Any, None]], body: dict[str, Any]
    ) -> None:
        """Do what a payload asks for, unless the very same payload has asked for it before.

        Its trigger is made for one gesture (docs: interactivity/handling-user-interaction). Who
        has recorded a request of Slack's can send it again, rightly signed, for five minutes.
        """
        name = f"asked {_print_of(body)}"
        if not str_of(body, "trigger_id") or await self._store.claim_once(NAME, name):
            await make()
        else:
            log.warning("what was asked for came again, and is not done again")

    async def _before_ack(self, job: Coroutine[Any, Any, None], user: str) -> None:
        """Do something while Slack waits, and go on with it where that is not long enough."""
        await asyncio.wait({self._begin(job, user)}, timeout=_BEFORE_ACK)

    async def _tried(self, job: Coroutine[Any, Any, None], user: str, channel: str) -> None:
        try:
            await job
            return
        except DeniedError as denied:
            said = str(denied)
        except (PlatformError, StoreError) as error:
            log.warning("a command failed: %s", error)
            said = why(error) or _FAILED
        except OSError as error:
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            said = unwritten(error) or _FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, a person waits for a word
            log.error("a command failed: %s", broke(error))  # noqa: TRY400 - no text
            said = _UNREAD
        await self._told(user, said, channel)

    async def _told(self, user: str, text: str, channel: str = "") -> None:
        """Tell a person; where they asked, if they can't be written to directly."""
        try:
            try:
                await self._voice.tell(user, text)
            except RefusedError:
                if not is_id(channel):
                    raise
                await self._voice.whisper(user, channel, text)
        except ChatbotError:
            log.warning("what came of a command could not be told")

    # --- the four ways --------------------------------------------------------------------------

    async def _slash(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        asked = parse_command(str_of(command, "text") or "help", self._voice.linked)
        user, channel = str_of(command, "user_id"), str_of(command, "channel_id")
        if not (is_id(user) and is_id(channel)):
            await ack(text=_UNREAD)
            return
        if asked is None or asked.name == "help" or asked.name in _NO_SLASH:
            await ack(text=await self._helped(user, channel))
            return
        if asked.name == "reset" and self._is_one(channel):
            await self._before_ack(
                self._once(lambda: self._do_slash(user, asked, command), command), user
            )
            await ack()
            return
        await ack()
        job = self._once(lambda: self._do_slash(user, asked, command), command)
        self._begin(job, user, channel)

    async def _helped(self, user: str, channel: str) -> str:
        """Return the help, for whom the bot listens to; what it says is no secret."""
        try:
            async with asyncio.timeout(_BEFORE_ACK):
                await self._desk.admit(user, self._directory.thread_at(channel, ""))
        except DeniedError as denied:
            return str(denied)
        except (PlatformError, TimeoutError) as error:
            log.info(
                "it is not known whether the bot listens to a person: %s", type(error).__name__
            )
        return self._voice.help

    async def _do_slash(self, user: str, asked: Command, body: dict[str, Any]) -> None:
        desk, voice, channel = self._desk, self._voice, str_of(body, "channel_id")
        trigger = str_of(body, "trigger_id")
        if asked.name == "stats":
            here = self._directory.thread_at(channel, "")
            await voice.tell(user, "\n".join(await desk.stats(user, here)))
            return
        thread = asked.thread or self._directory.thread_at(channel, "")
        if asked.thread is None and not self._is_one(channel):
            modal = await voice.show(trigger)
            await voice.fill(modal, await self._chosen(user, asked.name, channel))
            return
        await self._on(asked.name, user, thread, trigger, form=asked.form)

    async def _export_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        self._asked(self._once(lambda: self._on_message("export", shortcut), shortcut), shortcut)

    async def _forget_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        self._asked(self._once(lambda: self._on_message("forget", shortcut), shortcut), shortcut)

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        user, word = _user_of(body), views.command_of(str_of(action, "action_id"))
        named = str_of(action, "value")
        job = self._once(lambda: self._on_message(word, body, named), body)
        if word == "reset" and user:
            await self._before_ack(job, user)
        else:
            self._asked(job, body)
        await ack()

    async def _forget_submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        meant = str_of(dict_of(body, "view"), "private_metadata")
        found, user = re.fullmatch(r"(whole|own) (\S+)", meant), _user_of(body)
        if found is None:
            self.unread(body)
        elif user:
            whole, named = found[1] == "whole", found[2]
            job = self._once(lambda: self._forget(user, named, whole=whole), body)
            await self._before_ack(job, user)
        await ack()

    async def _home_opened(self, event: dict[str, Any]) -> None:
        user = str_of(event, "user")
        if is_id(user):
            self.soon(self._home.show(user), user)

    def _asked(self, job: Coroutine[Any, Any, None], body: dict[str, Any]) -> None:
        """Do something for the person who asked for it; nothing if that can't be told."""
        if user := _user_of(body):
            self._begin(job, user, str_of(dict_of(body, "channel"), "id"))
        else:
            job.close()

    # --- what they come to ----------------------------------------------------------------------

    async def _on_message(self, word: str, body: dict[str, Any], named: str = "") -> None:
        """Do one command on the thread that a button names, or on that of its message."""
        thread = _thread_in(named) if named else self._thread_of(body)
        pushed = str_of(dict_of(body, "view"), "type") == "modal"
        await self._on(word, _user_of(body), thread, str_of(body, "trigger_id"), pushed=pushed)

    async def _on(
        self,
        word: str,
        user: str,
        thread: ThreadKey,
        trigger: str,
        *,
        form: Form = Form.MARKDOWN,
        pushed: bool = False,
    ) -> None:
        """Do one command on one thread."""
        voice = self._voice
        if word == "export":
            async with self._desk.exported(user, thread, form) as file:
                await voice.send(user, file)
        elif word == "reset":
            await voice.announce(thread, await self._desk.reset(user, thread))
        else:
            modal = await voice.show(trigger, pushed=pushed)
            show = self._asked_to_forget if word == "forget" else self._remembered
            await voice.fill(modal, await show(user, thread))

    async def _chosen(self, user: str, word: str, channel: str) -> dict[str, Any]:
        try:
            await self._desk.admit(user, self._directory.thread_at(channel, ""))
            return await self._home.chosen(user, word)
        except DeniedError as denied:
            return views.words("Your threads", [str(denied)])

    async def _asked_to_forget(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        try:
            extent = await self._desk.may_forget(user, thread)
        except DeniedError as denied:
            return views.words("Not forgotten", [str(denied)])
        return views.forget(thread, whole=extent == "whole")

    async def _remembered(self, user: str, thread: ThreadKey) -> dict[str, Any]:
        try:
            return views.words("What I remember", await self._desk.remembered(user, thread))
        except DeniedError as denied:
            return views.words("What I remember", [str(denied)])

    async def _forget(self, user: str, named: str, *, whole: bool) -> None:
        said = await self._desk.forget(user, _thread_in(named), "whole" if whole else "own")
        await self._voice.tell(user, said)

    def _is_one(self, channel: str) -> bool:
        """Tell whether a command there can mean only one thread."""
        return channel.startswith("D") and self._directory.one_dm

    def _thread_of(self, body: dict[str, Any]) -> ThreadKey:
        """Return the thread of the message that a shortcut or a button is on."""
        message, inside = dict_of(body, "message"), dict_of(body, "container")
        stamps = (str_of(message, "thread_ts"), str_of(inside, "thread_ts"), str_of(message, "ts"))
        channel = str_of(dict_of(body, "channel"), "id")
        if not is_id(channel):
            raise DeniedError(_UNREAD)
        return self._directory.thread_at(channel, next(filter(is_ts, stamps), ""))


def _print_of(body: dict[str, Any]) -> str:
    """Return what stands for exactly this payload."""
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _user_of(body: dict[str, Any]) -> str:
    """Return who has pressed or typed something; empty where that can't be told."""
    user = str_of(dict_of(body, "user"), "id") or str_of(body, "user_id")
    return user if is_id(user) else ""


def _thread_in(text: str) -> ThreadKey:
    """Return the thread that a button stands for; raise `DeniedError` where that is none."""
    try:
        return ThreadKey.parse(text)
    except ValueError:
        raise DeniedError(_UNREAD) from None
