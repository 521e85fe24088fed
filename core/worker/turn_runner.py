"""Running the turns of a thread that was claimed: each to its end, and never one lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.delivery.delivery import Delivery
from core.delivery.port import target_of
from core.domain.backoff import Backoff
from core.domain.errors import (
    ChatbotError,
    LeaseLostError,
    PlatformError,
    PostUnclearError,
    StoreError,
    TurnChangedError,
    WaitError,
)
from core.domain.gate import within
from core.store.lease import LeaseHandle
from core.store.values import Outcome, TurnState, Work
from core.turn.turn import ALONE_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.delivery.port import Platform
    from core.domain.clock import Clock
    from core.domain.errors import Waitable
    from core.domain.message import ThreadKey
    from core.memory.upkeep import BackgroundCompaction
    from core.store.port import Store
    from core.turn.turn import TurnPipeline
    from core.worker.slots import Slot

log = logging.getLogger(__name__)

_BACKOFF = Backoff(first=1.0, cap=60.0)
"""How long a turn that failed is left alone."""
_PATIENCE = 90.0
"""Seconds for which a turn waits under its lease, with all that it has found out and made, before
it is left for later. Its place is free meanwhile."""
_PAUSE = 5.0
"""Seconds after which an outage that announced nothing is looked at again, if nobody tells."""
_LATER = 60.0
"""Seconds for which a turn is left in such an outage. The process that left it takes it up sooner,
when what was out works again."""
_ALONE_PAUSE = 5.0
"""Seconds for which a turn is left that is to run alone while another one does."""
_STORE_PAUSE = 0.5
"""Seconds before a turn goes on that could not read what it needs."""


@dataclass(frozen=True, slots=True)
class TurnEvents:
    """Who hears what of the turns that are served."""

    failed: Callable[[StoreError], None]
    """The store did not serve."""
    begun: Callable[[ThreadKey], None]
    """Nothing of a thread waits here any more."""
    left: Callable[[ThreadKey, Waitable, float], None]
    """A thread was left for some seconds; the event, if it is set before, ends the wait."""


class TurnRunner:
    """Serves threads, any number at once and each of them one turn at a time."""

    def __init__(
        self,
        store: Store,
        conversation: TurnPipeline,
        upkeep: BackgroundCompaction,
        platforms: Mapping[str, Platform],
        clock: Clock,
        signals: TurnEvents,
    ) -> None:
        """Serve threads of `platforms`, which may grow."""
        self._store = store
        self._conversation = conversation
        self._upkeep = upkeep
        self._platforms = platforms
        self._clock = clock
        self._signals = signals
        self._closed = False
        self.deliveries: dict[ThreadKey, Delivery] = {}
        """What stands for each turn that runs, by its thread."""

    def close(self) -> None:
        """Begin no thread's next turn any more."""
        self._closed = True

    async def serve(self, work: Work, asked_at: float, place: Slot) -> None:
        """Run a thread's turns, one after the other, until nothing waits there.

        `asked_at` is the steady time before the claim. Waits for the place, and gives it back.
        """
        following: Work | None = work
        try:
            while following is not None:
                hold = LeaseHandle(
                    *(self._store, self._clock, following),
                    asked_at=asked_at,
                    failed=self._signals.failed,
                )
                following = await self._run(hold, place)
                asked_at = hold.asked_at
                if self._closed and following is not None:
                    await self._hand_on(following)
                    return
                place.offer()
        finally:
            self._signals.begun(work.lease.thread)
            place.leave()

    async def _hand_on(self, work: Work) -> None:
        """Leave a turn that was not begun to another worker."""
        try:
            await self._store.settle(work.lease, Outcome.UNTOUCHED)
        except StoreError as error:
            log.warning("a turn was left to run out: %s", error)

    async def _run(self, hold: LeaseHandle, place: Slot) -> Work | None:
        """Run one turn to its end; return the thread's next, which is open under this lease."""
        thread = hold.work.lease.thread
        platform = self._platforms[thread.platform]
        target = target_of(hold.work)
        delivery = Delivery(platform, hold, target)
        self.deliveries[thread] = delivery
        place.pass_to(target.asker)
        try:
            following = await self._until_settled(hold, delivery, place)
        except LeaseLostError as lost:
            log.warning("turn of %s taken over by another worker", thread.platform)
            await delivery.withdraw(lost)
            return None
        except asyncio.CancelledError:
            await self._hand_back(hold, delivery)
            raise
        except WaitError as wait:
            await self._stand_back(hold, delivery, wait)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it was, the turn must not be lost
            await self._fail(hold, error)
            return None
        finally:
            if self.deliveries.get(thread) is delivery:
                del self.deliveries[thread]
        if delivery.answer is not None:
            # Nobody waits for a summary, and the thread's next turn may have begun.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._upkeep.answered, hold.work, delivery.answer, delivery.size)
        return following

    async def _until_settled(
        self, hold: LeaseHandle, delivery: Delivery, place: Slot
    ) -> Work | None:
        waits = _Waits(hold)
        while True:
            try:
                if not await self._may_begin(hold, place, waits):
                    await hold.settle(Outcome.UNTOUCHED, delay=_ALONE_PAUSE)
                    return None
                self._signals.begun(hold.work.lease.thread)
                outcome = await hold.keep(self._conversation.take_turn(hold, delivery))
                settled = await hold.settle(outcome, posted=delivery.posted)
            except TurnChangedError:
                await hold.reload()
                continue
            except StoreError as error:  # what was read beside the lease's own verbs
                log.info("a turn waits for the store: %s", error)
                await self._clock.sleep(_STORE_PAUSE)
                await hold.reload()
                continue
            except WaitError as wait:
                waits.begin(wait)
                continue
            if settled == "void":
                await hold.reload()
                continue
            return settled if isinstance(settled, Work) else None

    async def _may_begin(self, hold: LeaseHandle, place: Slot, waits: _Waits) -> bool:
        """Wait for what the turn waits for, and for its place; False if it can't run alone yet."""
        waited = await waits.end(place)
        if hold.work.deaths >= ALONE_FROM and not await self._is_alone(hold, place):
            return False
        if not place.stand():
            await hold.keep(place.take())
            waited = True
        if waited:
            await hold.reload()  # with what came, or was recorded, meanwhile
        return True

    async def _is_alone(self, hold: LeaseHandle, place: Slot) -> bool:
        """Wait until nothing else runs here; False if another turn waits for that, or runs so.

        The turn is not to be held meanwhile: if the other ends the process, it has no part in it.
        """
        return place.stand() and await hold.keep(place.alone())

    async def _stand_back(self, hold: LeaseHandle, delivery: Delivery, wait: WaitError) -> None:
        """Leave the turn for as long as was announced: others go on, and this was no failed try."""
        log.info("a turn waits: %s", wait)
        seconds = _LATER if wait.seconds is None else wait.seconds
        try:
            if hold.work.state is TurnState.OPEN:
                await delivery.put_down()
            await hold.settle(_left(hold, delivery), delay=seconds)
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:  # the thread changed, perhaps: it is looked at again at once
            log.info("a turn is left as it is: %s", type(error).__name__)
            await hold.settle(Outcome.HANDED_BACK)
        else:
            if wait.again is not None:
                self._signals.left(hold.work.lease.thread, wait.again, seconds)

    async def _fail(self, hold: LeaseHandle, error: Exception) -> None:
        tries = hold.work.tries
        if isinstance(error, ChatbotError):
            log.warning("try %d of a turn failed: %s: %s", tries, type(error).__name__, error)
        else:
            log.error("try %d of a turn failed", tries, exc_info=without_text(error))
        try:
            await hold.settle(Outcome.FAILED, delay=_BACKOFF.wait(tries))
        except ChatbotError as unsettled:
            log.warning("its lease will run out instead: %s", unsettled)

    async def _hand_back(self, hold: LeaseHandle, delivery: Delivery) -> None:
        """Leave the turn to another worker, without a trace of our own preview."""
        hold.patient = False
        try:
            if hold.work.state is TurnState.OPEN:
                await delivery.clear()
            await hold.settle(_left(hold, delivery))
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:
            log.warning("a turn was left to run out: %s", error)


def _left(hold: LeaseHandle, delivery: Delivery) -> Outcome:
    """Return how to leave a turn: the next lease may have nothing of this one to look for."""
    clean = hold.work.state is TurnState.OPEN and delivery.leaves_nothing
    return Outcome.UNTOUCHED if clean else Outcome.HANDED_BACK


class _Waits:
    """What one turn waits for under its lease, and for how long it still may."""

    def __init__(self, hold: LeaseHandle) -> None:
        self._hold = hold
        self._patience = _PATIENCE
        self._pending: WaitError | None = None
        self._woken = False
        """It went on since what was out had worked, for another turn."""

    def begin(self, wait: WaitError) -> None:
        """Wait before the next try; raise what counts as a failed try, or as a longer wait."""
        if self._woken and isinstance(wait, PostUnclearError):
            # Others' calls work, and this one fails again: what it posts may be the cause.
            raise PlatformError(str(wait)) from wait
        if (wait.seconds or 0.0) > self._patience or self._patience <= 0:
            raise wait
        self._pending = wait

    async def end(self, place: Slot) -> bool:
        """Wait for what is pending, and leave the place to others meanwhile; tell if there was."""
        wait, self._pending = self._pending, None
        if wait is None:
            return False
        place.leave()
        clock = self._hold.clock
        started = clock.monotonic()
        seconds = _PAUSE if wait.seconds is None else wait.seconds
        await self._hold.keep(_until(wait.again, seconds, clock))
        self._woken = wait.again is not None and wait.again.is_set()
        self._patience -= clock.monotonic() - started
        return True


async def _until(again: Waitable | None, seconds: float, clock: Clock) -> None:
    """Wait until the event is set, and for no longer than this."""
    if again is None:
        await clock.sleep(seconds)
    else:
        await within(again, seconds, clock)


def without_text(error: BaseException) -> BaseException:
    """Return the error with its trace but not its words, which may hold what people said."""
    return type(error)().with_traceback(error.__traceback__) if _is_plain(error) else error


def _is_plain(error: BaseException) -> bool:
    return type(error) in {ValueError, TypeError, KeyError, IndexError, RuntimeError}
