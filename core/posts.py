"""The posts of one turn under one lease: the calls that make, change and find them.

The platform can't be fenced. So nothing is posted without enough lease left to see the call end,
and each post is found again by its key.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from core.errors import PlatformError, PostRefusedError, ReadBackRefusedError
from core.platform import Posted, PostKey

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from core.lease import Hold
    from core.platform import Platform, Where

log = logging.getLogger(__name__)


class Posts:
    """What this lease has posted for a turn, as far as it knows."""

    def __init__(self, platform: Platform, hold: Hold, where: Where) -> None:
        """Start with nothing posted by this lease."""
        self.where = where
        self.pieces: dict[int, str] = {}
        """The ids of the answer's pieces that stand, by their numbers."""
        self.look = False
        """Something may stand there that we do not know of: look before the turn is settled."""
        self.compare = False
        """An edit may still land on top of the answer: compare before the turn is settled."""
        self._platform = platform
        self._hold = hold

    @property
    def preview_key(self) -> PostKey:
        """Return the key of this lease's preview."""
        return PostKey(self.where.thread, self.where.turn, token=self._hold.work.lease.token)

    async def preview(self, text: str) -> None:
        """Post the preview."""
        await self.call(self._post_preview(text))

    async def piece(self, index: int, text: str) -> None:
        """Post a piece of the answer."""
        await self.call(self._post_piece(index, text))

    async def edit(self, message: str, text: str, *, final: bool) -> None:
        """Change one of our messages."""
        await self.call(self._edit(message, text, final=final))

    async def delete(self, messages: set[str]) -> None:
        """Take messages of ours away; one that the platform keeps stays."""
        for message in sorted(messages):
            try:
                await self.call(self._platform.delete(self.where, message))
            except PostRefusedError as error:
                log.warning("a left-over message stays: %s", error)

    async def call(self, call: Coroutine[Any, Any, None]) -> None:
        """Make a call that nothing can fence, and see it end even when the turn is stopped."""
        try:
            await self._hold.need(self._platform.capabilities.call_timeout)
        except BaseException:
            call.close()
            raise
        running = asyncio.ensure_future(call)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            if running.cancelled() or running.exception():
                self.look = self.compare = True
            raise

    async def find(self) -> tuple[Posted, ...]:
        """Return the messages of ours that stand for the turn, as far as we may look."""
        if not self._platform.capabilities.reads_back:
            return ()
        try:
            return await self._platform.read_back(self.where)
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
                self.pieces.setdefault(posted.key.piece, posted.id)

    async def _post_preview(self, text: str) -> None:
        self._hold.preview = await self._platform.post(self.where, text, self.preview_key)

    async def _post_piece(self, index: int, text: str) -> None:
        key = PostKey(self.where.thread, self.where.turn, piece=index)
        self.pieces[index] = await self._platform.post(self.where, text, key)

    async def _edit(self, message: str, text: str, *, final: bool) -> None:
        await self._platform.edit(self.where, message, text, final=final)


def copies(found: Iterable[Posted]) -> list[Posted]:
    """Return, of each piece, every copy but the oldest."""
    seen: set[int] = set()
    further: list[Posted] = []
    for posted in found:
        if not posted.key.is_preview:
            if posted.key.piece in seen:
                further.append(posted)
            seen.add(posted.key.piece)
    return further
