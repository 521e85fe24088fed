"""A person's seat at the bot: the thread that is looked at, and what is said in it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bots.terminal.follow import Follower
from bots.terminal.liveness import is_abandoned, message_id
from bots.terminal.platform import NAME
from core.domain.admission import Admission
from core.domain.errors import StoreError
from core.domain.message import Author, Kind, Message, ThreadKey
from core.domain.session import AnswerKind, Entry, Status

if TYPE_CHECKING:
    from core.commands.commands import Commands
    from core.domain.clock import Clock
    from core.domain.session import Answer, Record
    from core.intake.intake import Intake, Received
    from core.store.port import Store

MAIN = "main"
"""The thread of who never named one."""
_FIRST_PAUSE = 0.03
_LONGEST_PAUSE = 0.5
_REFUSALS = {
    Admission.FULL: "Too many messages wait in this thread already; please send that one again.",
    Admission.GONE: (
        "That message was not taken in: it seems older than the moment at which this thread was "
        "forgotten. Please look at this machine's clock, and send it again."
    ),
}


class Screen(Protocol):
    """Where a seat shows things."""

    async def entry(self, entry: Entry) -> None:
        """Show what somebody else said."""
        ...

    async def answer(self, answer: Answer, *, mine: bool) -> None:
        """Show an answer; `mine` when it answers something that was said here."""
        ...

    async def preview(self, text: str) -> None:
        """Show as much of an answer as there is; the empty text takes it back."""
        ...

    async def working(self, *, working: bool) -> None:
        """Show that an answer is being made, or no longer is."""
        ...

    async def tell(self, *lines: str) -> None:
        """Show explanations, which are not part of the conversation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """What a terminal needs of the bot."""

    store: Store
    intake: Intake
    commands: Commands
    clock: Clock
    user: str


class TerminalSession:
    """Says things, and shows what comes of them. Implements `platform.Viewer`."""

    def __init__(self, bot: Bot, screen: Screen) -> None:
        """Sit down; `open` chooses the thread."""
        self.bot = bot
        self.screen = screen
        self.failed = False
        """Something that was asked for did not happen."""
        self._follower = self._follow(MAIN)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._places: dict[str, int] = {}

    @property
    def thread(self) -> ThreadKey:
        """Return the thread that is looked at."""
        return self._follower.thread

    async def open(self, name: str = "") -> None:
        """Look at the thread of this name, or at the one that was last used.

        From here on every answer in it is shown; so a worker starts after this, or what it
        finishes of an interrupted conversation would be shown to nobody.
        """
        if not name:
            latest = await self.bot.commands.threads(NAME, self.bot.user)
            name = latest[0].thread.thread if latest else MAIN
        self._waiting.clear()
        self._places.clear()
        self._follower = self._follow(name)
        for entry in await self._follower.begin():
            if is_abandoned(entry.platform_id):
                self._expect(entry.id)

    async def finish_interrupted(self) -> None:
        """Wait for the answers to what was said by a terminal that is gone."""
        abandoned = list(self._waiting)
        if abandoned:
            await self.screen.tell("Finishing the reply that was interrupted…")
        for message in abandoned:
            await self._until_answered(message)

    async def say(self, text: str) -> None:
        """Say something, and return when its answer was shown."""
        message = self._message(text)
        self._expect(message.id)
        received = await self._take(message)
        refusal = received.notice or _REFUSALS.get(received.verdict or Admission.ACCEPTED, "")
        if refusal:
            del self._waiting[message.id]
            await self.complain(refusal)
            return
        await self._until_answered(message.id)

    async def complain(self, sentence: str) -> None:
        """Tell that something that was asked for did not happen."""
        self.failed = True
        await self.screen.tell(sentence)

    async def watch(self, seconds: float) -> None:
        """Show what others say in the thread, and what they are answered, for ever."""
        while True:
            with contextlib.suppress(StoreError):  # a person who says something is told
                await self._follower.catch_up()
            await self.bot.clock.sleep(seconds)

    # --- what the platform calls ----------------------------------------------------------------

    async def catch_up(self, thread: ThreadKey) -> None:
        """Show what is new in the log, if the thread is the one that is looked at."""
        if thread == self.thread:
            await self._follower.catch_up()

    async def preview(self, thread: ThreadKey, turn: str, text: str) -> None:
        """Show as much of an answer as there is, where it is waited for."""
        if thread == self.thread and turn in self._waiting:
            await self.screen.preview(text)

    async def working(self, thread: ThreadKey, *, working: bool) -> None:
        """Show that an answer is being made, or no longer is."""
        if thread == self.thread and self._waiting:
            await self.screen.working(working=working)

    # --- inside ---------------------------------------------------------------------------------

    def _follow(self, name: str) -> Follower:
        thread = ThreadKey(NAME, self.bot.user, name)
        return Follower(self.bot.store, thread, self._show)

    def _expect(self, message: str) -> None:
        self._waiting[message] = asyncio.get_running_loop().create_future()

    def _message(self, text: str) -> Message:
        name = message_id()
        return Message(
            thread=self.thread,
            kind=Kind.TERMINAL,
            id=name,
            identities=(name,),
            author=Author(id=self.bot.user, name=self.bot.user),
            text=text,
            at=self.bot.clock.now(),
        )

    async def _take(self, message: Message) -> Received:
        told = False
        while True:
            try:
                return await self.bot.intake.take(message)
            except StoreError as error:
                if not told:
                    sentence = str(error).rstrip(".")
                    await self.screen.tell(f"{sentence}. I keep trying, and nothing is lost.")
                told = True
                await self.bot.clock.sleep(1)

    async def _until_answered(self, message: str) -> None:
        answered = self._waiting.get(message)
        if answered is None:  # together with one before it
            return
        pause = _FIRST_PAUSE
        while not answered.done():
            await asyncio.wait({answered}, timeout=pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            if not answered.done() and await self._is_lost(message):
                self._waiting.pop(message, None)
                await self.complain("The thread was forgotten before this was answered.")
                return

    async def _is_lost(self, message: str) -> bool:
        """Look for the answer; tell whether there will be none, as the thread began anew."""
        try:
            await self._follower.catch_up()
            if message not in self._waiting:
                return False
            if self._follower.misses(message):
                return True
            work = await self.bot.store.peek(self.thread)
        except StoreError:
            return False
        return work is None or work.line > self._places.get(message, work.line)

    async def _show(self, record: Record) -> None:
        if not isinstance(record, Entry):
            await self._show_answer(record)
        elif record.id in self._waiting:
            self._places[record.id] = record.place
        elif record.status is not Status.DELETED:
            await self.screen.entry(record)

    async def _show_answer(self, answer: Answer) -> None:
        mine = [message for message, place in self._places.items() if place <= answer.place]
        await self.screen.answer(answer, mine=bool(mine))
        self.failed |= bool(mine) and answer.kind is not AnswerKind.ANSWER
        for message in mine:
            del self._places[message]
            waiting = self._waiting.pop(message, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
