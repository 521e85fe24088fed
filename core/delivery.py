"""What stands on the platform for one turn: its preview, its answer's pieces, and their order.

The platform can't be fenced. So nothing is posted without enough lease left to see the call end,
each post is found again by its key, and who takes a turn over looks before it posts and settles.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.errors import (
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    ReadBackRefusedError,
    StoppedByUserError,
    StoreUnavailableError,
)
from core.platform import AS_FILE, Posted, PostKey
from core.stop import Stop
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from core.errors import LeaseLostError
    from core.lease import Hold
    from core.platform import Platform, Where
    from core.session import Answer

log = logging.getLogger(__name__)

_POSTS = 3
"""How often a post whose end is unclear is tried before the turn's try has failed."""


class Delivery:
    """The messages of one turn on one platform, under one lease."""

    def __init__(self, platform: Platform, hold: Hold, where: Where) -> None:
        """Start with nothing posted by this lease."""
        self.where = where
        self.posted: tuple[str, ...] = ()
        """The ids of the answer's pieces, in order, once delivered."""
        self.answer: Answer | None = None
        """What was delivered."""
        self.size = 0
        """The most tokens that all which no summary covers has, the answer apart; 0 if unknown."""
        self.stopped = Stop()
        """Somebody has told the bot to stop answering."""
        self.platform = platform
        self._hold, hold.stopped = hold, self.stopped.set
        self._pieces: dict[int, str] = {}
        self._delivering = False
        self._refused = False
        """The platform will not show how the answer grows, however often it is asked."""
        self._look = False
        """Something may stand there that we do not know of: look before the turn is settled."""
        self._compare = False
        """An edit may still land on top of the answer: compare before the turn is settled."""

    # --- while the model writes --------------------------------------------------------------

    async def show(self, text: str) -> bool:
        """Show the answer so far; tell whether people see it, or never will: its end is enough."""
        if self._refused:
            return True
        try:
            old = self._hold.preview
            call = self._edit(old, text, final=False) if old else self._post_preview(text)
            await self._call(call)
            return True
        except PostUnclearError:
            self._look = self._compare = True
            self._hold.preview = self._hold.preview or await self._find_preview()
        except StoppedByUserError:
            self.stopped.set()
        except PostRefusedError as error:
            self._refused = True
            log.info("previews are not shown: %s", error)
        except (PlatformError, StoreUnavailableError) as error:
            log.info("a preview could not be shown: %s", type(error).__name__)
        return False

    # --- a turn that somebody had begun ---------------------------------------------------------

    async def take_over(self) -> None:
        """Find what an earlier lease posted; unless the answer is recorded, take it away."""
        self._look = True
        found = await self._find()
        # That the lease is still ours now proves that nothing found is a successor's.
        await self._hold.renew()
        work = self._hold.work
        if work.state is TurnState.COMMITTED:
            return  # `deliver` looks for what there is of it
        await self._delete(
            {posted.id for posted in found} | ({work.preview} if work.preview else set())
        )

    async def clear(self) -> None:
        """Take away all that stands for this turn: nothing is left to answer."""
        found = await self._find() if self._look else ()
        await self._hold.renew()
        ours = {self._hold.preview, self._hold.work.preview, *self._pieces.values()} - {""}
        await self._delete(ours | {posted.id for posted in found})
        self._hold.preview = ""
        self._pieces.clear()

    async def withdraw(self, lost: LeaseLostError) -> None:
        """Take back, of what this lease posted, all that is not part of a recorded answer."""
        mine = set() if lost.recorded and lost.mine else {self._hold.preview} - {""}
        if not lost.recorded:
            mine |= set(self._pieces.values())
        if self._look:
            mine |= await self._left_over(lost)
        # The lease is gone: nothing to wait for, and nobody to tell.
        for message in sorted(mine):
            try:
                await self.platform.delete(self.where, message)
            except PlatformError as error:
                log.warning("a left-over message stays: %s", type(error).__name__)

    async def _left_over(self, lost: LeaseLostError) -> set[str]:
        try:
            found = await self._find()
        except PlatformError:
            return set()
        previews = {p.id for p in found if p.key == self._preview_key()}
        pieces = _copies(found)
        if not lost.recorded and self._delivering:
            # It was recorded, and erased since: nobody will ever post for this turn again. Before
            # that, what we find may be a successor's, who has committed in the meantime.
            pieces = [posted for posted in found if not posted.key.is_preview]
        # Of our own previews, the committed one has become the answer's first piece.
        kept = {self._hold.preview} if lost.recorded and lost.mine else set()
        return (previews - kept) | {posted.id for posted in pieces}

    # --- the answer -----------------------------------------------------------------------------

    async def deliver(self, answer: Answer) -> None:
        """Bring every piece of a recorded answer to its place, once and in order."""
        self._delivering, cuts = True, self._hold.work.cuts
        pieces = tuple(self.platform.piece(answer.text, cuts, i) for i in range(len(cuts)))
        self.where = replace(self.where, pieces=pieces)
        self._adopt(await self._find() if self._look else ())
        for index in sorted(set(range(len(cuts))) - self._pieces.keys()):
            await self._place(index, pieces[index])
        if cuts[-1] < len(answer.text) and AS_FILE not in self._pieces:
            await self._post(AS_FILE, answer.text)
        if self._look:
            await self._sweep(pieces)
        self.posted = tuple(self._pieces[i] for i in sorted(self._pieces) if self._pieces[i])
        shown = tuple(id_ for id_ in self.posted if id_ != self._pieces.get(AS_FILE))
        try:
            await self._call(self.platform.finish(self.where, answer, shown))
        except PostRefusedError as error:
            log.warning("an answer stands without its notes: %s", error)
        self.answer = answer

    async def _place(self, index: int, text: str) -> None:
        preview = self._hold.work.preview if index == 0 else ""
        if preview:
            try:
                await self._call(self._edit(preview, text, final=True))
            except PostRefusedError:
                await self._delete({preview})
            else:
                self._pieces[index] = preview
                return
        await self._post(index, text)

    async def _post(self, index: int, text: str) -> None:
        for attempt in range(_POSTS):
            try:
                await self._call(self._post_piece(index, text))
            except PostUnclearError:
                self._look = True
                self._adopt(await self._find())
                if index not in self._pieces and attempt == _POSTS - 1:
                    raise
            if index in self._pieces:
                return

    async def _sweep(self, pieces: Sequence[str]) -> None:
        found = await self._find()
        await self._hold.renew()
        first = self._pieces.get(0)
        previews = {p.id for p in found if p.key.is_preview and p.id != first}
        await self._delete(previews | {posted.id for posted in _copies(found)})
        for posted in found if self._compare else ():
            if posted.id == first and posted.text != pieces[0]:
                await self._call(self._edit(posted.id, pieces[0], final=True))

    # --- the platform's calls -------------------------------------------------------------------

    async def _post_preview(self, text: str) -> None:
        self._hold.preview = await self.platform.post(self.where, text, self._preview_key())

    async def _post_piece(self, index: int, text: str) -> None:
        key = PostKey(self.where.thread, self.where.turn, piece=index)
        self._pieces[index] = await self.platform.post(self.where, text, key)

    async def _edit(self, message: str, text: str, *, final: bool) -> None:
        await self.platform.edit(self.where, message, text, final=final)

    async def _call(self, call: Coroutine[Any, Any, None]) -> None:
        """Make a call that nothing can fence, and see it end even when the turn is stopped."""
        try:
            await self._hold.need(self.platform.capabilities.call_timeout)
        except BaseException:
            call.close()
            raise
        running = asyncio.ensure_future(call)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            if running.cancelled() or running.exception():
                self._look = self._compare = True
            raise

    async def _find(self) -> tuple[Posted, ...]:
        if not self.platform.capabilities.reads_back:
            return ()
        try:
            return await self.platform.read_back(self.where)
        except ReadBackRefusedError:
            return ()

    async def _find_preview(self) -> str:
        try:
            found = await self._find()
        except PlatformError:
            return ""
        return next((posted.id for posted in found if posted.key == self._preview_key()), "")

    async def _delete(self, messages: set[str]) -> None:
        for message in sorted(messages):
            try:
                await self._call(self.platform.delete(self.where, message))
            except PostRefusedError as error:
                log.warning("a left-over message stays: %s", error)

    def _adopt(self, found: Iterable[Posted]) -> None:
        for posted in found:
            if not posted.key.is_preview:
                self._pieces.setdefault(posted.key.piece, posted.id)

    def _preview_key(self) -> PostKey:
        return PostKey(self.where.thread, self.where.turn, token=self._hold.work.lease.token)


def _copies(found: Iterable[Posted]) -> list[Posted]:
    """Return, of each piece, every copy but the oldest."""
    seen: set[int] = set()
    copies: list[Posted] = []
    for posted in found:
        if not posted.key.is_preview:
            if posted.key.piece in seen:
                copies.append(posted)
            seen.add(posted.key.piece)
    return copies
