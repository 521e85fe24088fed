"""Running the turns of a thread that was claimed: each to its end, and never one lost."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.delivery import Delivery
from core.errors import ChatbotError, LeaseLostError, StoreError, TurnChangedError
from core.lease import Hold
from core.store.values import Outcome, TurnState, Work
from core.where import where_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.backlog import Backlog
    from core.clock import Clock
    from core.conversation import Conversation
    from core.message import ThreadKey
    from core.outage import Outage
    from core.platform import Platform
    from core.room import Place
    from core.store.port import Store
    from core.upkeep import Upkeep

log = logging.getLogger(__name__)

_LONGEST_DELAY = 60.0
_STORE_PAUSE = 0.5
"""Seconds before a turn goes on that could not read what it needs."""


class Serving:
    """Serves threads, any number at once and each of them one turn at a time."""

    def __init__(
        self,
        store: Store,
        conversation: Conversation,
        upkeep: Upkeep,
        platforms: Mapping[str, Platform],
        clock: Clock,
        outage: Outage,
        *,
        backlog: Backlog,
    ) -> None:
        """Serve threads of `platforms`, which may grow.

        Note in `outage` that the store is out, and in `backlog` what waits no longer.
        """
        self._store = store
        self._conversation = conversation
        self._upkeep = upkeep
        self._platforms = platforms
        self._clock = clock
        self._outage = outage
        self._backlog = backlog
        self._closed = False
        self.deliveries: dict[ThreadKey, Delivery] = {}
        """What stands for each turn that runs, by its thread."""

    def close(self) -> None:
        """Begin no thread's next turn any more."""
        self._closed = True

    async def serve(self, work: Work, asked_at: float, place: Place) -> None:
        """Run a thread's turns, one after the other, until nothing waits there.

        `asked_at` is the steady time before the claim. Waits for the place, and gives it back.
        """
        following: Work | None = work
        try:
            while following is not None:
                hold = Hold(
                    *(self._store, self._clock, following),
                    asked_at=asked_at,
                    failed=self._outage.failed,
                )
                following = await self._run(hold, place)
                asked_at = hold.asked_at
                if self._closed and following is not None:
                    await self._hand_on(following)
                    return
                place.offer()
        finally:
            self._backlog.begun(work.lease.thread)
            place.leave()

    async def _hand_on(self, work: Work) -> None:
        """Leave a turn that was not begun to another worker."""
        try:
            await self._store.settle(work.lease, Outcome.HANDED_BACK)
        except StoreError as error:
            log.warning("a turn was left to run out: %s", error)

    async def _run(self, hold: Hold, place: Place) -> Work | None:
        """Run one turn to its end; return the thread's next, which is open under this lease."""
        thread = hold.work.lease.thread
        platform = self._platforms[thread.platform]
        where = where_of(hold.work)
        delivery = Delivery(platform, hold, where)
        self.deliveries[thread] = delivery
        place.pass_to(where.asker)
        try:
            following = await self._until_settled(hold, delivery, place)
        except LeaseLostError as lost:
            log.warning("turn of %s taken over by another worker", thread.platform)
            await delivery.withdraw(lost)
            return None
        except asyncio.CancelledError:
            await self._hand_back(hold, delivery)
            raise
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

    async def _until_settled(self, hold: Hold, delivery: Delivery, place: Place) -> Work | None:
        while True:
            try:
                if not place.stand():
                    await hold.keep(place.take())
                    await hold.reload()  # with what came while it stood in line
                self._backlog.begun(hold.work.lease.thread)
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
            if settled == "void":
                await hold.reload()
                continue
            return settled if isinstance(settled, Work) else None

    async def _fail(self, hold: Hold, error: Exception) -> None:
        tries = hold.work.tries
        if isinstance(error, ChatbotError):
            log.warning("try %d of a turn failed: %s: %s", tries, type(error).__name__, error)
        else:
            log.error("try %d of a turn failed", tries, exc_info=without_text(error))
        try:
            await hold.settle(Outcome.FAILED, delay=min(2.0 ** (tries - 1), _LONGEST_DELAY))
        except ChatbotError as unsettled:
            log.warning("its lease will run out instead: %s", unsettled)

    async def _hand_back(self, hold: Hold, delivery: Delivery) -> None:
        """Leave the turn to another worker, without a trace of our own preview."""
        hold.patient = False
        try:
            if hold.work.state is TurnState.OPEN:
                await delivery.clear()
            await hold.settle(Outcome.HANDED_BACK)
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:
            log.warning("a turn was left to run out: %s", error)


def without_text(error: BaseException) -> BaseException:
    """Return the error with its trace but not its words, which may hold what people said."""
    return type(error)().with_traceback(error.__traceback__) if _is_plain(error) else error


def _is_plain(error: BaseException) -> bool:
    return type(error) in {ValueError, TypeError, KeyError, IndexError, RuntimeError}
