"""A person's session at a terminal: the thread on screen, and what is said in it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bots.terminal.follow import Follower
from bots.terminal.liveness import is_abandoned, message_id
from bots.terminal.platform import NAME
from core.commands.parser import has_wish, is_pinned, wish_named
from core.domain.admission import Admission
from core.domain.clock import Backoff
from core.domain.errors import StoreDamagedError, StoreError
from core.domain.message import Author, Kind, Message, ThreadKey
from core.domain.session import AnswerKind, Entry, Status

if TYPE_CHECKING:
    from core.commands.commands import Commands
    from core.domain.clock import Clock
    from core.domain.session import Answer, Record
    from core.intake.intake import Intake, Received
    from core.store.port import Store

MAIN = "main"
"""The thread of a person who never named one."""
_POLLS = Backoff(first=0.03, cap=0.5, factor=1.5)
"""Waits between two looks for an answer that another process may be writing."""
_OFFER = "To keep a wish for good, word for word, type it after /remember."
_REFUSALS = {
    Admission.FULL: (
        "Too many messages are waiting in this thread already. Please send that one again later."
    ),
    Admission.GONE: (
        "I did not accept that message, because it seems older than the moment this thread was "
        "forgotten. Please check this machine's clock and send it again."
    ),
}


class Screen(Protocol):
    """Port: shows a session to a person or a program."""

    async def entry(self, entry: Entry) -> None:
        """Show a message from someone else."""
        ...

    async def answer(self, answer: Answer, *, mine: bool) -> None:
        """Show an answer; `mine` if it answers something said in this session."""
        ...

    async def preview(self, text: str) -> None:
        """Show the part of an answer that exists so far; an empty text withdraws it."""
        ...

    async def working(self, *, working: bool) -> None:
        """Show that the bot is writing an answer, or no longer is."""
        ...

    async def tell(self, *lines: str) -> None:
        """Show explanations, which are not part of the conversation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BotParts:
    """The parts of the bot that a terminal needs."""

    store: Store
    intake: Intake
    commands: Commands
    clock: Clock
    user: str
    """The person's name, which is also their id."""
    privacy: tuple[str, ...] = ()
    """What is kept, and who sees it, in lines."""


class TerminalSession:
    """Sends messages and shows the thread on a screen; it is the platform's `Viewer`."""

    def __init__(self, bot: BotParts, screen: Screen) -> None:
        """Show the thread `MAIN` on `screen`; `open` changes the thread."""
        self.bot = bot
        self.screen = screen
        self.failed = False
        """Something that was asked for did not happen."""
        self._follower = self._follow(MAIN)
        self._offered: set[str] = set()
        """The wishes that were offered to be pinned."""
        self._waiting: dict[str, asyncio.Future[None]] = {}
        """By message id: done once the message's answer is on screen."""
        self._positions: dict[str, int] = {}
        """The positions in the log of the messages that wait."""

    @property
    def thread(self) -> ThreadKey:
        """Return the thread on screen."""
        return self._follower.thread

    async def open(self, name: str = "") -> None:
        """Show the thread of this name, or the one that was last used.

        Every later answer in it is shown. So open it before a worker starts, which may finish an
        interrupted reply at once.
        """
        if not name:
            latest = await self.bot.commands.threads(NAME, self.bot.user)
            name = latest[0].thread.thread if latest else MAIN
        self._waiting.clear()
        self._positions.clear()
        self._follower = self._follow(name)
        for entry in await self._follower.begin():
            if is_abandoned(entry.platform_id):
                self._expect(entry.id)

    async def finish_interrupted(self) -> None:
        """Wait for the answers to messages from a terminal that is gone."""
        abandoned = list(self._waiting)
        if abandoned:
            await self.screen.tell("Finishing the reply that was interrupted…")
        for message in abandoned:
            await self._until_answered(message)

    async def say(self, text: str) -> None:
        """Send a message; return once its answer is on screen.

        Raises `StoreDamagedError`; it waits until any other fault of the store is over.
        """
        message = self._message(text)
        self._expect(message.id)
        received = await self._take(message)
        refusal = received.notice or _REFUSALS.get(received.verdict or Admission.ACCEPTED, "")
        if refusal:
            del self._waiting[message.id]
            await self.complain(refusal)
            return
        await self._until_answered(message.id)
        if has_wish(text):
            await self._offer_pin(text)

    async def _offer_pin(self, text: str) -> None:
        """Say how to pin a wish: once, and not if it is pinned already."""
        with contextlib.suppress(StoreError):
            pins, name = self.bot.commands.pins, wish_named(text)
            there = await pins.of(self.thread)
            if name not in self._offered and pins.has_room(there, text):
                self._offered.add(name)
                if not is_pinned(text, there):
                    await self.screen.tell(_OFFER)

    async def complain(self, sentence: str) -> None:
        """Explain that something that was asked for did not happen."""
        self.failed = True
        await self.screen.tell(sentence)

    async def watch(self, seconds: float) -> None:
        """Show every `seconds`, without end, what others say in the thread and its answers."""
        while True:
            with contextlib.suppress(StoreError):  # `say` reports it
                await self._follower.catch_up()
            await self.bot.clock.sleep(seconds)

    # --- called by the platform -----------------------------------------------------------------

    async def catch_up(self, thread: ThreadKey) -> None:
        """Show what is new in a thread's log, if that thread is on screen."""
        if thread == self.thread:
            await self._follower.catch_up()

    async def preview(self, thread: ThreadKey, turn: str, text: str) -> None:
        """Show the part of an answer that exists so far, if this session waits for it."""
        if thread == self.thread and turn in self._waiting:
            await self.screen.preview(text)

    async def working(self, thread: ThreadKey, *, working: bool) -> None:
        """Show that the bot is writing an answer, or no longer is."""
        if thread == self.thread and self._waiting:
            await self.screen.working(working=working)

    # --- inside ---------------------------------------------------------------------------------

    def _follow(self, name: str) -> Follower:
        thread = ThreadKey(NAME, self.bot.user, name)
        return Follower(self.bot.store, thread, self._show)

    def _expect(self, message: str) -> None:
        self._waiting[message] = asyncio.get_running_loop().create_future()

    def _message(self, text: str) -> Message:
        id_ = message_id()
        return Message(
            thread=self.thread,
            kind=Kind.TERMINAL,
            id=id_,
            identities=(id_,),
            author=Author(id=self.bot.user, name=self.bot.user),
            text=text,
            sent_at=self.bot.clock.now(),
        )

    async def _take(self, message: Message) -> Received:
        told = False
        while True:
            try:
                return await self.bot.intake.take(message)
            except StoreDamagedError:
                raise  # no wait helps, and who writes into a pipe waits for an end
            except StoreError as error:
                if not told:
                    sentence = str(error).rstrip(".")
                    await self.screen.tell(f"{sentence}; retrying. Nothing is lost.")
                told = True
                await self.bot.clock.sleep(1)

    async def _until_answered(self, message: str) -> None:
        answered = self._waiting.get(message)
        if answered is None:  # answered together with an earlier message
            return
        polls = iter(_POLLS)
        while not answered.done():
            await asyncio.wait({answered}, timeout=next(polls))
            if not answered.done() and await self._is_lost(message):
                self._waiting.pop(message, None)
                await self.complain("The thread was forgotten or reset before I answered that.")
                return

    async def _is_lost(self, message: str) -> bool:
        """Look for the answer; return whether a reset or an erase means that none will come."""
        try:
            await self._follower.catch_up()
            if message not in self._waiting:
                return False
            if self._follower.misses(message):
                return True
            work = await self.bot.store.peek(self.thread)
        except StoreDamagedError:
            raise
        except StoreError:
            return False
        return work is None or work.reset_position > self._positions.get(
            message, work.reset_position
        )

    async def _show(self, record: Record) -> None:
        if not isinstance(record, Entry):
            await self._show_answer(record)
        elif record.id in self._waiting:
            self._positions[record.id] = record.position
        elif record.status is not Status.DELETED:
            await self.screen.entry(record)

    async def _show_answer(self, answer: Answer) -> None:
        mine = [message for message, at in self._positions.items() if at <= answer.position]
        await self.screen.answer(answer, mine=bool(mine))
        self.failed |= bool(mine) and answer.kind is not AnswerKind.ANSWER
        for message in mine:
            del self._positions[message]
            waiting = self._waiting.pop(message, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
