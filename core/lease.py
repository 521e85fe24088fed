"""A lease as its holder sees it: renewed while the turn runs, and never trusted past its time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from core.errors import LeaseLostError, StoreUnavailableError, TurnChangedError
from core.stop import Stop, StoppedError
from core.store.values import Changed, Refused, TurnState, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from core.clock import Clock
    from core.store.port import Store
    from core.store.values import Draft, Outcome

Result = TypeVar("Result")

_BEATS = 3
"""Renewals in the time a lease lives: two may fail before it is lost."""


class Hold:
    """A turn that this process holds.

    Its time is counted on the local steady clock from *before* each granting call was sent, so
    it never seems longer here than it is in the store, whatever the clocks say.
    """

    def __init__(self, store: Store, clock: Clock, work: Work, *, asked_at: float) -> None:
        """Hold what `work` grants; `asked_at` is the steady time before it was asked for."""
        self.work = work
        self.preview = ""
        """The platform's id of the preview that *this* lease posted."""
        self.asked_at = asked_at
        """The steady time before the newest call that may have granted the lease."""
        self.stopped: Callable[[], None] = lambda: None
        """Called when the store says that somebody asked for the turn to end."""
        self._store = store
        self._clock = clock

    async def keep(self, body: Coroutine[Any, Any, Result]) -> Result:
        """Run `body` with the lease renewed beside it; end it when the lease can't be kept.

        Raises what the body raises, and `TurnChangedError`, `LeaseLostError` or
        `StoreUnavailableError` as soon as a renewal says so.
        """
        lost = Stop()
        beats: list[asyncio.Task[None]] = []  # none in most turns: they end before the first

        def begin() -> None:
            beats.append(asyncio.create_task(self._beat()))
            beats[0].add_done_callback(lambda _: lost.set())

        never = self._clock.later(self._pause, begin)
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
        if self._left() <= seconds:
            await self.renew()
        if self._left() <= seconds:
            message = "the store took too long to renew the lease"
            raise StoreUnavailableError(message)

    async def renew(self) -> None:
        """Extend the lease; raise `TurnChangedError` or `LeaseLostError` when that is due."""
        asked_at = self._clock.monotonic()
        answer = await self._store.renew(self.work.lease, self.work.rev, self.preview)
        if isinstance(answer, Refused):
            raise _lost(answer)
        self.asked_at = asked_at
        if answer == "changed":
            message = "the thread changed while its turn ran"
            raise TurnChangedError(message)
        if answer == "stopped":
            self.stopped()

    async def commit(self, draft: Draft) -> None:
        """Record the answer; raise `TurnChangedError` or `LeaseLostError` when it may not be."""
        asked_at = self._clock.monotonic()
        answer = await self._store.commit(self.work.lease, self.work.rev, draft, self.preview)
        if isinstance(answer, Refused):
            raise _lost(answer)
        self.asked_at = asked_at
        if isinstance(answer, Changed):
            message = "the thread changed before its answer was recorded"
            raise TurnChangedError(message)
        self.work = replace(
            self.work,
            state=TurnState.COMMITTED,
            committed_by=self.work.lease.token,
            preview=self.preview or self.work.preview,
            cuts=draft.cuts,
        )

    async def settle(
        self, outcome: Outcome, *, posted: tuple[str, ...] = (), delay: float = 0
    ) -> Work | Literal["free", "void"]:
        """Close the turn or leave it; raise `LeaseLostError` when it is no longer ours."""
        asked_at = self._clock.monotonic()
        answer = await self._store.settle(self.work.lease, outcome, posted=posted, delay=delay)
        if isinstance(answer, Refused):
            raise _lost(answer)
        self.asked_at = asked_at
        return answer

    async def reload(self) -> None:
        """Look at the thread again, under the same lease."""
        asked_at = self._clock.monotonic()
        work = await self._store.claim(self.work.lease.thread, self.work.lease.token)
        if work is None or work.lease.turn != self.work.lease.turn:
            raise LeaseLostError(recorded=False, mine=False)
        self.work = work
        self.asked_at = asked_at

    def _left(self) -> float:
        return self.asked_at + self._store.lease_seconds - self._clock.monotonic()

    @property
    def _pause(self) -> float:
        return self._store.lease_seconds / _BEATS

    async def _beat(self) -> None:
        while True:
            try:
                await self.renew()
            except StoreUnavailableError:
                if self._left() <= self._pause:
                    raise
            await self._clock.sleep(self._pause)


def _lost(refused: Refused) -> LeaseLostError:
    return LeaseLostError(recorded=refused.recorded, mine=refused.mine)
