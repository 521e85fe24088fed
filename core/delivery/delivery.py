"""What stands on the platform for one turn: its preview, its answer's pieces, and their order.

The platform can't be fenced. So nothing is posted without enough lease left to see the call end,
each post is found again by its key, and who takes a turn over looks before it posts and settles.

A delivery may be begun again under the same lease, after a wait: it goes on where it was.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from core.delivery.port import AS_FILE, Form
from core.delivery.posts import Posts, copies
from core.domain.cancel import CancelScope
from core.domain.errors import (
    ContentRefusedError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    StoppedByUserError,
    StoreError,
    WaitError,
)
from core.domain.tasks import off_loop_if_long
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.delivery.port import DeliveryTarget, Platform, Position
    from core.domain.errors import LeaseLostError
    from core.domain.session import Answer
    from core.store.lease import LeaseHandle

log = logging.getLogger(__name__)

_POSTS = 3
"""How often a post whose end is unclear is tried before the turn's try has failed."""
_FILE: Position = (AS_FILE, Form.CUT, 0)


class Delivery:
    """The messages of one turn on one platform, under one lease."""

    def __init__(self, platform: Platform, hold: LeaseHandle, target: DeliveryTarget) -> None:
        """Start with nothing posted by this lease."""
        self.posted: tuple[str, ...] = ()
        """The ids of the answer's pieces, in order, once delivered."""
        self.answer: Answer | None = None
        """What was delivered."""
        self.size = 0
        """The most tokens that all which no summary covers has, the answer apart; 0 if unknown."""
        self.stopped = CancelScope()
        """Somebody has told the bot to stop answering."""
        self.platform = platform
        self._hold, hold.stopped = hold, self.stopped.set
        self._posts = Posts(platform, hold, target)
        self._taken_over = False
        self._swept = False
        self._stale: set[str] = set()
        """Previews of earlier leases that could not be deleted yet."""
        self._delivering = False
        self._refused = False
        """The platform will not show how the answer grows, however often it is asked."""

    @property
    def target(self) -> DeliveryTarget:
        """Return where the messages of the turn go."""
        return self._posts.target

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
        except (PostRefusedError, ContentRefusedError) as error:
            self._refused = True
            log.info("previews are not shown: %s", error)
        except (PlatformError, StoreError) as error:
            log.info("a preview could not be shown: %s", type(error).__name__)
        return False

    # --- a turn that was begun, or is left ------------------------------------------------------

    async def take_over(self) -> None:
        """Find what an earlier lease posted; unless the answer is recorded, take it away."""
        if self._taken_over:
            return
        self._posts.look = True
        if self._hold.work.state is TurnState.COMMITTED:
            self._posts.unknown = True  # `deliver` looks for what there is of it
        else:
            found = await self._posts.find()
            # That the lease is still ours now proves that nothing found is a successor's.
            await self._hold.renew()
            preview = self._hold.work.preview
            await self._remove({posted.id for posted in found} | ({preview} - {""}))
        self._taken_over = True

    async def clear(self) -> None:
        """Take away all that stands for this turn: nothing is left to answer."""
        found = await self._posts.find() if self._posts.look else ()
        await self._hold.renew()
        ours = {self._hold.preview, self._hold.work.preview, *self._posts.pieces.values()} - {""}
        await self._posts.delete(ours | self._stale | {posted.id for posted in found})
        self._hold.preview = ""
        self._posts.pieces.clear()

    @property
    def leaves_nothing(self) -> bool:
        """Tell whether nothing that this lease made for an open turn can stand on the platform."""
        return not (self._hold.preview or self._posts.look)

    async def put_down(self) -> None:
        """Leave an open turn for a while, without half an answer as far as that can be."""
        if self._hold.preview:
            try:
                await self._posts.delete({self._hold.preview})
                self._hold.preview = ""
            except PlatformError as error:
                log.info("half an answer stays for now: %s", error)
                await self._hold.renew()  # which keeps the preview's id for the next lease

    async def abandon(self, text: str) -> None:
        """Say that the turn's answer can't be posted, and leave no half of it; never raises."""
        pieces = self._posts.pieces.values()
        halves = {self._hold.preview, self._hold.work.preview} - {"", *pieces} | self._stale
        for message in sorted(halves):
            try:
                await self._posts.delete({message})
            except (PlatformError, StoreError) as error:
                log.warning("half an answer stays: %s", error)
        if not await self.platform.tell(self.target, text):
            log.warning("nobody could be told that an answer was not posted")

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
                await self.platform.delete(self.target, message)
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

    async def _remove(self, messages: set[str]) -> None:
        """Delete left-over messages; those that can't be now go before the turn is settled."""
        for message in sorted(messages):
            try:
                await self._posts.delete({message})
            except WaitError:
                self._stale.add(message)

    # --- the answer -----------------------------------------------------------------------------

    async def deliver(self, answer: Answer, form: Form = Form.CUT) -> None:
        """Bring every piece of a recorded answer to its place, once and in order.

        Begins with this form of each piece, and goes on to the next where it is refused. Raises
        what `Platform.post` does; `ContentRefusedError` where every form is refused, a file too.
        """
        self._delivering, cuts = True, self._hold.work.cuts
        piece, text = self.platform.piece, answer.text
        pieces = await off_loop_if_long(
            len(text), lambda: tuple(piece(text, cuts, index) for index in range(len(cuts)))
        )
        self._posts.target = replace(self.target, pieces=pieces)
        if self._posts.unknown:
            self._posts.adopt(await self._posts.find())
            self._posts.unknown = False
        ends_in_file = cuts[-1] < len(text)
        instead = _FILE in self._posts.pieces and not ends_in_file
        for index, words in enumerate(pieces):
            instead = instead or await self._place(index, words, form, answer)
        if ends_in_file:
            await self._post(_FILE, text)
        await self._sweep(pieces)
        standing = self._posts.pieces
        self.posted = tuple(
            standing[position] for position in sorted(standing) if standing[position]
        )
        await self._finish(answer)
        self.answer = answer

    async def _place(self, index: int, text: str, form: Form, answer: Answer) -> bool:
        """Bring one piece to its place, in the first form from this one on that is taken.

        Tells if it had to be a file, which has all of the answer: nothing has to follow.
        """
        standing = self._posts.pieces
        if (index, Form.CUT, 0) in standing:
            return False
        begun = [Form(position[1]) for position in standing if position[0] == index]
        refused: ContentRefusedError | None = None
        for each in Form:
            if each < max([form, *begun]):
                continue
            try:
                await self._in_form(index, text, each)
            except ContentRefusedError as error:
                log.warning("a piece of an answer is posted in another form: %s", error)
                refused = error
                await self._take_away(index)
            else:
                return False
        if refused is None:
            return False
        await self._post(_FILE, answer.text)
        return True

    async def _in_form(self, index: int, text: str, form: Form) -> None:
        if form is Form.CUT:
            await self._as_cut(index, text)
            return
        if index == 0:
            await self._take_preview_away()
        for part, words in enumerate(self.platform.parts(text, form)):
            await self._post((index, form, part), words)

    async def _as_cut(self, index: int, text: str) -> None:
        position, preview = (index, Form.CUT, 0), self._hold.work.preview if index == 0 else ""
        if preview:
            try:
                await self._posts.edit(preview, text, final=True)
            except PostRefusedError:
                await self._take_preview_away()
            else:
                self._posts.pieces[position] = preview
                return
        await self._post(position, text)

    async def _take_preview_away(self) -> None:
        work = self._hold.work
        if work.preview:
            await self._posts.delete({work.preview})
            self._hold.work = replace(work, preview="")
            self._hold.preview = ""

    async def _take_away(self, index: int) -> None:
        """Delete what stands of one piece, which is posted in another form."""
        for position in [position for position in self._posts.pieces if position[0] == index]:
            await self._posts.delete({self._posts.pieces[position]} - {""})
            del self._posts.pieces[position]

    async def _post(self, position: Position, text: str) -> None:
        for attempt in range(_POSTS):
            if position in self._posts.pieces:
                return
            try:
                await self._posts.piece(position, text)
            except PostUnclearError as unclear:
                self._posts.look = True
                self._posts.adopt(await self._posts.find())
                last = attempt == _POSTS - 1 or isinstance(unclear, WaitError)
                if position not in self._posts.pieces and last:
                    raise

    async def _sweep(self, pieces: Sequence[str]) -> None:
        """Remove what an earlier lease, or a call of unclear end, has left beside the answer."""
        if self._swept or not self._posts.look:
            return
        found = await self._posts.find()
        await self._hold.renew()
        ours = set(self._posts.pieces.values())
        previews = {p.id for p in found if p.key.is_preview and p.id not in ours}
        further = {posted.id for posted in copies(found)}
        await self._posts.delete((previews | further | self._stale) - (ours - further))
        first = self._posts.pieces.get((0, Form.CUT, 0))
        for posted in found if self._posts.compare else ():
            if posted.id == first and posted.text != pieces[0]:
                await self._posts.edit(posted.id, pieces[0], final=True)
        self._swept = True

    async def _finish(self, answer: Answer) -> None:
        """Put what goes with the answer there; it stands without where that is refused."""
        file = self._posts.pieces.get(_FILE)
        shown = tuple(id_ for id_ in self.posted if id_ != file)
        if not shown:
            return
        try:
            finishing = self.platform.finish(self.target, answer, shown)
            # Where nothing is posted, there is nothing that a lease has to allow.
            await (finishing if answer.is_bare else self._posts.call(finishing))
        except (WaitError, PostUnclearError):
            raise
        except PlatformError as error:
            log.warning("an answer stands without its notes: %s", error)
