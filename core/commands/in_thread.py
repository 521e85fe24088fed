"""Commands that are said in a thread: after a mention of the bot, or after `!`.

A command is no part of the conversation: it is not stored, only the fact that it was heard. What
it changes is changed before the platform hears that the event came, in such a way that it may be
changed again. What is said of it comes later, from the one process that was first to begin; then
the command counts as heard. Where that process died on the way, the command is new still, and
comes again with the event or is found by catch-up: whoever has it then waits until it must have
been said, looks whether it was, and says it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from core.commands.access import Right
from core.commands.parser import command_in
from core.domain.errors import ChatbotError, DeniedError, PlatformError, broke
from core.domain.message import Address, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from core.commands.authorized import AuthorizedCommands
    from core.commands.parser import Command
    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.intake.intake import Intake, Received
    from core.store.port import Store

log = logging.getLogger(__name__)

SAID_SECONDS = 30.0
"""After which the process that was first has said what it had to say, or never will."""
EXPORT_SECONDS = 330.0
"""The same for an export: see the platforms' time limits for an upload."""
_SAID = {
    "quiet": "I will stay quiet in this thread until someone mentions me.",
    "listen": "I am listening in this thread again.",
}
_SENT = "I have sent it to you in a direct message."
_BEGUN = "begun"
_DISK = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS}
_NOT_SENT = "The export may not have reached you. Please ask for it again."
_UNWRITTEN = (
    "I could not write the file on the machine I run on. The person who runs me can check the free "
    "space and the permissions of its temporary folder."
)


def unwritten(error: OSError) -> str:
    """Return what to say of a file that can't be written here; empty where that may pass."""
    return _UNWRITTEN if error.errno in _DISK else ""


class CommandReplies(Protocol):
    """How a platform says what comes of a command. Each may raise `PlatformError`."""

    help: str
    """What can be asked for here, and how."""

    def linked(self, link: str) -> ThreadKey | None:
        """Return the thread of the message that a link of this platform leads to."""

    async def answer(self, message: Message, text: str, name: str) -> None:
        """Say something under a message, for all; once under this name, whoever says it."""

    async def offer(self, message: Message, word: str) -> None:
        """Put a button under a message that does `forget` or `memory`; once, as `answer`."""

    async def tell(self, person: str, text: str) -> None:
        """Say something to somebody alone."""

    async def send(self, person: str, file: Path) -> None:
        """Give somebody an export, alone; never twice."""

    def why(self, error: PlatformError) -> str:
        """Return why it is refused for good, and who can repair it; empty if it may work later."""


class ThreadCommands:
    """Hears commands in what people say."""

    def __init__(
        self,
        desk: AuthorizedCommands,
        voice: CommandReplies,
        store: Store,
        ttl: Callable[[Kind], float],
        clock: Clock,
        soon: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        """Run commands by `desk`.

        `ttl` returns after how many seconds of silence a conversation of a kind ends; `soon` takes
        what the platform need not wait for.
        """
        self._desk = desk
        self._voice = voice
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._soon = soon
        self._mending: set[asyncio.Task[None]] = set()

    async def take(self, message: Message, intake: Intake) -> bool:
        """Do what a message asks for beside the conversation; False where it is no command.

        Raises `StoreError`: nothing was acknowledged, and it comes again.
        """
        linked, person = self._voice.linked, message.author.id
        command = None if message.attachments else command_in(message.text, linked)
        if command is None or not await self._is_for_us(message, command):
            return False
        if await intake.is_new(message):
            said = await self._change(message, command, intake)
            if await intake.mark(message, _BEGUN):
                self._soon(self._first(message, command, said, intake), person)
            else:
                self._later(self._mend(message, command, said, intake))
        return True

    def wake(self, message: Message, received: Received) -> None:
        """Let a mention end the quiet of its thread, once it was taken in."""
        if received.muted and message.address is Address.MENTIONED and message.kind is not Kind.DM:
            self._soon(self._mute(message, muted=False), message.author.id)

    async def close(self) -> None:
        """Leave what is not due yet to the next process."""
        for task in self._mending:
            task.cancel()
        if self._mending:
            await asyncio.wait(self._mending)

    async def _is_for_us(self, message: Message, command: Command) -> bool:
        if message.address is Address.MENTIONED:
            return True
        if not command.marked or message.address is Address.OTHERS:
            return False
        return message.kind is Kind.DM or await self._store.peek(message.thread) is not None

    async def _change(
        self, message: Message, command: Command, intake: Intake
    ) -> str | DeniedError:
        """Change what is kept, which may be done again; return what is to be said of it."""
        if command.word == "reset":
            person, thread = message.author.id, message.thread
            # The line is right before the command: what is behind one is never new.
            line = math.nextafter(message.at, 0)
            try:
                return await self._desk.reset(person, thread, at=line, seen=True)
            except DeniedError as denied:
                return denied
        elif command.word in _SAID:
            # Whoever began has done it; told late, it would undo what was wished for since.
            if await intake.is_new(message, _BEGUN):
                await self._mute(message, muted=command.word == "quiet")
            return _SAID[command.word]
        return ""

    async def _first(
        self, message: Message, command: Command, said: str | DeniedError, intake: Intake
    ) -> None:
        try:
            if command.word == "export":
                await self._export(message, command)
            else:
                await self._say(message, command, said)
        except DeniedError as denied:
            await self._voice.tell(message.author.id, str(denied))
        await intake.mark(message)

    async def _say(self, message: Message, command: Command, said: str | DeniedError) -> None:
        if isinstance(said, DeniedError):
            raise said
        voice, word = self._voice, command.word
        if word in {"forget", "memory"}:
            await voice.offer(message, word)
        elif word == "stats":
            lines = await self._desk.stats(message.author.id, message.thread)
            await voice.answer(message, "\n".join(lines), word)
        elif word == "help":
            await voice.answer(message, voice.help, word)
        elif said:
            await voice.answer(message, said, word)

    async def _export(self, message: Message, command: Command) -> None:
        person, thread = message.author.id, command.thread or message.thread
        try:
            async with self._desk.exported(person, thread, command.form) as file:
                await self._voice.send(person, file)
        except PlatformError as error:
            log.warning("an export was not sent: %s", error)
            said = self._voice.why(error) or _NOT_SENT
            await self._voice.answer(message, said, command.word)
        except OSError as error:
            log.error("an export could not be written: %s", broke(error))  # noqa: TRY400 - no text
            await self._voice.answer(message, unwritten(error) or _NOT_SENT, command.word)
        else:
            await self._voice.answer(message, _SENT, command.word)

    async def _mute(self, message: Message, *, muted: bool) -> None:
        settings = await self._store.thread_settings(message.thread)
        if settings.muted != muted:
            ttl = self._ttl(message.kind)
            changed = replace(settings, muted=muted)
            await self._store.set_thread(message.thread, message.kind, changed, ttl=ttl)

    # --- what another process may have left unsaid ----------------------------------------------

    def _later(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _mend(
        self, message: Message, command: Command, said: str | DeniedError, intake: Intake
    ) -> None:
        """Say what another process was to say, where it has not."""
        is_export = command.word == "export"
        seconds = EXPORT_SECONDS if is_export else SAID_SECONDS
        try:
            await self._clock.sleep(max(0.0, message.at + seconds - self._clock.now()))
            if not await intake.is_new(message):
                return
            if isinstance(said, DeniedError):
                pass  # said to one person alone, where it can't be looked for
            elif not is_export:
                await self._say(message, command, said)
            elif await self._may_export(message, command):
                await self._voice.answer(message, _NOT_SENT, command.word)
            await intake.mark(message)
        except ChatbotError as error:
            log.warning("what came of a command may not have been said: %s", error)
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            log.error("what came of a command may not have been said: %s", broke(error))  # noqa: TRY400

    async def _may_export(self, message: Message, command: Command) -> bool:
        thread = command.thread or message.thread
        return await self._desk.right(message.author.id, thread) is not Right.NONE
