"""The worker: claims threads with work, runs their turns in order, and never lets one be lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Self

from core.delivery.port import asker_of, target_of
from core.domain.admission import Admission
from core.domain.errors import StoreError
from core.domain.tasks import Tasks
from core.memory.upkeep import BackgroundCompaction
from core.store.keys import unique
from core.worker.backlog import Backlog
from core.worker.outage import Outage
from core.worker.rounds import ClaimLoop
from core.worker.slots import Slot, Slots, WaitingThreads
from core.worker.turn_runner import TurnEvents, TurnRunner, without_text

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping
    from types import TracebackType
    from typing import Any

    from core.delivery.port import DeliveryTarget, Platform
    from core.domain.clock import Clock
    from core.domain.errors import Waitable
    from core.domain.message import Message, ThreadKey
    from core.memory.compaction import Compactor
    from core.store.port import Store
    from core.store.values import Accepted, Work
    from core.turn.turn import TurnPipeline

log = logging.getLogger(__name__)


class Arrival:
    """Messages of one thread on their way into the store."""

    def __init__(self, token: str, asked_at: float, *, runs_here: bool) -> None:
        """Claim with `token`, unless it is empty: there is no room, and others come first.

        What `runs_here` is not claimed, with a token or without one.
        """
        self.token = token
        self._waits_here = runs_here or not token
        self.asked_at = asked_at
        self.work: Work | None = None
        """The thread's work, where it was claimed."""
        self.waiting: list[str] = []
        """Whose messages have to wait here, one name for each."""

    def stored(self, message: Message, accepted: Accepted) -> None:
        """Note what the store said of one of them."""
        self.work = accepted.work or self.work
        is_ours = accepted.new and accepted.verdict is Admission.ACCEPTED
        if is_ours and self._waits_here and accepted.work is None:
            self.waiting.append(asker_of(message))


class Worker:
    """Runs turns, many threads at once and each thread one turn at a time.

    Where there are more threads than room, each person gets a fair share of it
    (`core.worker.slots`). As a context: leaving it drains, which finishes the turns that run or,
    after the grace period, hands them back to the store for another worker.
    """

    def __init__(
        self,
        store: Store,
        conversation: TurnPipeline,
        compactor: Compactor,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        room: Slots | None = None,
        grace_seconds: float = 10,
    ) -> None:
        """Serve these platforms, and those that `serve` adds, as far as there is room.

        Without one it has a hundred places, for anybody.
        """
        self.files = conversation.files
        """What is kept of files for the next turns."""
        self._store = store
        self._platforms = dict(platforms)
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._room = room or Slots(100)
        self.backlog = Backlog()
        """What waits here; `Intake` refuses what is too much of it."""
        self._line = WaitingThreads(self._room)
        self._turns = Tasks("running a thread's turns")
        self._left = Tasks("taking up a thread that was left for later")
        """Of each thread that was left for later: what takes it up when it need not wait longer."""
        self._upkeep = BackgroundCompaction(compactor)
        store.on_change(self._upkeep.changed)
        self._outage = Outage()
        self._serving = TurnRunner(
            *(store, conversation, self._upkeep, self._platforms, clock),
            TurnEvents(self._outage.failed, self.backlog.begun, self._come_back),
        )
        self._deliveries = self._serving.deliveries
        self._rounds = ClaimLoop(
            store,
            clock,
            self._platforms.keys(),
            self._outage,
            line=self._line,
            take=self._take,
            put_off=self._stand,
        )
        self._loops: list[asyncio.Task[None]] = []
        self._broken = asyncio.Event()
        self._draining = False

    async def __aenter__(self) -> Self:
        """Start looking for work."""
        for does, loop in self._rounds.forever().items():
            task = asyncio.create_task(loop, name=does)
            task.add_done_callback(self._loop_ended)
            self._loops.append(task)
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
    def works(self) -> bool:
        """Tell whether its loops run and the store serves them; health asks."""
        return not (self._broken.is_set() or self._outage.lasts)

    async def wait(self) -> int:
        """Return 1, an exit code, once a loop has ended by itself; never before."""
        await self._broken.wait()
        return 1

    def serve(self, platform: Platform) -> None:
        """Run the turns of one more platform, from now on; what waits there is found at once."""
        self._platforms[platform.name] = platform
        self._rounds.look_now()

    @contextlib.contextmanager
    def arriving(self, message: Message) -> Iterator[Arrival]:
        """Give the token to accept messages of a thread with, and run its turn after that.

        `message` is the first of them. A place is kept for it until the end of the block. Where
        none is free the thread stands in line from now on, and is claimed when its turn comes.
        """
        thread = message.thread
        place = Slot(self._room, asker_of(message))
        # Where its turn runs here nothing is claimed, unless that is about to leave its place.
        runs_here = thread in self._deliveries
        is_open = runs_here or place.stand()
        token = unique() if is_open and not self._draining else ""
        arrival = Arrival(token, self._clock.monotonic(), runs_here=runs_here)
        try:
            yield arrival
        except BaseException:
            place.leave()
            raise
        for person in arrival.waiting:
            self.backlog.add(thread, person)
        if arrival.work is not None:
            self._take(arrival.work, arrival.asked_at, place)
        elif arrival.waiting and not token:
            self._stand(thread, place)
        else:
            place.leave()
        if thread not in self._deliveries and thread not in self._line:
            self.backlog.begun(thread)  # while the store's answer was on its way

    def waiting(self, person: str) -> int:
        """Return how many messages of a person wait here, those on their way included."""
        return max(self.backlog.of(person), self._room.waiting(person))

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
        `StoreError`.
        """
        wish = f"stop {thread} {answer_in} {at}"
        if at < math.inf and not await self._store.claim_once(thread.platform, wish):
            return False
        delivery = self._deliveries.get(thread)
        if delivery is not None and _is_meant(delivery.target, answer_in, at):
            return self.stop(thread)
        work = await self._store.peek(thread)
        if work is None or not work.lease.turn or not _is_meant(target_of(work), answer_in, at):
            return False
        return await self._store.stop(thread, work.lease.turn)

    async def drain(self, grace_seconds: float | None = None) -> None:
        """Claim nothing more; let turns end within the grace period; hand the rest back.

        May be called again while it runs, with less patience.
        """
        if grace_seconds is not None:
            self._grace_seconds = grace_seconds
        self._draining = True
        self._room.close()
        self._serving.close()
        self._upkeep.close()
        await _stop(self._loops)
        await self._left.close()
        both = (self._turns, self._upkeep.jobs)
        await asyncio.gather(*(tasks.close(self._grace_seconds) for tasks in both))

    # --- running turns --------------------------------------------------------------------------

    def _take(self, work: Work, asked_at: float, place: Slot) -> None:
        """Run the turns of a claimed thread; `asked_at` is the steady time before the claim."""
        self._begin(self._serving.serve(work, asked_at, place))

    def _stand(self, thread: ThreadKey, place: Slot) -> None:
        """Let a thread wait in line for its place, unclaimed; once, no matter who says so."""
        if self._draining or thread in self._line:
            place.leave()
            return
        place.stand()
        self._line.add(thread, place.person)
        self._begin(self._wait(thread, place))

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        self._turns.start(job)

    def _come_back(self, thread: ThreadKey, again: Waitable, seconds: float) -> None:
        """Take a thread up that was left for so many seconds as soon as `again` is set."""

        async def come_back() -> None:
            with contextlib.suppress(TimeoutError):  # then the next look for work finds it
                async with asyncio.timeout(seconds):
                    await again.wait()
                self._begin(self._wait(thread, Slot(self._room), early=True))

        self._left.start(come_back())

    async def _wait(self, thread: ThreadKey, place: Slot, *, early: bool = False) -> None:
        """Wait for the place, then claim the thread and run its turns, if nobody else has."""
        try:
            try:
                await place.take()
            finally:
                self._line.discard(thread)
            asked_at = self._clock.monotonic()
            work = await self._store.claim(thread, unique(), early=early)
            if work is not None:
                await self._serving.serve(work, asked_at, place)
        except StoreError as error:
            log.warning("a thread was left to the next look for work: %s", error)
        finally:
            self.backlog.begun(thread)
            place.leave()

    def _loop_ended(self, loop: asyncio.Task[None]) -> None:
        """Let the process end with a loop of its own: its supervisor starts it again."""
        if loop.cancelled() or self._draining:
            return
        log.critical(
            "the loop that %s has ended, so this process ends",
            loop.get_name(),
            exc_info=without_text(loop.exception() or RuntimeError()),
        )
        self._broken.set()


def _is_meant(target: DeliveryTarget, answer_in: str, at: float) -> bool:
    return target.answer_in == answer_in and target.at <= at


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
