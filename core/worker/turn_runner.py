"""Runs the turns of a claimed thread, each to its end, and never loses one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from core.delivery.delivery import Delivery
from core.delivery.port import target_of
from core.domain.clock import Backoff
from core.domain.errors import (
    ChatbotError,
    LeaseLostError,
    PlatformError,
    PostUnclearError,
    StoreError,
    TurnChangedError,
    WaitError,
)
from core.domain.gate import wait_for
from core.domain.tasks import CancelScope
from core.store.lease import LeaseHandle
from core.store.values import Outcome, TurnState, Work
from core.turn.turn import ALONE_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.errors import Waitable
    from core.domain.message import ThreadKey
    from core.memory.background import BackgroundCompaction
    from core.store.port import Store
    from core.turn.turn import TurnPipeline
    from core.worker.slots import Backlog, Slot

log = logging.getLogger(__name__)

_BACKOFF = Backoff(first=1.0, cap=60.0)
"""How long a failed turn is left before its next try."""
_PATIENCE = 90.0
"""Seconds that a turn waits under its lease, with all that it has found out and made, before it is
left for later. Its slot is free meanwhile."""
_PAUSES = Backoff(first=1.0, cap=5.0)
"""How long a turn waits in an outage that announced no end, unless it is woken before. Some end in
a moment, such as a new post on Discord that takes no messages yet."""
_LATER = 60.0
"""Seconds for which a turn is left in such an outage. The process that left it takes it up
sooner if the outage ends."""
_ALONE_PAUSE = 5.0
"""Seconds for which a turn is left that is to run alone while another one does."""
_STORE_PAUSE = 0.5
"""Seconds until a turn retries after it could not read what it needs from the store."""


class LeftThread(NamedTuple):
    """A thread whose turn waits for the end of an outage, without a lease."""

    thread: ThreadKey
    again: Waitable
    """Set when the outage is over."""
    seconds: float
    """How long the turn is left at most."""


class TurnRunner:
    """Runs the turns of any number of threads at once, and of each thread one at a time."""

    def __init__(
        self,
        store: Store,
        pipeline: TurnPipeline,
        compaction: BackgroundCompaction,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        backlog: Backlog,
        store_failed: Callable[[StoreError], None],
    ) -> None:
        """Start with no turn running.

        Args:
            store: Where threads are claimed.
            pipeline: Answers each turn.
            compaction: Gets each answered turn.
            platforms: By name; more may be added later.
            clock: Measures and waits.
            backlog: What waits in this process; a thread leaves it when its turn starts.
            store_failed: Called with each error of the store while a lease is held.
        """
        self._store = store
        self._pipeline = pipeline
        self._compaction = compaction
        self._platforms = platforms
        pipeline.read_files_on(platforms)
        self._clock = clock
        self._backlog = backlog
        self._store_failed = store_failed
        self._closed = False
        self.deliveries: dict[ThreadKey, Delivery] = {}
        """The delivery of each turn that runs, by its thread."""

    def close(self) -> None:
        """Start no thread's next turn any more."""
        self._closed = True
        self._pipeline.recall.close()

    def stop(self, thread: ThreadKey, turn: str) -> None:
        """End this turn with the answer so far, if it runs here."""
        delivery = self.deliveries.get(thread)
        if delivery is not None and delivery.target.turn == turn:
            delivery.stopped.set()

    async def run(self, work: Work, asked_at: float, slot: Slot) -> LeftThread | None:
        """Run a thread's turns one after the other until nothing waits there; release the slot.

        Args:
            work: The claimed thread.
            asked_at: The steady time before the claim.
            slot: The slot to run in, which may not be granted yet.

        Returns:
            The thread, if it was left because of an outage whose end this process notices.
        """
        following: Work | LeftThread | None = work
        try:
            while isinstance(following, Work):
                stopped = CancelScope()
                lease = LeaseHandle(
                    self._store,
                    self._clock,
                    following,
                    asked_at=asked_at,
                    failed=self._store_failed,
                    stopped=stopped.set,
                )
                following = await self._run_turn(lease, slot, stopped)
                asked_at = lease.asked_at
                if self._closed and isinstance(following, Work):
                    await self._hand_on(following)
                    return None
                slot.release_if_awaited()
        finally:
            self._backlog.clear(work.lease.thread)
            slot.release()
        return following

    async def _hand_on(self, work: Work) -> None:
        """Leave a turn that has not started to another worker."""
        try:
            await self._store.settle(work.lease, Outcome.UNTOUCHED)
        except StoreError as error:
            log.warning("a turn is left until its lease expires: %s", error)

    async def _run_turn(
        self, lease: LeaseHandle, slot: Slot, stopped: CancelScope
    ) -> Work | LeftThread | None:
        """Run one turn to its end; return the thread's next, which is open under this lease."""
        thread = lease.work.lease.thread
        platform = self._platforms[thread.platform]
        target = target_of(lease.work)
        delivery = Delivery(platform, lease, target, stopped)
        self.deliveries[thread] = delivery
        slot.reassign(target.asker)
        try:
            following = await self._until_settled(lease, delivery, slot)
        except LeaseLostError as lost:
            log.warning("a turn on %s was taken over by another worker", thread.platform)
            await delivery.withdraw(lost)
            return None
        except asyncio.CancelledError:
            await self._hand_back(lease, delivery)
            raise
        except WaitError as wait:
            return await self._stand_back(lease, delivery, wait)
        except Exception as error:  # noqa: BLE001 - whatever it was, the turn must not be lost
            await self._fail(lease, error)
            return None
        finally:
            if self.deliveries.get(thread) is delivery:
                del self.deliveries[thread]
        if delivery.answer is not None:
            # Nobody waits for a summary, and the thread's next turn may have started.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._compaction.answered, lease.work, delivery.answer, delivery.size)
        return following

    async def _until_settled(
        self, lease: LeaseHandle, delivery: Delivery, slot: Slot
    ) -> Work | None:
        outages = _Outages(lease)
        while True:
            try:
                if not await self._may_start(lease, slot, outages):
                    await lease.settle(Outcome.UNTOUCHED, delay=_ALONE_PAUSE)
                    return None
                self._backlog.clear(lease.work.lease.thread)
                outcome = await lease.keep(self._pipeline.take_turn(lease, delivery))
                settled = await lease.settle(outcome, posted=delivery.posted)
            except TurnChangedError:
                settled = "void"
            except (StoreError, WaitError) as error:
                outages.note(error)
                continue
            if settled != "void":
                return settled if isinstance(settled, Work) else None
            await lease.reload()

    async def _may_start(self, lease: LeaseHandle, slot: Slot, outages: _Outages) -> bool:
        """Wait for an outage to end and for the slot; return False if it can't run alone yet."""
        waited = await outages.wait(slot)
        if lease.work.deaths >= ALONE_FROM and not await self._is_alone(lease, slot):
            return False
        if not slot.request():
            await lease.keep(slot.acquire())
            waited = True
        if waited:
            await lease.reload()  # with what came, or was recorded, meanwhile
        return True

    async def _is_alone(self, lease: LeaseHandle, slot: Slot) -> bool:
        """Wait until nothing else runs here; return False if another turn is to run alone, or does.

        A turn that may end the process must not hold others, which then have no part in it.
        """
        return slot.request() and await lease.keep(slot.alone())

    async def _stand_back(
        self, lease: LeaseHandle, delivery: Delivery, wait: WaitError
    ) -> LeftThread | None:
        """Leave the turn for as long as was announced; this is no failed try."""
        log.info("a turn waits: %s", wait)
        seconds = _LATER if wait.seconds is None else wait.seconds
        try:
            if lease.work.state is TurnState.OPEN:
                await delivery.put_down()
            await lease.settle(_left(lease, delivery), delay=seconds)
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:  # perhaps the thread changed: it is claimed again at once
            log.info("a turn is left as it is: %s", type(error).__name__)
            await lease.settle(Outcome.HANDED_BACK)
        else:
            if wait.again is not None:
                return LeftThread(lease.work.lease.thread, wait.again, seconds)
        return None

    async def _fail(self, lease: LeaseHandle, error: Exception) -> None:
        tries = lease.work.tries
        if isinstance(error, ChatbotError):
            log.warning("try %d of a turn failed: %s: %s", tries, type(error).__name__, error)
        else:
            log.error("try %d of a turn failed", tries, exc_info=without_text(error))
        try:
            await lease.settle(Outcome.FAILED, delay=_BACKOFF.wait(tries))
        except ChatbotError as unsettled:
            log.warning("its lease will expire instead: %s", unsettled)

    async def _hand_back(self, lease: LeaseHandle, delivery: Delivery) -> None:
        """Leave the turn to another worker, without our own preview."""
        lease.patient = False
        try:
            if lease.work.state is TurnState.OPEN:
                await delivery.clear()
            await lease.settle(_left(lease, delivery))
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:
            log.warning("a turn is left until its lease expires: %s", error)


def _left(lease: LeaseHandle, delivery: Delivery) -> Outcome:
    """Return how to leave a turn: UNTOUCHED if this lease has left nothing on the platform."""
    clean = lease.work.state is TurnState.OPEN and delivery.leaves_nothing
    return Outcome.UNTOUCHED if clean else Outcome.HANDED_BACK


class _Outages:
    """The outages that one turn waits out under its lease, of the store, platform or model."""

    def __init__(self, lease: LeaseHandle) -> None:
        self._lease = lease
        self._pauses = iter(_PAUSES)
        self._patience = _PATIENCE
        """Seconds that the turn still waits. Waiting for the store takes nothing off: without it, a
        turn can't be left for later either."""
        self._error: StoreError | WaitError | None = None
        self._woken = False
        """The turn went on since another turn's call worked."""

    def note(self, error: StoreError | WaitError) -> None:
        """Wait before the next try; raise the error if the turn has to be left, or has failed."""
        if isinstance(error, StoreError):
            log.info("a turn waits for the store: %s", error)
        elif self._woken and isinstance(error, PostUnclearError):
            # The calls of others work, and this one fails again: its own content may be the cause.
            raise PlatformError(str(error)) from error
        elif (error.seconds or 0.0) > self._patience or self._patience <= 0:
            raise error
        self._error = error

    async def wait(self, slot: Slot) -> bool:
        """Wait for what was noted last; return whether there was anything.

        The slot is released while the turn waits for a platform or the model.
        """
        error, self._error = self._error, None
        clock = self._lease.clock
        if isinstance(error, StoreError):
            await clock.sleep(_STORE_PAUSE)
        elif error is not None:
            slot.release()
            started = clock.monotonic()
            seconds = next(self._pauses) if error.seconds is None else error.seconds
            await self._lease.keep(wait_for(error.again, seconds, clock))
            self._woken = error.again is not None and error.again.is_set()
            self._patience -= clock.monotonic() - started
        return error is not None


def without_text(error: BaseException) -> BaseException:
    """Return an error with its traceback but without its text, which may quote what people said."""
    return type(error)().with_traceback(error.__traceback__) if _is_plain(error) else error


def _is_plain(error: BaseException) -> bool:
    return type(error) in {ValueError, TypeError, KeyError, IndexError, RuntimeError}
