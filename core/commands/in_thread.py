"""Commands that people write in a thread: after a mention of the bot, or after `!`.

A command is not part of the conversation: the store keeps only the fact that it was handled. Its
effect happens before the platform gets its acknowledgement, and may safely happen twice. The reply
comes later, from the one process that claimed it first; only then is the command handled. If that
process dies in between, the platform delivers the event again, or catch-up finds the message: the
process that gets it waits until the first must have replied, looks for that reply, and makes up
for it.
"""

from __future__ import annotations

import errno
import logging
import math
from typing import TYPE_CHECKING, Protocol

from core.commands.access import Right
from core.commands.commands import FORGOTTEN
from core.commands.export.parts import TooLongError
from core.commands.export.request import ExportOf
from core.commands.parser import Wanted, has_wish, parse_command, wanted, wish_named
from core.commands.pins import CORRECTED, PINNED, Saying, new_pin
from core.domain.admission import Admission
from core.domain.errors import ChatbotError, DeniedError, PlatformError, PostUnclearError, broke
from core.domain.message import FOR_US, Address, Kind
from core.domain.pins import PinKind
from core.domain.settings import Scope
from core.domain.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from core.commands.authorized import AuthorizedCommands
    from core.commands.export.writing import Tell
    from core.commands.parser import Command
    from core.commands.settings.commands import SettingsCommands
    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake, Received
    from core.store.port import Store

log = logging.getLogger(__name__)

SAID_SECONDS = 30.0
"""Seconds after a command by which the process that claimed it has replied, or never will."""
EXPORT_SECONDS = 330.0
"""The same for an export; it covers each platform's time limit for an upload."""
_SAID = {
    "quiet": "I will stay quiet in this thread until someone mentions me.",
    "listen": "I am listening in this thread again.",
}
_BY_APP = (
    "I take commands only from people themselves, and an app posted this message for you. Use "
    "`/chatbot`, or write it without that app."
)
_KINDS = {"correct": PinKind.CORRECTION, "remember": PinKind.WISH}
_KEPT = {"correct": CORRECTED, "remember": PINNED}
_SHOW = Wanted(Scope.THREAD)
_SET = "It is set. `settings` shows what holds here."
_SENT = "I have sent it to you in a direct message."
_BEGUN = "begun"
_DISK = {
    *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS),
}
_NOT_SENT = "The export may not have reached you. Please ask for it again."
_UNWRITTEN = (
    "I could not write the file on the machine I run on. The person who runs me can check the free "
    "space and the permissions of its temporary folder."
)


def unwritten(error: OSError) -> str:
    """Return the reply for a file that can't be written; empty if a retry may succeed."""
    return _UNWRITTEN if error.errno in _DISK else ""


class CommandReplies(Protocol):
    """Port: how a platform replies to a command. Each method may raise `PlatformError`."""

    help: str
    """The help text: which commands there are, and how to give them."""
    privacy: str
    """What is kept, and who sees it."""

    def linked(self, link: str) -> ThreadKey | None:
        """Return the thread of the message that a link leads to; None if it is no such link."""

    async def answer(self, message: Message, text: str, name: str, *, button: str = "") -> None:
        """Reply to a message, visibly to everyone: once per `name`, by whichever process.

        A `button` below it runs this command on the thread, for the person who presses it.
        """

    async def offer(self, message: Message, name: str) -> None:
        """Reply once with a button that runs the command `forget`, `memory` or `reset`."""

    async def offer_pin(self, message: Message) -> None:
        """Offer the author of a message to pin it, by a button, as quietly as there is a way."""

    async def refuse(self, message: Message, text: str) -> None:
        """Write to a message's author privately; if that is closed, where they wrote it."""

    async def send(self, person: str, file: Path) -> None:
        """Send an export to one person privately, in parts if it is large; never twice.

        Raises `TooLongError` if it does not fit even so, and `OSError`.
        """

    def progress(self, person: str) -> Tell:
        """Return what tells one person privately how much of their export is written."""

    def why(self, error: PlatformError) -> str:
        """Return why the platform refuses for good and who can fix it; empty if it may pass."""


class ThreadCommands:
    """Recognizes and runs the commands that people write in threads."""

    def __init__(
        self,
        authorized: AuthorizedCommands,
        replies: CommandReplies,
        settings: SettingsCommands,
        store: Store,
        clock: Clock,
        soon: Callable[[Coroutine[Any, Any, None], Message], None],
    ) -> None:
        """Create it.

        Args:
            authorized: Runs the commands, after checking the person's rights.
            replies: How the platform replies.
            settings: Changes settings.
            store: Where the threads are.
            clock: Paces the replies that another process may have left out.
            soon: Runs a job in the background for a message, and tells its author if it fails.
        """
        self._authorized = authorized
        self._replies = replies
        self._store = store
        self._settings = settings
        self._clock = clock
        self._soon = soon
        self._tasks = Tasks("a command's late reply")

    async def take(self, message: Message, intake: Intake, *, rights: bool = True) -> bool:
        """Run the command that a message is; return False if it is none.

        Without `rights`, since the author is not known for sure, only help is given.

        Raises `StoreError`; the platform then delivers the event again.
        """
        linked = self._replies.linked
        command = None if message.attachments else parse_command(message.text, linked)
        if command is None or not await self._is_for_us(message, command):
            return False
        if not (rights or command.name == "help"):
            if await intake.mark(message):
                self._soon(self._replies.answer(message, _BY_APP, command.name), message)
            return True
        if await intake.is_new(message):
            said = await self._change(message, command, intake)
            if await intake.mark(message, _BEGUN):
                self._soon(self._reply(message, command, said, intake), message)
            else:
                self._tasks.start(self._reply_if_missing(message, command, said, intake))
        return True

    def wake(self, message: Message, received: Received) -> None:
        """Do what follows a message that intake took.

        The quiet of a thread ends in which it mentions the bot. A standing wish in it is offered to
        be pinned.
        """
        if received.verdict is Admission.ACCEPTED and has_wish(message.text):
            self._tasks.start(self._offer_pin(message))
        if received.muted and message.address is Address.MENTIONED and message.kind is not Kind.DM:
            self._soon(self._mute(message, muted=False), message)

    async def close(self) -> None:
        """Stop; the next process makes up for replies that are not due yet."""
        await self._tasks.close()

    async def _is_for_us(self, message: Message, command: Command) -> bool:
        if message.address is Address.MENTIONED:
            return True
        if not command.marked or message.address is Address.OTHERS:
            return False
        return message.kind is Kind.DM or await self._store.peek(message.thread) is not None

    async def _change(
        self, message: Message, command: Command, intake: Intake
    ) -> str | DeniedError:
        """Apply a command's effect, which may happen twice; return the reply, if it has one."""
        if command.name == "reset" and not _asks_first(message, command):
            person, thread = message.author.id, message.thread
            # Right before the command: a message at or before a reset never counts as new.
            before = math.nextafter(message.sent_at, 0)
            return await _done(self._authorized.reset(person, thread, at=before, seen=True))
        if command.name == "forget" and command.number and not _asks_first(message, command):
            person, number = message.author.id, int(command.number)
            if not await intake.is_new(message, _BEGUN):  # later, that may be another message
                return FORGOTTEN.format(number=number)
            return await _done(self._authorized.forget(person, message.thread, number))
        if command.name in _KINDS:
            # Later, it could pin again what was removed since.
            is_begun = not await intake.is_new(message, _BEGUN)
            return _KEPT[command.name] if is_begun else await self._pin(message, command)
        if command.name in _SAID or command.name == "settings":
            # The process that claimed it has done it; later, it could undo a newer command.
            is_first = await intake.is_new(message, _BEGUN)
            return await self._set(message, command, is_first=is_first)
        return ""

    async def _set(
        self, message: Message, command: Command, *, is_first: bool
    ) -> str | DeniedError:
        """Show or change settings; a change is made only the first time."""
        if command.name in _SAID:
            if is_first:
                await self._mute(message, muted=command.name == "quiet")
            return _SAID[command.name]
        given = wanted(command.text) or _SHOW
        if given.field is not None and not is_first:
            return _SET
        person, thread = message.author.id, message.thread
        return await _done(self._settings.run(person, thread, message.kind, given))

    async def _reply(
        self, message: Message, command: Command, said: str | DeniedError, intake: Intake
    ) -> None:
        try:
            if command.name == "export":
                await self._export(message, command)
            else:
                await self._say(message, command, said)
        except DeniedError as denied:
            await self._replies.refuse(message, str(denied))
        await intake.mark(message)

    async def _say(self, message: Message, command: Command, said: str | DeniedError) -> None:
        if isinstance(said, DeniedError):
            raise said
        replies, name = self._replies, command.name
        if said:
            is_list = name == "settings" and (wanted(command.text) or _SHOW).field is None
            await self._tell_done(message, said, name, button="settings" if is_list else "")
        elif name in {"pins", "unpin"}:
            await replies.offer(message, "memory")
        elif name in {"forget", "memory"} or (name == "reset" and _asks_first(message, command)):
            await replies.offer(message, name)
        elif name == "stats":
            lines = await self._authorized.stats(message.author.id, message.thread)
            await replies.answer(message, "\n".join(lines), name)
        elif name == "help":
            await replies.answer(message, replies.help, name)
        elif name == "privacy":
            await replies.answer(message, replies.privacy, name)

    async def _tell_done(self, message: Message, said: str, name: str, *, button: str = "") -> None:
        """Say what was done, to its author alone if the platform does not take it there."""
        try:
            try:
                await self._replies.answer(message, said, name, button=button)
            except PostUnclearError:  # it may be there, and is not said twice
                await self._replies.answer(message, said, name, button=button)
        except PlatformError as error:
            log.warning("what a command did is said to its author alone: %s", error)
            await self._replies.refuse(message, said)

    async def _export(self, message: Message, command: Command) -> None:
        person, thread = message.author.id, command.thread or message.thread
        try:
            tell = self._replies.progress(person)
            async with self._authorized.exported(person, thread, command.request, tell) as file:
                await self._replies.send(person, file)
        except TooLongError as error:
            await self._replies.answer(message, str(error), command.name)
        except PlatformError as error:
            log.warning("an export was not sent: %s", error)
            said = self._replies.why(error) or _NOT_SENT
            await self._replies.answer(message, said, command.name)
        except OSError as error:
            log.error("an export could not be written: %s", broke(error))  # noqa: TRY400 - no text
            await self._replies.answer(message, unwritten(error) or _NOT_SENT, command.name)
        else:
            await self._replies.answer(message, _SENT, command.name)

    async def _pin(self, message: Message, command: Command) -> str | DeniedError:
        """Pin what a message says; return the reply."""
        said = Saying(
            text=command.text,
            author=message.author,
            at=message.sent_at,
            source=message.id,
            edited_at=message.edited_at,
        )
        kind = _KINDS[command.name]
        pin = new_pin(kind, said, message.author, at=message.sent_at, key=message.id)
        return await _done(self._authorized.pin(message.thread, pin, kind=message.kind, seen=True))

    async def _offer_pin(self, message: Message) -> None:
        """Offer to pin the wish in a message: once, and not if it is pinned already."""
        try:
            if not await self._authorized.may_offer(message):
                return
            name = f"offer {message.thread} {wish_named(message.text)}"
            if await self._store.claim_once(message.thread.platform, name):
                await self._replies.offer_pin(message)
        except ChatbotError as error:
            log.info("a pin was not offered: %s", error)

    async def _mute(self, message: Message, *, muted: bool) -> None:
        await self._settings.mute(message.author.id, message.thread, message.kind, muted=muted)

    # --- making up for another process ----------------------------------------------------------

    async def _reply_if_missing(
        self, message: Message, command: Command, said: str | DeniedError, intake: Intake
    ) -> None:
        """Reply for the process that claimed the command, unless it has done so in time."""
        is_export = command.name == "export"
        seconds = EXPORT_SECONDS if is_export else SAID_SECONDS
        try:
            await self._clock.sleep(max(0.0, message.sent_at + seconds - self._clock.now()))
            if not await intake.is_new(message):
                return
            if isinstance(said, DeniedError):
                pass  # a private reply, which can't be looked for
            elif not is_export:
                await self._say(message, command, said)
            elif await self._may_export(message, command):
                await self._replies.answer(message, _NOT_SENT, command.name)
            await intake.mark(message)
        except ChatbotError as error:
            log.warning("a command may have got no reply: %s", error)

    async def _may_export(self, message: Message, command: Command) -> bool:
        if command.of is not ExportOf.THREAD:
            return command.of is ExportOf.MINE
        thread = command.thread or message.thread
        return await self._authorized.right(message.author.id, thread) is not Right.NONE


async def _done(deed: Awaitable[str]) -> str | DeniedError:
    """Return what a deed says, or why the person may not do it."""
    try:
        return await deed
    except DeniedError as denied:
        return denied


def _asks_first(message: Message, command: Command) -> bool:
    """Return whether a reset is offered as a button instead of done at once; so is `forget 3`.

    `!reset` in a thread may be meant for another bot, since many have the prefix `!`; `reset?` may
    be a question about the command.
    """
    return command.is_question or message.address not in FOR_US
