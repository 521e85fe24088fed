"""A lease as its holder sees it: renewed while the turn runs, and never trusted past its time.

While the store is out, its holder goes on: the model may still be writing. What needs the store
waits until it answers again, and then it says whether the lease is still ours, which it is as long
as nobody else has taken it. Only what no store can fence, a post, needs time that is left on it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from core.domain.cancel import CancelScope, StoppedError
from core.domain.errors import LeaseLostError, StoreError, StoreUnavailableError, TurnChangedError
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
_SOONEST, _LATEST = 0.1, 1.0
"""Seconds between two calls to a store that is out, doubled each time. Short, since a look for
work leaves a store that is there again to those that hold leases for a moment only."""


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
    ) -> None:
        """Hold what `work` grants; `asked_at` is the steady time before it was asked for.

        `failed` hears each time that the store does not serve.
        """
        self.work = work
        self.preview = ""
        """The platform's id of the preview that *this* lease posted."""
        self.asked_at = asked_at
        """The steady time before the newest call that may have granted the lease."""
        self.stopped: Callable[[], None] = lambda: None
        """Called when the store says that somebody asked for the turn to end."""
        self.patient = True
        """Wait for a store that is out; otherwise raise `StoreError` at once."""
        self.clock = clock
        self.seconds = store.lease_seconds
        """How long the lease lives without being renewed."""
        self._store = store
        self._failed = failed

    async def keep(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Run `body` with the lease renewed beside it; end it when the lease is no longer ours.

        Raises what the body raises, and `TurnChangedError` or `LeaseLostError` as soon as a
        renewal says so. A store that is out ends nothing.
        """
        lost = CancelScope()
        beats: list[asyncio.Task[None]] = []  # none in most turns: they end before the first

        def begin() -> None:
            beats.append(asyncio.create_task(self._beat()))
            beats[0].add_done_callback(lambda _: lost.set())

        since = self.clock.monotonic() - self.asked_at
        never = self.clock.later(max(0.0, self._pause - since), begin)
        try:
            return await lost.ends(body)
        except StoppedError:
            beats[0].result()  # raises what it ended with
            raise
        finally:
            never()
            for beat in beats:
                beat.cancel()
                await asyncio.wait({beat})

    async def need(self, seconds: float) -> None:
        """Make sure that the lease is ours for so long: before a call that nothing can fence."""
        if self.left() <= seconds:
            await self.renew()
        if self.left() <= seconds:
            message = "the store took too long to renew the lease"
            raise StoreUnavailableError(message)

    async def renew(self) -> None:
        """Extend the lease; raise `TurnChangedError` or `LeaseLostError` when that is due."""
        await self._insist(self._renew)

    async def commit(self, draft: PendingAnswer) -> Answer:
        """Record the answer and return it as it is recorded.

        Raises:
            TurnChangedError: The thread changed since it was read.
            LeaseLostError: The lease is no longer ours.
        """
        answer = await self._insist(
            lambda: self._store.commit(self.work.lease, self.work.rev, draft, self.preview)
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
            cuts=draft.cuts,
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
        """Look at the thread again, under the same lease."""
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
        answer = await self._store.renew(self.work.lease, self.work.rev, self.preview)
        if isinstance(answer, Refused):
            raise _lost(answer)
        self.asked_at = asked_at
        if answer == "changed":
            message = "the thread changed while its turn ran"
            raise TurnChangedError(message)
        if answer == "stopped":
            self.stopped()

    async def _insist(
        self, call: Callable[[], Awaitable[Result]], *, extends: bool = True
    ) -> Result:
        """Return what a verb answers, however long the store is out.

        If it `extends` the lease, as all but `claim` do, that lives from before the call that was
        answered.
        """
        pause = _SOONEST
        while True:
            asked_at = self.clock.monotonic()
            try:
                answer = await call()
            except StoreError as error:
                self._failed(error)
                if not self.patient:
                    raise
                await self.clock.sleep(pause)
                pause = min(2 * pause, _LATEST)
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


def _lost(refused: Refused) -> LeaseLostError:
    return LeaseLostError(recorded=refused.recorded, mine=refused.mine)
