"""A lease as its holder sees it: renewed while the turn runs, and never trusted past its time.

While the store is down, its holder goes on: the model may still be writing. A call that needs the
store waits until it works again; the store then says whether the lease is still ours, which it is
unless another process has claimed the thread. Only a call that no store can fence, such as a post,
needs time to be left on the lease.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from core.domain.clock import Backoff
from core.domain.errors import (
    LeaseLostError,
    PostUnclearError,
    StoreError,
    StoreUnavailableError,
    TurnChangedError,
)
from core.domain.tasks import CancelScope, StoppedError
from core.store.values import Changed, Refused, TurnState, Work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from core.domain.clock import Clock
    from core.domain.session import Answer
    from core.store.port import Store
    from core.store.values import Outcome, PendingAnswer

Result = TypeVar("Result")

_BEATS = 3
"""Renewals in the time a lease lives: two may fail before it is lost."""
_BACKOFF = Backoff(first=0.1, cap=1.0)
"""Waits between two calls to a store that is down. They are short, since a worker's search for work
leaves a store that works again to lease holders only for a moment."""
_PART_OF_LEASE = 0.6
"""The part of a lease that is enough to start a call, if the call may take longer than that."""


class LeaseHandle:
    """A turn that this process holds.

    Its time is counted on the local steady clock from *before* each granting call was sent, so
    it never seems longer here than it is in the store, whatever the clocks say.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        work: Work,
        *,
        asked_at: float,
        failed: Callable[[StoreError], None] = lambda _: None,
        stopped: Callable[[], None] = lambda: None,
    ) -> None:
        """Hold the turn that `work` grants.

        Args:
            store: Where it was claimed.
            clock: Measures the lease.
            work: The claimed thread.
            asked_at: The steady time before the claim.
            failed: Called with each error of the store.
            stopped: Called when the store says that a person asked for the turn to end.
        """
        self.work = work
        self.preview = ""
        """The platform's id of the preview that *this* lease posted."""
        self.asked_at = asked_at
        """The steady time before the newest call that may have granted the lease."""
        self.patient = True
        """Wait for a store that is down; otherwise raise `StoreError` at once."""
        self.clock = clock
        self.seconds = store.lease_seconds
        """How long the lease lives without being renewed."""
        self._store = store
        self._failed = failed
        self._stopped = stopped

    async def keep(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Run `body` and renew the lease meanwhile; cancel the body if the lease is no longer ours.

        Raises what the body raises, and `TurnChangedError` or `LeaseLostError` as soon as a
        renewal says so. A store that is down ends nothing.
        """
        lost = CancelScope()
        beats: list[asyncio.Task[None]] = []  # none in most turns: they end before the first

        def start() -> None:
            beats.append(asyncio.create_task(self._beat()))
            beats[0].add_done_callback(lambda _: lost.set())

        since = self.clock.monotonic() - self.asked_at
        cancel_start = self.clock.later(max(0.0, self._pause - since), start)
        try:
            return await lost.ends(body)
        except StoppedError:
            beats[0].result()  # raises what it ended with
            raise
        finally:
            cancel_start()
            for beat in beats:
                beat.cancel()
                await asyncio.wait({beat})

    async def fenced(self, call: Coroutine[Any, Any, None], seconds: float) -> None:
        """Make a call that no store can fence, such as a post, only while the lease is held.

        The call ends when the lease does: a process that was paused must not start or go on with
        what another has taken over. If the caller is cancelled, the call still runs to its end.

        Args:
            call: The call; it is closed if it can't start.
            seconds: The most that the call may take. So much is left of the lease when it starts,
                or a large part of a lease that is shorter.

        Raises:
            PostUnclearError: The lease ran out before the call came to its end.
            LeaseLostError: The lease is another's.
            TurnChangedError: The thread has changed, so the call is out of date.
            StoreError: The lease could not be renewed.
        """
        try:
            await self._need(min(seconds, _PART_OF_LEASE * self.seconds))
        except BaseException:
            call.close()
            raise
        running = asyncio.ensure_future(self._while_held(call))
        deadline = _Deadline(running, self.left, self.clock)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if deadline.is_reached:
                raise PostUnclearError("the lease ran out before a call came to its end") from None
            await asyncio.wait({running})
            if not running.cancelled():
                running.exception()  # the caller is gone, so nobody else reads it
            raise
        finally:
            deadline.cancel()

    async def _need(self, seconds: float) -> None:
        """Make sure that so much is left of the lease."""
        if self.left() <= seconds:
            await self.renew()
            if self.left() <= seconds:
                raise StoreUnavailableError("the store took too long to renew the lease")

    async def _while_held(self, call: Coroutine[Any, Any, None]) -> None:
        if self.left() <= 0:
            call.close()
            raise PostUnclearError("the lease ran out before a call started")
        await call

    async def renew(self) -> None:
        """Extend the lease; raise `TurnChangedError` or `LeaseLostError` if the store says so."""
        await self._insist(self._renew)

    async def commit(self, pending: PendingAnswer) -> Answer:
        """Record the answer and return it as it is recorded.

        Raises:
            TurnChangedError: The thread changed since it was read.
            LeaseLostError: The lease is no longer ours.
        """
        answer = await self._insist(
            lambda: self._store.commit(self.work.lease, self.work.revision, pending, self.preview)
        )
        if isinstance(answer, Refused):
            raise _lost(answer)
        if isinstance(answer, Changed):
            message = "the thread changed before its answer was recorded"
            raise TurnChangedError(message)
        self.work = replace(
            self.work,
            state=TurnState.COMMITTED,
            committed_by=self.work.lease.token,
            preview=self.preview or self.work.preview,
            cuts=pending.cuts,
            tries=1,
            opened_at=self.clock.now(),
        )
        return answer

    async def settle(
        self, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"]:
        """Close the turn or leave it; raise `LeaseLostError` when it is no longer ours."""
        lease = self.work.lease
        answer = await self._insist(
            lambda: self._store.settle(lease, outcome, posted=posted, delay=delay)
        )
        if isinstance(answer, Refused):
            raise _lost(answer)
        return answer

    async def reload(self) -> None:
        """Read the thread again under this lease; raise `LeaseLostError` if it is another's."""
        lease = self.work.lease
        claim = self._store.claim
        work = await self._insist(lambda: claim(lease.thread, lease.token), extends=False)
        if work is None or work.lease.turn != lease.turn:
            raise LeaseLostError(recorded=False, mine=False)
        self.work = work

    def left(self) -> float:
        """Return the seconds for which the lease is certainly ours, without another renewal."""
        return self.asked_at + self._store.lease_seconds - self.clock.monotonic()

    async def _renew(self) -> None:
        asked_at = self.clock.monotonic()
        answer = await self._store.renew(self.work.lease, self.work.revision, self.preview)
        if isinstance(answer, Refused):
            raise _lost(answer)
        self.asked_at = asked_at
        if answer == "changed":
            message = "the thread changed while its turn ran"
            raise TurnChangedError(message)
        if answer == "stopped":
            self._stopped()

    async def _insist(
        self, call: Callable[[], Awaitable[Result]], *, extends: bool = True
    ) -> Result:
        """Return what a verb of the store answers, however long the store is down.

        If it `extends` the lease, as all verbs but `claim` do, the lease counts from before the
        call that was answered.
        """
        pauses = iter(_BACKOFF)
        while True:
            asked_at = self.clock.monotonic()
            try:
                answer = await call()
            except StoreError as error:
                self._failed(error)
                if not self.patient:
                    raise
                await self.clock.sleep(next(pauses))
            else:
                if extends and not isinstance(answer, Refused):
                    self.asked_at = asked_at
                return answer

    @property
    def _pause(self) -> float:
        return self._store.lease_seconds / _BEATS

    async def _beat(self) -> None:
        while True:
            await self.renew()
            await self.clock.sleep(self._pause)


class _Deadline:
    """Cancels a call when its lease has run out; a renewal moves that time on."""

    def __init__(
        self, running: asyncio.Future[None], left: Callable[[], float], clock: Clock
    ) -> None:
        self.is_reached = False
        self._running = running
        self._left = left
        self._clock = clock
        self.cancel = clock.later(left(), self._check)

    def _check(self) -> None:
        left = self._left()
        if left > 0:
            self.cancel = self._clock.later(left, self._check)
        elif not self._running.done():
            self.is_reached = True
            self._running.cancel()


def _lost(refused: Refused) -> LeaseLostError:
    return LeaseLostError(recorded=refused.recorded, mine=refused.mine)
