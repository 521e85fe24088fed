"""The worker: claims threads with work, runs their turns in order, and never lets one be lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Self

from core.delivery import Delivery
from core.errors import ChatbotError, LeaseLostError, StoreUnavailableError, TurnChangedError
from core.lease import Hold
from core.once import first
from core.platform import Where
from core.session import Entry
from core.stop import Stop, StoppedError
from core.store.keys import unique
from core.store.values import Outcome, TurnState, Work

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType
    from typing import Any

    from core.clock import Clock
    from core.compaction import Compactor
    from core.conversation import Conversation
    from core.message import ThreadKey
    from core.platform import Platform
    from core.session import Answer
    from core.store.port import Store

log = logging.getLogger(__name__)

_LOOKS = 3
"""Looks at the work index in the time a lease lives; wakes may be lost, the index is not."""
_SWEEP_SECONDS = 60.0
_LONGEST_DELAY = 60.0


class Worker:
    """Runs turns, many threads at once and each thread one turn at a time.

    As a context: leaving it drains, which finishes the turns that run or, after the grace
    period, hands them back to the store for another worker.
    """

    def __init__(
        self,
        store: Store,
        conversation: Conversation,
        compactor: Compactor,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        room: int = 100,
        grace_seconds: float = 10,
    ) -> None:
        """Serve these platforms, and those that `serve` adds, with at most `room` turns at once."""
        self._store = store
        self._conversation = conversation
        self._compactor = compactor
        self._platforms = dict(platforms)
        self._joined = Stop()
        self._clock = clock
        self._room = room
        self._grace_seconds = grace_seconds
        self._turns: set[asyncio.Task[None]] = set()
        self._deliveries: dict[ThreadKey, Delivery] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._draining = False

    async def __aenter__(self) -> Self:
        """Start looking for work."""
        self._loops = [
            asyncio.create_task(self._claim_forever()),
            asyncio.create_task(self._sweep_forever()),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drain: finish what runs within the grace period, and hand the rest back."""
        await self.drain()

    @property
    def has_room(self) -> bool:
        """Tell whether another turn can be run now."""
        return not self._draining and len(self._turns) < self._room

    def serve(self, platform: Platform) -> None:
        """Run the turns of one more platform, from now on; what waits there is found at once."""
        self._platforms[platform.name] = platform
        self._freed.set()
        self._joined.set()

    def take(self, work: Work, *, asked_at: float) -> None:
        """Run the turns of a claimed thread; `asked_at` is the steady time before the claim."""
        task = asyncio.create_task(self._serve(work, asked_at))
        self._turns.add(task)
        task.add_done_callback(self._turn_ended)

    def stop(self, thread: ThreadKey) -> bool:
        """Let the turn that runs here in a thread end with what has come; tell if there is one.

        Has no effect on a turn whose answer is complete.
        """
        delivery = self._deliveries.get(thread)
        if delivery is not None:
            delivery.stopped.set()
        return delivery is not None

    async def stop_in(self, thread: ThreadKey, answer_in: str, *, at: float) -> bool:
        """Let the turn whose answer belongs there end with what has come; tell if there is one.

        `at` is the platform's time of the wish: told late or twice, it ends no turn that answers
        what was said after it, and no second one. Another process that runs it hears so when it
        renews its lease the next time: within a third of the time that a lease lives. Raises
        `StoreUnavailableError`.
        """
        wish = f"stop {thread} {answer_in} {at}"
        if at < math.inf and not await first(self._store, thread.platform, wish):
            return False
        delivery = self._deliveries.get(thread)
        if delivery is not None and _is_meant(delivery.where, answer_in, at):
            return self.stop(thread)
        work = await self._store.peek(thread)
        if work is None or not work.lease.turn or not _is_meant(where_of(work), answer_in, at):
            return False
        return await self._store.stop(thread, work.lease.turn)

    async def drain(self, grace_seconds: float | None = None) -> None:
        """Claim nothing more; let turns end within the grace period; hand the rest back.

        May be called again while it runs, with less patience.
        """
        if grace_seconds is not None:
            self._grace_seconds = grace_seconds
        self._draining = True
        await _stop(self._loops)
        running = self._turns | self._background
        if running:
            await asyncio.wait(running, timeout=self._grace_seconds)
        await _stop([*self._turns, *self._background])

    # --- finding work ---------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        reachable = True
        while True:
            try:
                await self._claim_next()
                reachable = True
            except StoreUnavailableError as error:
                if reachable:  # once for an outage, not once a second
                    log.warning("the store is out of reach, trying again: %s", error)
                reachable = False
                await self._clock.sleep(1)

    async def _claim_next(self) -> None:
        if not (self.has_room and self._platforms):
            self._freed.clear()
            await self._freed.wait()
            return
        self._joined = Stop()
        asked_at = self._clock.monotonic()
        platforms = tuple(self._platforms)
        found = await self._store.claim_any(platforms, unique())
        if isinstance(found, Work):
            self.take(found, asked_at=asked_at)
            return
        pause = self._store.lease_seconds / _LOOKS
        pause = pause if found.seconds is None else min(pause, found.seconds)
        with contextlib.suppress(StoppedError):
            await self._joined.ends(self._store.wait(platforms, pause))

    async def _sweep_forever(self) -> None:
        while True:
            try:
                while await self._store.sweep():
                    await self._clock.sleep(0)
            except StoreUnavailableError as error:
                log.warning("expired sessions stay for now: %s", error)
            await self._clock.sleep(_SWEEP_SECONDS)

    # --- running turns --------------------------------------------------------------------------

    async def _serve(self, work: Work, asked_at: float) -> None:
        """Run a thread's turns, one after the other, until nothing waits there."""
        following: Work | None = work
        while following is not None:
            hold = Hold(self._store, self._clock, following, asked_at=asked_at)
            following = await self._run(hold)
            asked_at = hold.asked_at
            if self._draining and following is not None:
                await self._store.settle(following.lease, Outcome.HANDED_BACK)
                return

    async def _run(self, hold: Hold) -> Work | None:
        """Run one turn to its end; return the thread's next, which is open under this lease."""
        thread = hold.work.lease.thread
        platform = self._platforms[thread.platform]
        delivery = Delivery(platform, hold, where_of(hold.work))
        self._deliveries[thread] = delivery
        try:
            following = await self._until_settled(hold, delivery)
        except LeaseLostError as lost:
            log.warning("turn of %s taken over by another worker", thread.platform)
            await delivery.withdraw(lost)
            return None
        except asyncio.CancelledError:
            await self._hand_back(hold, delivery)
            raise
        except StoreUnavailableError as error:
            # Nothing can be told to the store; the lease runs out, and the turn is taken over.
            log.warning("a turn was given up for now: %s", error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it was, the turn must not be lost
            await self._fail(hold, error)
            return None
        finally:
            if self._deliveries.get(thread) is delivery:
                del self._deliveries[thread]
        if delivery.answer is not None:
            # Nobody waits for a summary, and the thread's next turn may have begun.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._remember_later, hold.work, delivery.answer, delivery.size)
        return following

    async def _until_settled(self, hold: Hold, delivery: Delivery) -> Work | None:
        while True:
            try:
                outcome = await hold.keep(self._conversation.take_turn(hold, delivery))
                settled = await hold.settle(outcome, posted=delivery.posted)
            except TurnChangedError:
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
            log.error("try %d of a turn failed", tries, exc_info=_without_text(error))
        try:
            await hold.settle(Outcome.FAILED, delay=min(2.0 ** (tries - 1), _LONGEST_DELAY))
        except ChatbotError as unsettled:
            log.warning("its lease will run out instead: %s", unsettled)

    async def _hand_back(self, hold: Hold, delivery: Delivery) -> None:
        """Leave the turn to another worker, without a trace of our own preview."""
        try:
            if hold.work.state is TurnState.OPEN:
                await delivery.clear()
            await hold.settle(Outcome.HANDED_BACK)
        except LeaseLostError as lost:
            await delivery.withdraw(lost)
        except ChatbotError as error:
            log.warning("a turn was left to run out: %s", error)

    # --- upkeep ---------------------------------------------------------------------------------

    def _remember_later(self, work: Work, answer: Answer, size: int) -> None:
        """Compact behind the user's back: nobody waits for a summary."""
        if not self._draining and self._compactor.is_due(work, answer.text, size=size):
            self._in_background(self._compactor.compact(work.lease.thread))

    def _in_background(self, job: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            try:
                await job
            except ChatbotError as error:
                log.warning("the summary stays as it was: %s", error)

        task = asyncio.create_task(run())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _turn_ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a worker's task ended badly", exc_info=_without_text(error))


def where_of(work: Work) -> Where:
    """Return where the messages of a turn go: to the place its oldest message asks for."""
    entries = (record for record in reversed(work.records) if isinstance(record, Entry))
    trigger = next((entry for entry in entries if entry.id == work.lease.turn), None)
    return Where(
        thread=work.lease.thread,
        kind=work.kind,
        turn=work.lease.turn,
        trigger=trigger.platform_id if trigger else work.lease.turn,
        answer_in=trigger.answer_in if trigger else "",
        at=trigger.at if trigger else 0.0,
        reader=trigger.author.id if trigger and work.people <= 1 else "",
        asked=trigger.text if trigger else "",
        opens=work.head == 0,
    )


def _is_meant(where: Where, answer_in: str, at: float) -> bool:
    return where.answer_in == answer_in and where.at <= at


def _without_text(error: BaseException) -> BaseException:
    """Return the error with its trace but not its words, which may hold what people said."""
    return type(error)().with_traceback(error.__traceback__) if _is_plain(error) else error


def _is_plain(error: BaseException) -> bool:
    return type(error) in {ValueError, TypeError, KeyError, IndexError, RuntimeError}


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
