"""The posts of one turn under one lease: the calls that make, change and find them.

The platform can't be fenced. So nothing is posted without enough lease left to see the call end, a
call ends with the lease that allowed it, and each post is found again by its key.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from core.delivery.port import Form, Position, Posted, PostKey
from core.domain.errors import (
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    ReadBackRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from core.delivery.port import DeliveryTarget, Platform
    from core.domain.clock import Clock
    from core.store.lease import LeaseHandle

log = logging.getLogger(__name__)

_PART_OF_LEASE = 0.6
"""The part of a lease that has to be left for a call to begin, where that is less than the call may
take. A lease is renewed while the call runs, and the call ends where that fails."""


class Posts:
    """What this lease has posted for a turn, as far as it knows."""

    def __init__(self, platform: Platform, hold: LeaseHandle, target: DeliveryTarget) -> None:
        """Start with nothing posted by this lease."""
        self.target = target
        self.pieces: dict[Position, str] = {}
        """The ids of the answer's posts that stand, by their positions."""
        self.unknown = False
        """Another lease may have posted pieces of the answer: look before posting any."""
        self.look = False
        """Something may stand there that we do not know of: look before the turn is settled."""
        self.compare = False
        """An edit may still land on top of the answer: compare before the turn is settled."""
        self._platform = platform
        self._hold = hold

    @property
    def preview_key(self) -> PostKey:
        """Return the key of this lease's preview."""
        return PostKey(self.target.thread, self.target.turn, token=self._hold.work.lease.token)

    async def preview(self, text: str) -> None:
        """Post the preview."""
        await self.call(self._post_preview(text))

    async def piece(self, position: Position, text: str) -> None:
        """Post a piece of the answer, or a part of one."""
        await self.call(self._post_piece(position, text))

    async def edit(self, message: str, text: str, *, final: bool) -> None:
        """Change one of our messages."""
        await self.call(self._edit(message, text, final=final))

    async def delete(self, messages: set[str]) -> None:
        """Take messages of ours away; one that the platform keeps stays."""
        for message in sorted(messages):
            try:
                await self.call(self._platform.delete(self.target, message))
            except PostRefusedError as error:
                log.warning("a left-over message stays: %s", error)

    async def call(self, call: Coroutine[Any, Any, None]) -> None:
        """Make a call that nothing can fence, and see it end even when the turn is stopped.

        It ends when the lease does: a process that was paused must not begin or go on with what
        another has taken over.
        """
        hold = self._hold
        try:
            await hold.need(self._needed)
        except BaseException:
            call.close()
            raise
        running = asyncio.ensure_future(self._within_lease(call))
        ended = _Deadline(running, hold.left, hold.clock)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if ended.reached:
                self.look = self.compare = True
                raise PostUnclearError("the lease ran out before a call came to its end") from None
            await asyncio.wait({running})
            if running.cancelled() or running.exception():
                self.look = self.compare = True
            raise
        finally:
            ended.over()
            if hold.left() <= 0:  # paused meanwhile: a successor may have posted the same
                self.look = True

    async def find(self) -> tuple[Posted, ...]:
        """Return the messages of ours that stand for the turn, as far as we may look."""
        if not self._platform.capabilities.reads_back:
            return ()
        try:
            return await self._platform.read_back(self.target)
        except ReadBackRefusedError:
            return ()

    async def find_preview(self) -> str:
        """Return the id of this lease's preview; empty when it is not found."""
        try:
            found = await self.find()
        except PlatformError:
            return ""
        return next((posted.id for posted in found if posted.key == self.preview_key), "")

    def adopt(self, found: Iterable[Posted]) -> None:
        """Take pieces that were found for ours."""
        for posted in found:
            if not posted.key.is_preview:
                self.pieces.setdefault(posted.key.position, posted.id)

    @property
    def _needed(self) -> float:
        seconds = self._platform.capabilities.call_timeout
        return min(seconds, _PART_OF_LEASE * self._hold.seconds)

    async def _within_lease(self, call: Coroutine[Any, Any, None]) -> None:
        if self._hold.left() <= 0:
            call.close()
            raise PostUnclearError("the lease ran out before a call began")
        await call

    async def _post_preview(self, text: str) -> None:
        self._hold.preview = await self._platform.post(self.target, text, self.preview_key)

    async def _post_piece(self, position: Position, text: str) -> None:
        piece, form, part = position
        key = PostKey(self.target.thread, self.target.turn, piece=piece, form=Form(form), part=part)
        self.pieces[position] = await self._platform.post(self.target, text, key)

    async def _edit(self, message: str, text: str, *, final: bool) -> None:
        await self._platform.edit(self.target, message, text, final=final)


class _Deadline:
    """Cancels a call when its lease has run out; renewals move that time on."""

    def __init__(
        self, running: asyncio.Future[None], left: Callable[[], float], clock: Clock
    ) -> None:
        self.reached = False
        self._running = running
        self._left = left
        self._clock = clock
        self.over = clock.later(left(), self._look)

    def _look(self) -> None:
        left = self._left()
        if left > 0:
            self.over = self._clock.later(left, self._look)
        elif not self._running.done():
            self.reached = True
            self._running.cancel()


def copies(found: Iterable[Posted]) -> list[Posted]:
    """Return, of each piece, every copy but the oldest."""
    seen: set[Position] = set()
    further: list[Posted] = []
    for posted in found:
        if not posted.key.is_preview:
            if posted.key.position in seen:
                further.append(posted)
            seen.add(posted.key.position)
    return further
