"""The worker: claims threads with work, runs their turns in order, and never lets one be lost."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from core.admission import Verdict
from core.errors import StoreError
from core.once import first
from core.outage import Outage
from core.room import Place, Room
from core.rounds import Rounds
from core.serving import Serving, without_text
from core.store.keys import unique
from core.upkeep import Upkeep
from core.where import where_of

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping
    from types import TracebackType
    from typing import Any

    from core.clock import Clock
    from core.compaction import Compactor
    from core.conversation import Conversation
    from core.message import ThreadKey
    from core.platform import Platform, Where
    from core.store.port import Store
    from core.store.values import Accepted, Work

log = logging.getLogger(__name__)


class Arrival:
    """Messages of one thread on their way into the store."""

    def __init__(self, token: str, asked_at: float) -> None:
        """Claim with `token`, unless it is empty: there is no room, and others come first."""
        self.token = token
        self.asked_at = asked_at
        self.work: Work | None = None
        """The thread's work, where it was claimed."""
        self.waits = False
        """It has to wait for room."""

    def stored(self, accepted: Accepted) -> None:
        """Note what the store said of one of them."""
        self.work = accepted.work or self.work
        here = accepted.new and accepted.verdict is Verdict.ACCEPTED
        self.waits = self.waits or (here and not self.token)


class Worker:
    """Runs turns, many threads at once and each thread one turn at a time.

    Where there are more threads than room, those that came first are begun first. As a context:
    leaving it drains, which finishes the turns that run or, after the grace period, hands them
    back to the store for another worker.
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
        self._platforms = dict(platforms)
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._room = Room(room)
        self._line: set[ThreadKey] = set()
        """Threads that wait for room, unclaimed: a replica that has some may take them."""
        self._turns: set[asyncio.Task[None]] = set()
        self._upkeep = Upkeep(compactor)
        self._outage = Outage()
        self._serving = Serving(
            store, conversation, self._upkeep, self._platforms, clock, self._outage
        )
        self._deliveries = self._serving.deliveries
        self._rounds = Rounds(
            store,
            clock,
            self._room,
            self._platforms.keys(),
            self._outage,
            take=self._take,
            is_ours=self._line.__contains__,
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

    @contextmanager
    def arriving(self, thread: ThreadKey) -> Iterator[Arrival]:
        """Give the token to accept messages of a thread with, and run its turn after that.

        A place is kept for it until the end of the block. Where none is free the thread stands in
        line from now on, and is claimed when those that came before it have been.
        """
        place = Place(self._room)
        # Where its turn runs here nothing is claimed, unless that is about to leave its place.
        is_open = thread in self._deliveries or place.stand()
        token = unique() if is_open and not self._draining else ""
        arrival = Arrival(token, self._clock.monotonic())
        try:
            yield arrival
        except BaseException:
            place.leave()
            raise
        if arrival.work is not None:
            self._take(arrival.work, arrival.asked_at, place)
        elif arrival.waits and not self._draining and thread not in self._line:
            self._line.add(thread)
            self._begin(self._wait(thread, place))
        else:
            place.leave()

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
        self._room.close()
        self._serving.close()
        self._upkeep.close()
        await _stop(self._loops)
        running = self._turns | self._upkeep.jobs
        if running:
            await asyncio.wait(running, timeout=self._grace_seconds)
        await _stop([*self._turns, *self._upkeep.jobs])

    # --- running turns --------------------------------------------------------------------------

    def _take(self, work: Work, asked_at: float, place: Place) -> None:
        """Run the turns of a claimed thread; `asked_at` is the steady time before the claim."""
        self._begin(self._serving.serve(work, asked_at, place))

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._turns.add(task)
        task.add_done_callback(self._turn_ended)

    async def _wait(self, thread: ThreadKey, place: Place) -> None:
        """Wait for the place, then claim the thread and run its turns, if nobody else has."""
        try:
            try:
                await place.take()
            finally:
                self._line.discard(thread)
            asked_at = self._clock.monotonic()
            work = await self._store.claim(thread, unique())
            if work is not None:
                await self._serving.serve(work, asked_at, place)
        except StoreError as error:
            log.warning("a thread was left to whoever looks for work: %s", error)
        finally:
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

    def _turn_ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a worker's task ended badly", exc_info=without_text(error))


def _is_meant(where: Where, answer_in: str, at: float) -> bool:
    return where.answer_in == answer_in and where.at <= at


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
