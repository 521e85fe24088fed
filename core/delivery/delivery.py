"""The messages of one turn on the platform: its preview, the pieces of its answer, their order.

A platform can't be fenced, so each call on it runs only while the lease is held, and each post is
found again by its key. A worker that takes a turn over reads back what was posted before it posts
anything, and again before it settles the turn.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from core.delivery.port import AS_FILE, HALF_STAYS, Form, PostKey, copies
from core.domain.errors import (
    ContentRefusedError,
    PlatformError,
    PostRefusedError,
    PostUnclearError,
    ReadBackRefusedError,
    StoppedByUserError,
    StoreError,
    WaitError,
)
from core.domain.tasks import off_loop_if_long
from core.store.values import TurnState

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence
    from typing import Any

    from core.delivery.port import DeliveryTarget, Platform, Position, Posted
    from core.domain.errors import LeaseLostError
    from core.domain.session import Answer
    from core.domain.tasks import CancelScope
    from core.store.lease import LeaseHandle

log = logging.getLogger(__name__)

_POSTS = 3
"""How often a post whose end is unclear is tried before the turn's try has failed."""
_FIRST: Position = (0, Form.CUT, 0)
_FILE: Position = (AS_FILE, Form.CUT, 0)


class Delivery:
    """Posts, edits, finds and deletes the messages of one turn, under one lease.

    After a wait, a delivery may be called again under the same lease: it goes on where it was.
    """

    def __init__(
        self, platform: Platform, lease: LeaseHandle, target: DeliveryTarget, stopped: CancelScope
    ) -> None:
        """Start with nothing posted by this lease; `stopped` ends the answer where it is."""
        self.posted: tuple[str, ...] = ()
        """The ids of the answer's messages, in order, once delivered."""
        self.answer: Answer | None = None
        """The answer, once delivered."""
        self.size = 0
        """The most tokens that everything no summary covers has, the answer aside; 0 if unknown."""
        self.stopped = stopped
        """Set when a person tells the bot to stop answering."""
        self.platform = platform
        self.target = target
        self._lease = lease
        self._pieces: dict[Position, str] = {}
        """The ids of the answer's posts that exist, as far as this lease knows."""
        self._stale: set[str] = set()
        """Previews of earlier leases that could not be deleted yet."""
        self._kept: set[str] = set()
        """Left-over messages that the platform neither deletes nor changes."""
        self.took_away: bool | None = None
        """Whether it has taken away what earlier leases posted; None if it has not looked."""
        self._is_delivering = False
        self._is_swept = False
        self._previews_refused = False
        self._pieces_unknown = False
        """Another lease may have posted pieces: read back before posting any."""
        self._posts_unknown = False
        """There may be posts that this lease does not know of: read back before settling."""
        self._edits_unknown = False
        """An edit may still land on top of the answer: compare its text before settling."""

    # --- while the model writes -----------------------------------------------------------------

    async def show(self, text: str) -> bool:
        """Show the answer so far as a preview.

        Returns False if it is worth trying again; True if it is shown, or if no preview is wanted.
        """
        if self._previews_refused:
            return True
        try:
            if self._lease.preview:
                await self._edit(self._lease.preview, text, final=False)
            else:
                await self._call(self._post_preview(text))
            return True
        except PostUnclearError:
            self._lease.preview = self._lease.preview or await self._find_preview()
        except StoppedByUserError:
            self.stopped.set()
        except (PostRefusedError, ContentRefusedError) as error:
            self._previews_refused = True
            log.info("previews are not shown: %s", error)
        except (PlatformError, StoreError) as error:
            log.info("a preview could not be shown: %s", type(error).__name__)
        return False

    # --- a turn that was started before, or is left ---------------------------------------------

    async def take_over(self) -> None:
        """Find what an earlier lease posted; unless the answer is recorded, delete it."""
        if self.took_away is not None:
            return
        stale: set[str] = set()
        self._posts_unknown = True
        if self._lease.work.state is TurnState.COMMITTED:
            self._pieces_unknown = True  # `deliver` reads them back
        else:
            found = await self._find()
            # That the lease is still ours now proves that nothing found is a successor's.
            await self._lease.renew()
            stale = {posted.id for posted in found} | ({self._lease.work.preview} - {""})
            for message in sorted(stale):
                try:
                    await self._delete({message})
                except WaitError:
                    self._stale.add(message)
        self.took_away = bool(stale)

    async def clear(self) -> None:
        """Delete everything that was posted for this turn: nothing is left to answer."""
        found = await self._find() if self._posts_unknown else ()
        await self._lease.renew()
        ours = {self._lease.preview, self._lease.work.preview, *self._pieces.values()} - {""}
        await self._delete(ours | self._stale | {posted.id for posted in found})
        self._lease.preview = ""
        self._pieces.clear()

    @property
    def leaves_nothing(self) -> bool:
        """Return whether this lease has left nothing on the platform, if the turn is still open."""
        return not (self._lease.preview or self._posts_unknown)

    async def put_down(self) -> None:
        """Leave an open turn for a while; delete its unfinished answer if possible."""
        if self._lease.preview:
            try:
                await self._delete({self._lease.preview})
                self._lease.preview = ""
            except PlatformError as error:
                log.info("an unfinished answer stays for now: %s", error)
                await self._lease.renew()  # which stores the preview's id for the next lease

    async def abandon(self, text: str) -> None:
        """Post `text`, which says that the answer can't be; delete its preview. Never raises."""
        pieces = self._pieces.values()
        previews = {self._lease.preview, self._lease.work.preview} - {"", *pieces} | self._stale
        for message in sorted(previews):
            try:
                await self._delete({message})
            except (PlatformError, StoreError) as error:
                log.warning("an unfinished answer stays: %s", error)
        if not await self.platform.tell(self.target, text):
            log.warning("nobody could be told that an answer was not posted")

    async def withdraw(self, lost: LeaseLostError) -> None:
        """After the lease is lost, delete what it posted that is not part of a recorded answer."""
        ours = set() if lost.recorded and lost.mine else {self._lease.preview} - {""}
        if not lost.recorded:
            ours |= set(self._pieces.values())
        if self._posts_unknown:
            ours |= await self._left_over(lost)
        # The lease is gone: there is nothing to wait for, and nobody to tell.
        for message in sorted(ours):
            try:
                await self.platform.delete(self.target, message)
            except PlatformError as error:
                log.warning("a left-over message stays: %s", type(error).__name__)

    async def _left_over(self, lost: LeaseLostError) -> set[str]:
        """Return the messages on the platform that only this lease can have left."""
        try:
            found = await self._find()
        except PlatformError:
            return set()
        previews = {posted.id for posted in found if posted.key == self._preview_key}
        if lost.recorded and lost.mine:  # the committed preview is the answer's first piece
            previews -= {self._lease.preview}
        pieces = copies(found)
        if not lost.recorded and self._is_delivering:
            # The answer was recorded, and erased since: nobody will ever post for this turn again.
            # Before that, what is found may be a successor's who has committed meanwhile.
            pieces = [posted for posted in found if not posted.key.is_preview]
        return previews | {posted.id for posted in pieces}

    # --- the answer -----------------------------------------------------------------------------

    async def deliver(self, answer: Answer, form: Form = Form.CUT) -> None:
        """Post every piece of a recorded answer once, and in order.

        Starts with this form of each piece, and tries the next form if one is refused. Raises what
        `Platform.post` does; `ContentRefusedError` if every form is refused, and a file too.
        """
        self._is_delivering, cuts = True, self._lease.work.cuts
        piece, text = self.platform.piece, answer.text
        pieces = await off_loop_if_long(
            len(text), lambda: tuple(piece(text, cuts, index) for index in range(len(cuts)))
        )
        self.target = replace(self.target, pieces=pieces)
        if self._pieces_unknown:
            self._adopt(await self._find())
            self._pieces_unknown = False
        ends_in_file = cuts[-1] < len(text)
        is_file = _FILE in self._pieces and not ends_in_file
        for index, words in enumerate(pieces):
            is_file = is_file or await self._post_in_some_form(index, words, form, answer)
        if ends_in_file:
            await self._post(_FILE, text)
        await self._sweep(pieces)
        self.posted = tuple(id_ for _, id_ in sorted(self._pieces.items()) if id_)
        await self._finish(answer)
        if self._kept:
            await self.platform.tell(self.target, HALF_STAYS)
        self.answer = answer

    async def _post_in_some_form(self, index: int, text: str, form: Form, answer: Answer) -> bool:
        """Post one piece in the first form, from this one on, that the platform takes.

        Returns whether it had to be a file, which holds the whole answer: nothing has to follow.
        """
        if (index, Form.CUT, 0) in self._pieces:
            return False
        started = [Form(position[1]) for position in self._pieces if position[0] == index]
        refused: ContentRefusedError | None = None
        for each in Form:
            if each < max([form, *started]):
                continue
            try:
                await self._post_in_form(index, text, each)
            except ContentRefusedError as error:
                log.warning("a piece of an answer is posted in another form: %s", error)
                refused = error
                await self._delete_piece(index)
            else:
                return False
        if refused is None:
            return False
        await self._post(_FILE, answer.text)
        return True

    async def _post_in_form(self, index: int, text: str, form: Form) -> None:
        if form is Form.CUT:
            await self._post_as_cut(index, text)
            return
        if index == 0:
            await self._delete_preview()
        for part, words in enumerate(self.platform.parts(text, form)):
            await self._post((index, form, part), words)

    async def _post_as_cut(self, index: int, text: str) -> None:
        position, preview = (index, Form.CUT, 0), self._lease.work.preview if index == 0 else ""
        if preview:
            try:
                await self._edit(preview, text, final=True)
            except PostRefusedError:
                await self._delete_preview()
            else:
                self._pieces[position] = preview
                return
        await self._post(position, text)

    async def _post(self, position: Position, text: str) -> None:
        for attempt in range(_POSTS):
            if position in self._pieces:
                return
            try:
                await self._call(self._post_piece(position, text))
            except PostUnclearError as unclear:
                self._adopt(await self._find())
                is_last = attempt == _POSTS - 1 or isinstance(unclear, WaitError)
                if position not in self._pieces and is_last:
                    raise

    async def _delete_preview(self) -> None:
        work = self._lease.work
        if work.preview:
            await self._delete({work.preview})
            self._lease.work = replace(work, preview="")
            self._lease.preview = ""

    async def _delete_piece(self, index: int) -> None:
        for position in [position for position in self._pieces if position[0] == index]:
            await self._delete({self._pieces[position]} - {""})
            del self._pieces[position]

    async def _sweep(self, pieces: Sequence[str]) -> None:
        """Delete what earlier leases, or calls with unclear ends, have left beside the answer."""
        if self._is_swept or not self._posts_unknown:
            return
        found = await self._find()
        await self._lease.renew()
        ours = set(self._pieces.values())
        previews = {posted.id for posted in found if posted.key.is_preview} - ours
        twice = {posted.id for posted in copies(found)}
        await self._delete((previews | twice | self._stale) - (ours - twice))
        for posted in found if self._edits_unknown else ():
            if posted.id == self._pieces.get(_FIRST) and posted.text != pieces[0]:
                await self._edit(posted.id, pieces[0], final=True)
        self._is_swept = True

    async def _finish(self, answer: Answer) -> None:
        """Add what goes with the answer; if that is refused, the answer stays without it."""
        texts = tuple(id_ for id_ in self.posted if id_ != self._pieces.get(_FILE))
        if not texts:
            return
        try:
            finishing = self.platform.finish(self.target, answer, texts)
            await (finishing if answer.is_bare else self._call(finishing))  # a bare one posts none
        except (WaitError, PostUnclearError):
            raise
        except PlatformError as error:
            log.warning("an answer stays without its notes: %s", error)

    # --- calls on the platform ------------------------------------------------------------------

    async def _call(self, call: Coroutine[Any, Any, None]) -> None:
        """Make a call while the lease is held; note if it may have an effect that is not known."""
        started = ended = False

        async def followed() -> None:
            nonlocal started, ended
            started = True
            await call
            ended = True

        try:
            await self._lease.fenced(followed(), self.platform.capabilities.call_timeout)
        except (PostUnclearError, asyncio.CancelledError):
            if not ended:
                self._posts_unknown = self._edits_unknown = True
            raise
        finally:
            if not started:
                call.close()
            elif self._lease.left() <= 0:  # it was paused: a successor may have posted as well
                self._posts_unknown = True

    async def _post_preview(self, text: str) -> None:
        self._lease.preview = await self.platform.post(self.target, text, self._preview_key)

    async def _post_piece(self, position: Position, text: str) -> None:
        piece, form, part = position
        key = PostKey(self.target.thread, self.target.turn, piece=piece, form=Form(form), part=part)
        self._pieces[position] = await self.platform.post(self.target, text, key)

    async def _edit(self, message: str, text: str, *, final: bool) -> None:
        await self._call(self.platform.edit(self.target, message, text, final=final))

    async def _delete(self, messages: set[str]) -> None:
        """Delete messages of ours, except those that the platform keeps for good."""
        for message in sorted(messages):
            try:
                await self._call(self.platform.delete(self.target, message))
            except PostRefusedError as error:
                log.warning("a left-over message stays: %s", error)
                self._kept.add(message)

    async def _find(self) -> tuple[Posted, ...]:
        """Return our messages of the turn, as far as the platform lets us read them."""
        if not self.platform.capabilities.reads_back:
            return ()
        try:
            return await self.platform.read_back(self.target)
        except ReadBackRefusedError:
            return ()

    @property
    def _preview_key(self) -> PostKey:
        token = self._lease.work.lease.token
        return PostKey(self.target.thread, self.target.turn, token=token)

    async def _find_preview(self) -> str:
        """Return the id of this lease's preview; empty if it is not found."""
        try:
            found = await self._find()
        except PlatformError:
            return ""
        return next((posted.id for posted in found if posted.key == self._preview_key), "")

    def _adopt(self, found: Iterable[Posted]) -> None:
        """Take the pieces that were found as this turn's."""
        for posted in found:
            if not posted.key.is_preview:
                self._pieces.setdefault(posted.key.position, posted.id)
