"""What is done with a thread on somebody's word, if they may: the same on every platform.

By whatever way the word came (a slash, a button, a mention), the platform shows what these
methods return, and the text of `DeniedError` where they raise it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from core.commands import audit, temp_files
from core.commands.access import (
    Right,
    Standing,
    may_forget_own,
    may_forget_whole,
    may_reset,
    right,
)
from core.commands.commands import stats_lines, view_lines
from core.commands.export import Form, export_to
from core.domain.errors import DeniedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from core.commands.commands import Commands
    from core.domain.clock import Clock
    from core.domain.message import ThreadKey
    from core.store.port import Store
    from core.store.values import ThreadInfo

NOT_YOURS = "You can only do this with threads you took part in and can still see."
NOT_HEARD = "My settings don't let me listen to you here, so I can't do that for you."
NOT_MEMBER = "You can only reset threads you took part in."
_SHARED = (
    "Other people have written in this thread since you asked. "
    "Ask again to forget your own messages."
)
_UNKNOWN = "I have no conversation there."
_RECENT = 50
"""Threads that a person's list is chosen from, so that it is there soon."""

Extent: TypeAlias = Literal["own", "whole"]
"""What a `forget` removes: one's own messages in a thread, or the thread."""


class Directory(Protocol):
    """Who is where and who is who on one platform, asked of it at the moment of each command.

    Each may raise `PlatformError` when the platform can't be asked now.
    """

    name: str
    """The platform, as in `ThreadKey.platform`."""

    def is_ours(self, thread: ThreadKey) -> bool:
        """Tell whether a thread is where the bot is now; another workspace's is nobody's here."""

    def circle(self, thread: ThreadKey) -> str:
        """Return whose figures a thread belongs to: a workspace's, a server's, a DM's."""

    def scope(self, thread: ThreadKey) -> str:
        """Return what sight depends on: threads of one scope are seen by the same people."""

    async def listens_to(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether the bot listens to a person where a thread is, by its settings.

        A person who may not talk to it there may have nothing done there by any other way either.
        """

    async def is_direct(self, thread: ThreadKey) -> bool:
        """Tell whether a thread is a direct message, now; True where that can't be told."""

    async def may_enter(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether the platform lets a person who is not in a thread's place come in."""

    async def can_see(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether the platform shows somebody a thread, now; False where it can't be told."""

    async def is_admin(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody is an admin where a thread is, by the settings or by role."""

    async def name_of(self, person: str, thread: ThreadKey) -> str:
        """Return what somebody is called there; their id where that is not known."""


class AuthorizedCommands:
    """Shows, exports, forgets and resets threads for those who may."""

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
        """Act on `store`; `open_private` lets admins reach other people's direct messages.

        `open_unseen` lets them reach what the platform does not show them.
        """
        self._directory = directory
        self._store = store
        self._commands = commands
        self._clock = clock
        self._open_private = open_private
        self._open_unseen = open_unseen

    # --- who may --------------------------------------------------------------------------------

    async def admit(self, person: str, thread: ThreadKey) -> None:
        """Raise `DeniedError` if the bot does not listen to a person."""
        if not await self._directory.listens_to(person, thread):
            raise DeniedError(NOT_HEARD)

    async def standing(self, person: str, thread: ThreadKey) -> Standing:
        """Return how a person stands to a thread now.

        Raises `DeniedError` where the bot does not listen to them.
        """
        where = self._directory
        if thread.platform != where.name or not where.is_ours(thread):
            return Standing(took_part=False, can_see=False)
        await self.admit(person, thread)
        work = await self._store.peek(thread)
        can_see = await where.can_see(person, thread)
        admin = await where.is_admin(person, thread)
        return Standing(
            took_part=await self.took_part(person, thread),
            can_see=can_see,
            may_enter=admin and not can_see and await where.may_enter(person, thread),
            admin=admin,
            private=admin and await where.is_direct(thread),
            people=work.people if work is not None else 0,
        )

    async def took_part(self, person: str, thread: ThreadKey) -> bool:
        """Tell whether somebody said something in a thread, as far as that is kept."""
        found = await self._commands.threads_of(thread.platform, person, place=thread.place)
        return any(info.thread == thread for info in found)

    async def right(self, person: str, thread: ThreadKey) -> Right:
        """Return by what right somebody may read a thread now."""
        standing = await self.standing(person, thread)
        return right(standing, open_private=self._open_private, open_unseen=self._open_unseen)

    # --- showing --------------------------------------------------------------------------------

    async def threads(self, person: str, limit: int = 10) -> list[ThreadInfo]:
        """Return the threads that somebody took part in and still sees, the latest first."""
        where, seen = self._directory, dict[str, bool]()
        found: list[ThreadInfo] = []
        for info in (await self._commands.threads_of(where.name, person))[:_RECENT]:
            if not where.is_ours(info.thread):
                continue
            scope = where.scope(info.thread)
            if scope not in seen:
                listens = await where.listens_to(person, info.thread)
                seen[scope] = listens and await where.can_see(person, info.thread)
            if seen[scope]:
                found.append(info)
            if len(found) == limit:
                break
        return found

    async def remembered(self, person: str, thread: ThreadKey) -> list[str]:
        """Return what is remembered of a thread in words; raise `DeniedError` to others.

        Admins too read others' threads only by an export, which is audited.
        """
        if await self.right(person, thread) is not Right.OWN:
            raise DeniedError(NOT_YOURS)
        return view_lines(await self._commands.view(thread))

    async def stats(self, person: str, at: ThreadKey) -> list[str]:
        """Return in words how long conversations are, of those around the one it is asked in.

        Raises `DeniedError` where the bot does not listen to who asks.
        """
        where = self._directory
        await self.admit(person, at)

        def counts(thread: ThreadKey) -> bool:
            here = thread.platform == where.name and where.is_ours(thread)
            return here and where.circle(thread) == where.circle(at)

        return stats_lines(await self._commands.stats(counts))

    # --- doing ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def exported(
        self, person: str, thread: ThreadKey, form: Form = Form.MARKDOWN
    ) -> AsyncGenerator[Path, None]:
        """Give a conversation as a file, which is there as long as the block.

        Raises `DeniedError`, and `OSError` where there is no room for the file.
        """
        held = await self.right(person, thread)
        if held is Right.NONE:
            raise DeniedError(NOT_YOURS)
        if await self._store.peek(thread) is None:
            raise DeniedError(_UNKNOWN)
        if held is Right.ADMIN:
            await self._audit("export", person, thread)
        with temp_files.folder() as folder:
            file = folder / f"conversation.{'json' if form is Form.JSON else 'md'}"
            yield await export_to(self._store, thread, str(file), at=self._clock.now(), form=form)

    async def may_forget(self, person: str, thread: ThreadKey) -> Extent:
        """Return what somebody may remove of a thread, to be asked first; or `DeniedError`."""
        standing = await self.standing(person, thread)
        if self._may_forget_whole(standing):
            return "whole"
        if may_forget_own(standing):
            return "own"
        raise DeniedError(NOT_YOURS)

    async def forget(
        self, person: str, thread: ThreadKey, extent: Extent, *, at: float | None = None
    ) -> str:
        """Remove a thread, or what somebody said in it, if they may still; say what was done.

        `at` is the platform's time of the command, where there is one. To be repeated where it
        broke off. Raises `DeniedError`.
        """
        standing = await self.standing(person, thread)
        await asyncio.to_thread(temp_files.sweep)  # an export that a killed process has left, too
        if extent == "whole" and self._may_forget_whole(standing):
            if not (may_forget_own(standing) and standing.people == 1):
                await self._audit("forget", person, thread)
            return await self._commands.forget(thread, at=at)
        if not may_forget_own(standing):
            raise DeniedError(NOT_YOURS)
        if extent == "whole":
            raise DeniedError(_SHARED)
        return await self._commands.forget_own(thread, person)

    async def reset(
        self, person: str, thread: ThreadKey, *, at: float | None = None, seen: bool = False
    ) -> str:
        """Begin a thread anew; return the line that has to be said in it, for all who are there.

        `at` is the platform's time of the command, so that it may be repeated. `seen`: it was
        said in the thread, so the platform need not be asked who sees it. Raises `DeniedError`.
        """
        if seen:
            standing = Standing(took_part=await self.took_part(person, thread), can_see=True)
        else:
            standing = await self.standing(person, thread)
        if not may_reset(standing):
            raise DeniedError(NOT_MEMBER)
        said = await self._commands.reset(thread, at=at)
        name = await self._directory.name_of(person, thread)
        return f"{name} reset this conversation. {said}"

    def _may_forget_whole(self, standing: Standing) -> bool:
        return may_forget_whole(
            standing, open_private=self._open_private, open_unseen=self._open_unseen
        )

    async def _audit(self, what: Literal["export", "forget"], by: str, thread: ThreadKey) -> None:
        await audit.note(self._store, what, by=by, thread=thread, at=self._clock.now())
