"""Commands on a thread for one person, each after checking that the person may do it.

All platforms share it. However the person asked (by a slash, a button or a mention), the platform
shows what these methods return, or the text of the `DeniedError` they raise.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from core.commands import audit
from core.commands.access import (
    NOT_YOURS,
    Right,
    Standing,
    may_forget_own,
    may_forget_whole,
    may_pin,
    may_reset,
    right,
)
from core.commands.commands import stats_lines
from core.commands.export import temp_files
from core.commands.export.exports import UNKNOWN, Exports
from core.commands.export.request import ExportFormat, ExportRequest
from core.commands.memory_view import removable, view_lines
from core.commands.parser import is_pinned
from core.commands.pins import Saying, new_pin
from core.domain.errors import DeniedError
from core.domain.message import Kind
from core.domain.pins import PinKind
from core.domain.session import Entry
from core.domain.text import unlinked

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from core.commands.access import Directory
    from core.commands.commands import Commands
    from core.commands.export.writing import Tell
    from core.domain.clock import Clock
    from core.domain.message import Author, Message, ThreadKey
    from core.domain.pins import Pin
    from core.store.port import Store
    from core.store.values import ThreadInfo

NOT_HEARD = "My settings don't let me listen to you here, so I can't do that for you."
NOT_MEMBER = "You can only reset threads you took part in."
_SHARED = (
    "Other people have written in this thread since you asked. "
    "Ask again to forget your own messages."
)
_NO_MESSAGE = "That message is gone, so there is nothing to pin."
_RECENT = 50
"""The most recent threads to look through for a person's list, so that it comes quickly."""

Extent: TypeAlias = Literal["own", "whole"]
"""What `forget` removes: the person's own messages in a thread, or the whole thread."""


class Remembered(NamedTuple):
    """What the bot remembers of a thread."""

    lines: list[str]
    """All of it in words."""
    pins: tuple[tuple[Pin, str], ...]
    """Each pin, and its line among these words."""
    messages: tuple[tuple[int, str], ...] = ()
    """Each message that the person may remove, by its number, and its line."""


class AuthorizedCommands:
    """Shows, exports, forgets and resets threads for people who have the right to it."""

    def __init__(
        self,
        directory: Directory,
        store: Store,
        commands: Commands,
        clock: Clock,
        *,
        open_private: bool,
        open_unseen: bool = False,
    ) -> None:
        """Create it.

        Args:
            directory: Who may see what on the platform.
            store: Where the threads are.
            commands: The commands themselves, which check no rights.
            clock: Dates the exports and the audit log.
            open_private: Whether admins may reach other people's direct messages.
            open_unseen: Whether admins may reach what the platform does not show them.
        """
        self._directory = directory
        self._store = store
        self._commands = commands
        self._clock = clock
        self._open_private = open_private
        self._open_unseen = open_unseen
        self._exports = Exports(self, directory, store, clock, commands.zone)

    # --- rights ---------------------------------------------------------------------------------

    async def admit(self, person: str, thread: ThreadKey) -> None:
        """Raise `DeniedError` if the bot's settings don't let it listen to a person."""
        if not await self._directory.listens_to(person, thread):
            raise DeniedError(NOT_HEARD)

    async def standing(
        self, person: str, thread: ThreadKey, *, info: ThreadInfo | None = None
    ) -> Standing:
        """Return how a person stands to a thread now; `info` if they are known to have taken part.

        Raises `DeniedError` if the bot does not listen to them.
        """
        directory = self._directory
        if not self._is_ours(thread):
            return Standing(took_part=False, can_see=False)
        await self.admit(person, thread)
        work = await self._store.peek(thread)
        can_see = await directory.can_see(person, thread)
        admin = await directory.is_admin(person, thread)
        return Standing(
            took_part=info is not None or await self.took_part(person, thread),
            can_see=can_see,
            may_enter=admin and not can_see and await directory.may_enter(person, thread),
            admin=admin,
            private=admin and await directory.is_direct(thread),
            people=work.people if work is not None else 0,
        )

    async def took_part(self, person: str, thread: ThreadKey) -> bool:
        """Return whether a person said something in a thread, as far as the store still knows."""
        return await self._info(person, thread) is not None

    async def _info(self, person: str, thread: ThreadKey) -> ThreadInfo | None:
        """Return a thread's counters if a person took part in it."""
        if not self._is_ours(thread):
            return None
        found = await self._commands.threads_of(thread.platform, person, channel=thread.channel)
        return next((info for info in found if info.thread == thread), None)

    async def right(
        self, person: str, thread: ThreadKey, *, info: ThreadInfo | None = None
    ) -> Right:
        """Return the right by which a person may read a thread now."""
        return self.held(await self.standing(person, thread, info=info))

    def _is_ours(self, thread: ThreadKey) -> bool:
        """Return whether a key may name a thread here: the store is asked about no other."""
        return thread.platform == self._directory.name and self._directory.is_ours(thread)

    def held(self, standing: Standing) -> Right:
        """Return the right of a person who stands so to a thread."""
        return right(standing, open_private=self._open_private, open_unseen=self._open_unseen)

    # --- showing --------------------------------------------------------------------------------

    async def threads(self, person: str, limit: int = 10) -> list[ThreadInfo]:
        """Return the threads a person took part in and can still see, the latest first."""
        directory, seen = self._directory, dict[str, bool]()
        found: list[ThreadInfo] = []
        for info in (await self._commands.threads_of(directory.name, person))[:_RECENT]:
            if not directory.is_ours(info.thread):
                continue
            scope = directory.scope(info.thread)
            if scope not in seen:
                listens = await directory.listens_to(person, info.thread)
                seen[scope] = listens and await directory.can_see(person, info.thread)
            if seen[scope]:
                found.append(info)
            if len(found) == limit:
                break
        return found

    async def remembered(self, person: str, thread: ThreadKey) -> Remembered:
        """Return what the bot remembers of a thread, for a person who took part in it.

        Raises `DeniedError` for anyone else, admins included: they read other people's threads
        only by an export, which is audited.
        """
        info = await self._info(person, thread)
        standing = await self.standing(person, thread, info=info)
        if not may_forget_own(standing):
            raise DeniedError(NOT_YOURS)
        view = await self._commands.view(thread, person=person, info=info)
        pins = zip(view.pins, view.pin_lines, strict=True) if view else ()
        messages = removable(view, "" if self._may_forget_whole(standing) else person)
        return Remembered(view_lines(view), tuple(pins), messages)

    async def stats(self, person: str, at: ThreadKey) -> list[str]:
        """Return in words how long the conversations of a workspace, server or DM are.

        `at` is the thread where the person asks. Raises `DeniedError` if the bot does not listen
        to them.
        """
        directory = self._directory
        await self.admit(person, at)

        def counts(thread: ThreadKey) -> bool:
            return self._is_ours(thread) and directory.tenant(thread) == directory.tenant(at)

        return stats_lines(await self._commands.stats(counts))

    # --- acting ---------------------------------------------------------------------------------

    def exported(
        self,
        person: str,
        thread: ThreadKey,
        request: ExportRequest | ExportFormat = ExportFormat.MARKDOWN,
        tell: Tell | None = None,
    ) -> AbstractAsyncContextManager[Path]:
        """Write what a person asks for to a file, which exists for the duration of the block.

        A form alone stands for the thread in this form. See `Exports.file`.
        """
        request = ExportRequest(form=request) if isinstance(request, ExportFormat) else request
        return self._exports.file(person, thread, request, tell)

    async def may_forget(self, person: str, thread: ThreadKey) -> Extent:
        """Return what a person may remove of a thread, to confirm first; raise `DeniedError`."""
        standing = await self.standing(person, thread)
        if self._may_forget_whole(standing):
            return "whole"
        if may_forget_own(standing):
            return "own"
        raise DeniedError(NOT_YOURS)

    async def forget(
        self, person: str, thread: ThreadKey, extent: Extent | int, *, at: float | None = None
    ) -> str:
        """Remove a thread, or what a person said in it, if they still may.

        Repeat it if it was interrupted.

        Args:
            person: The id of the person who asks.
            thread: The thread.
            extent: What the person confirmed to remove; a number is that of one message.
            at: The platform's time of the command, if it has one.

        Returns:
            A sentence that says what was removed.

        Raises:
            DeniedError: The person may not, or no longer may.
        """
        standing = await self.standing(person, thread)
        await asyncio.to_thread(temp_files.sweep)  # also exports that a killed process left behind
        if extent != "own" and self._may_forget_whole(standing):
            if not (may_forget_own(standing) and standing.people == 1):
                now = self._clock.now()
                await audit.record(self._store, "forget", by=person, thread=thread, at=now)
            if isinstance(extent, int):
                return await self._commands.forget_message(thread, extent)
            return await self._commands.forget(thread, at=at)
        if not may_forget_own(standing):
            raise DeniedError(NOT_YOURS)
        if extent == "whole":
            raise DeniedError(_SHARED)
        if isinstance(extent, int):
            return await self._commands.forget_message(thread, extent, person)
        return await self._commands.forget_own(thread, person)

    async def reset(
        self, person: str, thread: ThreadKey, *, at: float | None = None, seen: bool = False
    ) -> str:
        """Reset a thread; return the line that announces it to everyone in the thread.

        Args:
            person: The id of the person who asks.
            thread: The thread.
            at: The platform's time of the command, which makes it safe to repeat.
            seen: The person wrote the command in the thread, so they can see it.

        Raises:
            DeniedError: The person took no part in the thread or can't see it.
        """
        if seen:
            standing = Standing(took_part=await self.took_part(person, thread), can_see=True)
        else:
            standing = await self.standing(person, thread)
        if not may_reset(standing):
            raise DeniedError(NOT_MEMBER)
        said = await self._commands.reset(thread, at=at)
        name = unlinked(await self._directory.name_of(person, thread))
        return f"{name} reset this conversation. {said}"

    async def pin(
        self, thread: ThreadKey, pin: Pin, *, kind: Kind | None = None, seen: bool = False
    ) -> str:
        """Pin a text for its `by`; return a sentence that says so.

        Args:
            thread: The thread.
            pin: The pin.
            kind: The kind of conversation; None if that is unknown.
            seen: The person wrote in the thread that they want it, so they take part and see it.

        Raises:
            DeniedError: The person may not, or it does not fit.
        """
        if not seen:
            standing = await self.standing(pin.by.id, thread)
            if not may_pin(standing):
                raise DeniedError(NOT_YOURS)
            if not standing.people and not await self._directory.is_direct(thread):
                raise DeniedError(UNKNOWN)
        return await self._commands.pins.add(thread, kind or Kind.DM, pin)

    async def pin_message(self, by: Author, thread: ThreadKey, message: str, *, at: float) -> str:
        """Pin the text of a stored message, as it is now; return a sentence that says so.

        Args:
            by: Who pins it.
            thread: The thread.
            message: The platform's id of the message.
            at: When, by the platform's clock.

        Raises:
            DeniedError: The person may not, it does not fit, or the message is gone.
        """
        if await self.right(by.id, thread) is not Right.OWN:
            raise DeniedError(NOT_YOURS)
        async for record in self._store.records(thread):
            if isinstance(record, Entry) and record.platform_id == message and record.text:
                said = Saying(
                    text=record.text,
                    author=record.author,
                    at=record.sent_at,
                    source=message,
                    edited_at=record.edited_at,
                )
                made = new_pin(PinKind.MESSAGE, said, by, at=at, key=message)
                return await self.pin(thread, made)
        raise DeniedError(_NO_MESSAGE)

    async def may_offer(self, message: Message) -> bool:
        """Return whether a message could be pinned, and is not yet."""
        pins = self._commands.pins
        there = await pins.of(message.thread)
        return pins.has_room(there, message.text) and not is_pinned(message.text, there)

    async def unpin(self, person: str, thread: ThreadKey, pin: str) -> str:
        """Remove a pin, by its id or its number, for a person who may see what is remembered.

        Returns a sentence that says so. Raises `DeniedError` if they may not.
        """
        if await self.right(person, thread) is not Right.OWN:
            raise DeniedError(NOT_YOURS)
        return await self._commands.pins.remove(thread, pin)

    def _may_forget_whole(self, standing: Standing) -> bool:
        return may_forget_whole(
            standing, open_private=self._open_private, open_unseen=self._open_unseen
        )
