"""The worker: claims threads that have work, runs their turns in order, and never loses one.

A store that is down, or that refuses calls for a while, ends no loop of the worker. A bug ends the
process, so that its supervisor restarts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Self

from core.delivery.port import asker_of, target_of
from core.domain.admission import Admission
from core.domain.errors import StoreError, StoreRefusedError
from core.domain.gate import wait_for
from core.domain.tasks import CancelScope, StoppedError, Tasks
from core.memory.background import BackgroundCompaction
from core.store.keys import unique
from core.store.values import Outcome, Work
from core.worker.slots import Backlog, Slot, Slots
from core.worker.turn_runner import TurnRunner, without_text

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from core.delivery.port import DeliveryTarget, Platform
    from core.domain.admission import AdmissionPolicy
    from core.domain.clock import Clock
    from core.domain.message import Message, ThreadKey
    from core.memory.compaction import Compactor
    from core.store.port import Store
    from core.store.values import Accepted
    from core.turn.turn import TurnPipeline
    from core.worker.turn_runner import LeftThread

log = logging.getLogger(__name__)

_CLAIMS = 3
"""Searches for work in the time a lease lives. A wake-up may be lost, the index of work is not."""
_SWEEP_SECONDS = 60.0
_OUTAGE_PAUSE = 1.0
"""Seconds between two attempts to reach a store that is down."""
_AFTER_OUTAGE = 2.0
"""Seconds after an outage of the store in which only lease holders use it.

Their leases may have expired meanwhile. If they renew them first, the answers that are being made
are not lost.
"""
_PASSED_OVER = 200
"""Threads that a search passes over, at most: those of people who have turns enough."""
_PASSED_OVER_SECONDS = 0.5
"""Seconds between two searches that pass threads over; the store can't tell if there are others."""


class Worker:
    """Runs the turns of many threads at once, and of each thread one at a time.

    If there are more threads than slots, each person gets a fair share (`core.worker.slots`). As a
    context manager, it drains on exit: it finishes the turns that run or, after the grace period,
    hands them back to the store for another worker.
    """

    def __init__(
        self,
        store: Store,
        pipeline: TurnPipeline,
        compactor: Compactor,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        slots: Slots | None = None,
        grace_seconds: float = 10,
    ) -> None:
        """Serve these platforms, and those that `serve` adds.

        Args:
            store: Where messages are accepted and claimed.
            pipeline: Answers each turn.
            compactor: Makes summaries in the background.
            platforms: By name.
            clock: Measures and waits.
            slots: Limits how many turns run at once; a hundred by default, for anyone.
            grace_seconds: How long turns may go on while the worker drains.
        """
        self.files = pipeline.files
        """The cached files of threads."""
        self.backlog = Backlog()
        """The messages that wait in this process; `Intake` refuses more than it allows."""
        self._store = store
        self._platforms = dict(platforms)
        self._clock = clock
        self._slots = slots or Slots(100)
        self._grace_seconds = grace_seconds
        self._compaction = BackgroundCompaction(compactor)
        store.on_change(self._compaction.changed)
        self._runner = TurnRunner(
            *(store, pipeline, self._compaction, self._platforms, clock),
            backlog=self.backlog,
            store_failed=self._store_failed,
        )
        store.on_stop(self._runner.stop)
        self._queued: dict[ThreadKey, str] = {}
        """The person of each unclaimed thread that waits for a slot; others may claim it."""
        self._turns = Tasks("running the turns of a thread")
        self._left = Tasks("waiting for the end of an outage")
        self._loops = Tasks("a loop of the worker")
        self._draining = False
        self._broken = asyncio.Event()
        self._store_is_down = False
        self._added = CancelScope()
        """Ends the wait for work when a platform is added."""
        self._is_overdue = False
        """The last work that was found had waited for longer than this worker's own queue."""
        self._passed_over: list[ThreadKey] = []
        """The threads that the last search passed over."""

    async def __aenter__(self) -> Self:
        """Start searching for work."""
        self._loops.start(self._guard("searches for work", self._claim_forever()))
        self._loops.start(self._guard("sweeps", self._sweep_forever()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drain."""
        await self.drain()

    @property
    def works(self) -> bool:
        """Return whether its loops run and the store works, for health checks."""
        return not (self._broken.is_set() or self._store_is_down)

    async def wait(self) -> int:
        """Return the exit code 1 once a loop has failed."""
        await self._broken.wait()
        return 1

    def serve(self, platform: Platform) -> None:
        """Run the turns of one more platform from now on; search for its waiting work at once."""
        self._platforms[platform.name] = platform
        self._added.set()

    async def drain(self, grace_seconds: float | None = None) -> None:
        """Claim nothing more, let turns end within the grace period, and hand the rest back.

        May be called again while it runs, with less grace.
        """
        if grace_seconds is not None:
            self._grace_seconds = grace_seconds
        self._draining = True
        self._slots.close()
        self._runner.close()
        self._compaction.close()
        await asyncio.gather(self._loops.close(), self._left.close())
        both = (self._turns, self._compaction.jobs)
        await asyncio.gather(*(tasks.close(self._grace_seconds) for tasks in both))

    # --- messages -------------------------------------------------------------------------------

    async def accept(self, message: Message, policy: AdmissionPolicy) -> Accepted:
        """Store a message and run its thread's turn here, or queue it; return the store's verdict.

        Raises `StoreError`; the message may have been stored all the same.
        """
        (accepted,) = await self.accept_all([(message, policy)])
        return accepted

    async def accept_all(self, offers: Sequence[tuple[Message, AdmissionPolicy]]) -> list[Accepted]:
        """Do as `accept` with messages of one thread, oldest first, and run its turn after that.

        If no slot is free, the thread is queued at once, and claimed when it gets its slot.
        """
        first, _ = offers[0]
        thread, slot = first.thread, Slot(self._slots, asker_of(first))
        # If its turn runs here, nothing is claimed, unless that turn is just about to end.
        runs_here = thread in self._runner.deliveries
        claims = (runs_here or slot.request()) and not self._draining
        token, asked_at = unique() if claims else "", self._clock.monotonic()
        accepted: list[Accepted] = []
        waiting: list[str] = []
        work: Work | None = None
        try:
            for message, policy in offers:
                # With the token of the thread's lease, this returns its turn as it is by now.
                verdict = await self._store.accept(message, policy, token)
                accepted.append(verdict)
                work = verdict.work.under(policy.layers) if verdict.work else work
                is_added = verdict.new and verdict.verdict is Admission.ACCEPTED
                if is_added and verdict.work is None and (runs_here or not token):
                    waiting.append(asker_of(message))
        except BaseException:
            slot.release()
            raise
        for person in waiting:
            self.backlog.add(thread, person)
        if work is not None:
            self._run(work, asked_at, slot)
        elif waiting and not token:
            self._queue(thread, slot)
        else:
            slot.release()
        if thread not in self._runner.deliveries and thread not in self._queued:
            self.backlog.clear(thread)  # its turn started while the store was asked
        return accepted

    def waiting(self, person: str) -> int:
        """Return how many messages of a person wait here, those being stored included."""
        return max(self.backlog.of(person), self._slots.waiting(person))

    def stop(self, thread: ThreadKey) -> bool:
        """End the turn that runs here in a thread, with the answer so far.

        Has no effect on a turn whose answer is complete. Returns whether a turn runs.
        """
        delivery = self._runner.deliveries.get(thread)
        if delivery is not None:
            delivery.stopped.set()
        return delivery is not None

    async def stop_in(self, thread: ThreadKey, answer_in: str, *, at: float) -> bool:
        """End the turn whose answer belongs to `answer_in`, in any process; return if there is one.

        Args:
            thread: The thread.
            answer_in: Where its answer goes; see `DeliveryTarget`.
            at: The platform's time of the request. It ends no turn that answers a later message,
                and a repeated request ends no second turn.

        A turn in another process ends with its next heartbeat, within a third of the lease's time.
        Raises `StoreError`.
        """
        request = f"stop {thread} {answer_in} {at}"
        if at < math.inf and not await self._store.claim_once(thread.platform, request):
            return False
        delivery = self._runner.deliveries.get(thread)
        if delivery is not None and _is_meant(delivery.target, answer_in, at):
            return self.stop(thread)
        work = await self._store.peek(thread)
        if work is None or not work.lease.turn or not _is_meant(target_of(work), answer_in, at):
            return False
        return await self._store.stop(thread, work.lease.turn)

    # --- running threads ------------------------------------------------------------------------

    def _run(self, work: Work, asked_at: float, slot: Slot) -> None:
        """Run the turns of a claimed thread; `asked_at` is the steady time before the claim."""
        self._turns.start(self._run_claimed(work, asked_at, slot))

    def _queue(self, thread: ThreadKey, slot: Slot) -> None:
        """Let an unclaimed thread wait for its slot, unless it does already."""
        if self._draining or thread in self._queued:
            slot.release()
            return
        slot.request()
        self._queued[thread] = slot.person
        self._turns.start(self._claim_and_run(thread, slot))

    async def _claim_and_run(self, thread: ThreadKey, slot: Slot, *, early: bool = False) -> None:
        """Wait for the slot, then claim the thread and run its turns, if no other worker has."""
        try:
            try:
                await slot.acquire()
            finally:
                self._queued.pop(thread, None)
            asked_at = self._clock.monotonic()
            work = await self._store.claim(thread, unique(), early=early)
            if work is not None:
                await self._run_claimed(work, asked_at, slot)
        except StoreError as error:
            log.warning("a thread is left to the next search for work: %s", error)
        finally:
            self.backlog.clear(thread)
            slot.release()

    async def _run_claimed(self, work: Work, asked_at: float, slot: Slot) -> None:
        left = await self._runner.run(work, asked_at, slot)
        if left is not None and not self._draining:
            self._left.start(self._come_back(left))

    async def _come_back(self, left: LeftThread) -> None:
        """Take a thread up that was left in an outage, as soon as the outage is over."""
        await wait_for(left.again, left.seconds, self._clock)
        if left.again.is_set():  # otherwise the next search for work finds it
            self._turns.start(self._claim_and_run(left.thread, Slot(self._slots), early=True))

    # --- searching for work ---------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        while True:
            try:
                if self._store_is_down:
                    await self._wait_for_store()
                await self._claim_next()
            except StoreError as error:
                self._store_failed(error)
                await self._clock.sleep(_OUTAGE_PAUSE)

    async def _wait_for_store(self) -> None:
        """Ping the store, and give lease holders time to renew their leases first."""
        await self._store.ping()
        await self._clock.sleep(min(_AFTER_OUTAGE, self._store.lease_seconds / 2))

    def _store_failed(self, error: StoreError) -> None:
        """Log the start of an outage; a refusal as an error, since a person may have to act."""
        if not self._store_is_down:
            level = logging.ERROR if isinstance(error, StoreRefusedError) else logging.WARNING
            log.log(level, "%s. Retrying until the store works.", str(error).rstrip("."))
        self._store_is_down = True

    async def _claim_next(self) -> None:
        self._added = CancelScope()
        platforms = tuple(self._platforms)
        seconds = await self._claim_any(platforms) if platforms else math.inf
        if seconds <= 0:
            return
        pause = min(self._search_seconds, seconds)
        waiting = (
            self._clock.sleep(min(pause, _PASSED_OVER_SECONDS))
            if self._passed_over  # there is work, so a wake-up need not be awaited
            else self._store.wait(platforms, pause)
        )
        with contextlib.suppress(StoppedError):
            await self._added.ends(waiting)

    async def _claim_any(self, platforms: tuple[str, ...]) -> float:
        """Claim the work that has waited longest; return the seconds until there is more."""
        slot = Slot(self._slots)
        try:
            await slot.acquire(first=self._is_overdue)
            if not self._slots.are_awaited:
                slot.release()  # a message that arrives meanwhile need not wait for the search
            at_limit = self._slots.at_limit
            self._passed_over = [each for each, who in self._queued.items() if who in at_limit]
            asked_at = self._clock.monotonic()
            found = await self._store.claim_any(platforms, unique(), self._passed_over)
        except BaseException:
            slot.release()
            raise
        self._is_overdue = False
        if self._store_is_down:  # a damaged store may answer a ping, and nothing else
            self._store_is_down = False
            log.warning("The store works again.")
        if not isinstance(found, Work):
            slot.release()
            return math.inf if found.seconds is None else found.seconds
        if slot.reassign(target_of(found).asker):
            self._is_overdue = found.lease.thread not in self._queued
            self._run(found, asked_at, slot)
        else:
            await self._leave(found, slot, many=len(self._passed_over) >= _PASSED_OVER)
        return 0

    async def _leave(self, found: Work, slot: Slot, *, many: bool) -> None:
        """Leave a thread to its place in the queue here, or to another worker with a free slot.

        If `many` threads are queued already, it is left for a while instead.
        """
        try:
            delay = self._search_seconds if many else 0
            await self._store.settle(found.lease, Outcome.UNTOUCHED, delay=delay)
        finally:
            if many:
                slot.release()
            else:
                self._queue(found.lease.thread, slot)

    @property
    def _search_seconds(self) -> float:
        return self._store.lease_seconds / _CLAIMS

    async def _sweep_forever(self) -> None:
        while True:
            try:
                while await self._store.sweep():
                    await self._clock.sleep(0)
            except StoreError as error:
                log.info("expired sessions stay for now: %s", error)
            await self._clock.sleep(_SWEEP_SECONDS)

    async def _guard(self, does: str, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop; if it fails, the process ends, and its supervisor restarts it."""
        try:
            await loop
        except Exception as error:
            reason = without_text(error)
            log.critical("the loop that %s failed, so this process ends", does, exc_info=reason)
            self._broken.set()


def _is_meant(target: DeliveryTarget, answer_in: str, at: float) -> bool:
    return target.answer_in == answer_in and target.at <= at
