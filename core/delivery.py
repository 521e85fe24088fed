"""What stands on the platform for one turn: its preview, its answer's pieces, and their order.

The platform can't be fenced. So nothing is posted without enough lease left to see the call end,
each post is found again by its key, and who takes a turn over looks before it posts and settles.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from core.aside import aside
from core.errors import (
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    StoppedByUserError,
    StoreError,
)
from core.platform import AS_FILE
from core.posts import Posts, copies
from core.stop import Stop
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._posts = Posts(platform, hold, where)
        self._delivering = False
        self._refused = False
        """The platform will not show how the answer grows, however often it is asked."""

    @property
    def where(self) -> Where:
        """Return where the messages of the turn go."""
        return self._posts.where

    # --- while the model writes --------------------------------------------------------------

    async def show(self, text: str) -> bool:
        """Show the answer so far; tell whether people see it, or never will: its end is enough."""
        if self._refused:
            return True
        posts, old = self._posts, self._hold.preview
        try:
            await (posts.edit(old, text, final=False) if old else posts.preview(text))
            return True
        except PostUnclearError:
            posts.look = posts.compare = True
            self._hold.preview = self._hold.preview or await posts.find_preview()
        except StoppedByUserError:
            self.stopped.set()
        except PostRefusedError as error:
            self._refused = True
            log.info("previews are not shown: %s", error)
        except (PlatformError, StoreError) as error:
            log.info("a preview could not be shown: %s", type(error).__name__)
        return False

    # --- a turn that somebody had begun ---------------------------------------------------------

    async def take_over(self) -> None:
        """Find what an earlier lease posted; unless the answer is recorded, take it away."""
        self._posts.look = True
        found = await self._posts.find()
        # That the lease is still ours now proves that nothing found is a successor's.
        await self._hold.renew()
        work = self._hold.work
        if work.state is TurnState.COMMITTED:
            return  # `deliver` looks for what there is of it
        await self._posts.delete(
            {posted.id for posted in found} | ({work.preview} if work.preview else set())
        )

    async def clear(self) -> None:
        """Take away all that stands for this turn: nothing is left to answer."""
        found = await self._posts.find() if self._posts.look else ()
        await self._hold.renew()
        ours = {self._hold.preview, self._hold.work.preview, *self._posts.pieces.values()} - {""}
        await self._posts.delete(ours | {posted.id for posted in found})
        self._hold.preview = ""
        self._posts.pieces.clear()

    async def withdraw(self, lost: LeaseLostError) -> None:
        """Take back, of what this lease posted, all that is not part of a recorded answer."""
        mine = set() if lost.recorded and lost.mine else {self._hold.preview} - {""}
        if not lost.recorded:
            mine |= set(self._posts.pieces.values())
        if self._posts.look:
            mine |= await self._left_over(lost)
        # The lease is gone: nothing to wait for, and nobody to tell.
        for message in sorted(mine):
            try:
                await self.platform.delete(self.where, message)
            except PlatformError as error:
                log.warning("a left-over message stays: %s", type(error).__name__)

    async def _left_over(self, lost: LeaseLostError) -> set[str]:
        try:
            found = await self._posts.find()
        except PlatformError:
            return set()
        previews = {p.id for p in found if p.key == self._posts.preview_key}
        pieces = copies(found)
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
        piece, text = self.platform.piece, answer.text
        pieces = await aside(
            len(text), lambda: tuple(piece(text, cuts, index) for index in range(len(cuts)))
        )
        self._posts.where = replace(self.where, pieces=pieces)
        self._posts.adopt(await self._posts.find() if self._posts.look else ())
        for index in sorted(set(range(len(cuts))) - self._posts.pieces.keys()):
            await self._place(index, pieces[index])
        if cuts[-1] < len(answer.text) and AS_FILE not in self._posts.pieces:
            await self._post(AS_FILE, answer.text)
        if self._posts.look:
            await self._sweep(pieces)
        self.posted = tuple(
            self._posts.pieces[i] for i in sorted(self._posts.pieces) if self._posts.pieces[i]
        )
        shown = tuple(id_ for id_ in self.posted if id_ != self._posts.pieces.get(AS_FILE))
        try:
            await self._posts.call(self.platform.finish(self.where, answer, shown))
        except PostRefusedError as error:
            log.warning("an answer stands without its notes: %s", error)
        self.answer = answer

    async def _place(self, index: int, text: str) -> None:
        preview = self._hold.work.preview if index == 0 else ""
        if preview:
            try:
                await self._posts.edit(preview, text, final=True)
            except PostRefusedError:
                await self._posts.delete({preview})
            else:
                self._posts.pieces[index] = preview
                return
        await self._post(index, text)

    async def _post(self, index: int, text: str) -> None:
        for attempt in range(_POSTS):
            try:
                await self._posts.piece(index, text)
            except PostUnclearError:
                self._posts.look = True
                self._posts.adopt(await self._posts.find())
                if index not in self._posts.pieces and attempt == _POSTS - 1:
                    raise
            if index in self._posts.pieces:
                return

    async def _sweep(self, pieces: Sequence[str]) -> None:
        found = await self._posts.find()
        await self._hold.renew()
        first = self._posts.pieces.get(0)
        previews = {p.id for p in found if p.key.is_preview and p.id != first}
        await self._posts.delete(previews | {posted.id for posted in copies(found)})
        for posted in found if self._posts.compare else ():
            if posted.id == first and posted.text != pieces[0]:
                await self._posts.edit(posted.id, pieces[0], final=True)
