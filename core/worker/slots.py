"""A worker's concurrency slots, the fair queue for them, and each person's backlog.

A free slot goes to the person who has the fewest turns running; among several such people, to the
one who has waited the longest for a turn; and among the turns of one person, to the oldest. So a
person with one question waits for about one turn, however many threads another person has opened.
Nobody has more than a given number of slots, even if others stay free: the next person finds one.

A slot counts for the person whose message its turn answers. A slot may also be unassigned, while
the worker searches for work to fill it with. Such a request is served after as many others as were
in the queue before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.message import ThreadKey

UNASSIGNED = ""


@dataclass(slots=True, eq=False)
class _Request:
    """A request for a slot: queued, granted, or cancelled."""

    person: str
    after: int = 0
    """For an unassigned request: how many slots are granted, since the start, before this one."""
    granted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def has_slot(self) -> bool:
        """Return whether the request was granted."""
        return self.granted.done() and not self.granted.cancelled()


class Slots:
    """The slots of one worker, and the queue for them."""

    def __init__(self, count: int, per_person: int = 0) -> None:
        """Start with all slots free; with `per_person` 0, one person may have all of them."""
        self._free = count
        self._limit = per_person or count
        self._running: Counter[str] = Counter()
        """The slots that each person has."""
        self._queues: dict[str, deque[_Request]] = {}
        """The queued requests by person; no queue is empty."""
        self._ranks: defaultdict[int, dict[str, None]] = defaultdict(dict)
        """The people with queued requests, by how many slots they have; each rank in order."""
        self._unassigned: deque[_Request] = deque()
        """The queued requests that are unassigned."""
        self._granted = 0
        """The slots that were granted since the start."""
        self._exclusive: tuple[_Request, asyncio.Future[None]] | None = None
        """The request that is to have the worker to itself, and whether the others have left.

        Nothing is granted meanwhile.
        """
        self._taken = 0
        self._closed = False

    @property
    def are_awaited(self) -> bool:
        """Return whether a slot that is released now is granted at once."""
        return self._next() is not None

    def waiting(self, person: str) -> int:
        """Return how many requests of a person are queued."""
        return len(self._queues.get(person, ()))

    @property
    def at_limit(self) -> Collection[str]:
        """Return the people in the queue who have as many slots as one person may have."""
        return self._ranks.get(self._limit, ())

    def close(self) -> None:
        """Grant no more slots, and cancel all queued requests."""
        self._closed = True
        for queue in (self._unassigned, *self._queues.values()):
            for request in queue:
                request.granted.cancel()
        self._unassigned.clear()
        self._queues.clear()
        self._ranks.clear()

    def request(self, person: str, *, first: bool = False) -> _Request:
        """Request a slot for a person; `first` puts an unassigned one before all others.

        The request is cancelled if no more slots are granted.
        """
        request = _Request(person)
        if self._closed:
            request.granted.cancel()
        elif self._free > 0 and self._running[person] < self._limit and self._exclusive is None:
            self._grant(request)  # a slot stays free only if nobody in the queue may have it
        elif person == UNASSIGNED:
            ahead = 0 if first else sum(map(len, self._queues.values()))
            request.after = self._granted + ahead
            (self._unassigned.appendleft if first else self._unassigned.append)(request)
        elif person in self._queues:
            self._queues[person].append(request)
        else:
            self._queues[person] = deque([request])
            self._ranks[self._running[person]][person] = None
        return request

    def release(self, request: _Request) -> None:
        """Leave the queue, or release the slot, which goes to the next request in the queue."""
        request.granted.cancel()
        if not request.granted.cancelled():
            self._count(request.person, -1)
            self._free += 1
            self._taken -= 1
            self._note_released(request)
        self._fill()

    def reserve_all(self, request: _Request) -> asyncio.Future[None] | None:
        """Grant no more slots until this one is released; the future is done when it is alone.

        Returns None if another request has reserved all slots.
        """
        if self._exclusive is None:
            self._exclusive = (request, asyncio.get_running_loop().create_future())
            self._note_released(None)
        holder, alone = self._exclusive
        return alone if holder is request else None

    def _note_released(self, request: _Request | None) -> None:
        """End a reservation with its own slot, and fulfill it with the last of the others."""
        if self._exclusive is None:
            return
        holder, alone = self._exclusive
        if holder is request:
            self._exclusive = None
        elif self._taken == 1 and not alone.done():
            alone.set_result(None)

    def reassign(self, request: _Request, person: str) -> bool:
        """Give a slot to another person; return False, and change nothing, if others come first."""
        if not self.comes_first(person):
            return False
        self._count(request.person, -1)
        self._count(person, 1)
        request.person = person
        self._fill()
        return True

    def comes_first(self, person: str) -> bool:
        """Return whether a person may have one more slot, and nobody in the queue has fewer."""
        running = self._running[person]
        following = self._next_of_people()
        return running < self._limit and (
            following is None or running <= self._running[following.person]
        )

    # --- which request comes next ---------------------------------------------------------------

    def _fill(self) -> None:
        """Grant all free slots that someone in the queue may have."""
        while self._free > 0 and (request := self._next()) is not None:
            self._dequeue(request)
            self._grant(request)

    def _grant(self, request: _Request) -> None:
        self._free -= 1
        self._taken += 1
        self._granted += 1
        self._count(request.person, 1)
        request.granted.set_result(None)

    def _next(self) -> _Request | None:
        if self._exclusive is not None:
            return None
        while self._unassigned and self._unassigned[0].granted.done():  # it was withdrawn
            self._unassigned.popleft()
        unassigned = self._unassigned[0] if self._unassigned else None
        if unassigned is not None and unassigned.after <= self._granted:
            return unassigned
        return self._next_of_people() or unassigned

    def _next_of_people(self) -> _Request | None:
        """Return the oldest request of the person who is next."""
        for rank in sorted(self._ranks):
            for person in tuple(self._ranks[rank]) if rank < self._limit else ():
                request = self._oldest_of(person)
                if request is not None:
                    return request
        return None

    def _oldest_of(self, person: str) -> _Request | None:
        queue = self._queues[person]
        while queue and queue[0].granted.done():  # it was withdrawn
            queue.popleft()
        if queue:
            return queue[0]
        self._drop_queue(person)
        return None

    def _dequeue(self, request: _Request) -> None:
        if request.person == UNASSIGNED:
            self._unassigned.popleft()
            return
        queue = self._queues[request.person]
        queue.popleft()
        if not queue:
            self._drop_queue(request.person)

    def _drop_queue(self, person: str) -> None:
        del self._queues[person]
        self._unrank(person)

    def _count(self, person: str, change: int) -> None:
        """Count a person's slots; the person moves behind the others who have as many now."""
        if person == UNASSIGNED:
            return
        if person in self._queues:
            self._unrank(person)
            self._ranks[self._running[person] + change][person] = None
        self._running[person] += change
        if not self._running[person]:
            del self._running[person]

    def _unrank(self, person: str) -> None:
        rank = self._ranks[self._running[person]]
        del rank[person]
        if not rank:
            del self._ranks[self._running[person]]


class Slot:
    """One slot, as the thread that wants it sees it. Its creator releases it at the end."""

    def __init__(self, slots: Slots, person: str = UNASSIGNED) -> None:
        """Start without a slot; it will count for `person`."""
        self._slots = slots
        self._person = person
        self._request: _Request | None = None

    @property
    def person(self) -> str:
        """Return the person for whom the slot counts, or will count."""
        return self._person

    def request(self, *, first: bool = False) -> bool:
        """Take a slot, or join the queue for one; return whether it was taken."""
        if self._request is None or self._request.granted.cancelled():
            self._request = self._slots.request(self._person, first=first)
        return self._request.has_slot

    async def acquire(self, *, first: bool = False) -> None:
        """Wait until the slot is granted; raises `CancelledError` if none is granted any more."""
        self.request(first=first)
        if self._request is not None:
            await self._request.granted

    def reassign(self, person: str) -> bool:
        """Let the slot count for another person; release it if others come before them.

        Returns whether the person comes first.
        """
        if person == self._person:
            return True
        self._person = person
        request = self._request
        if request is None or not request.has_slot:
            self.release()
            return self._slots.comes_first(person)
        reassigned = self._slots.reassign(request, person)
        if not reassigned:
            self.release()
        return reassigned

    async def alone(self) -> bool:
        """Wait until no other slot is taken; none is granted before this one is released.

        Returns False, at once, if this slot is not granted or another has reserved all of them.
        """
        if self._request is None or not self._request.has_slot:
            return False
        alone = self._slots.reserve_all(self._request)
        if alone is None:
            return False
        await asyncio.shield(alone)
        return True

    def release_if_awaited(self) -> None:
        """Release the slot if a request in the queue gets it."""
        if self._slots.are_awaited:
            self.release()

    def release(self) -> None:
        """Leave the queue, or release the slot."""
        request, self._request = self._request, None
        if request is not None:
            self._slots.release(request)


class Backlog:
    """The messages that wait for their turn in this process, by person."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: Counter[str] = Counter()
        self._people: dict[ThreadKey, list[str]] = {}
        """By thread, the author of each message that waits."""
        self._told: dict[str, int] = {}
        """The people who were told that they have too many, and how many they had then."""

    def add(self, thread: ThreadKey, person: str) -> None:
        """Note that a message of a person waits in a thread."""
        self._people.setdefault(thread, []).append(person)
        self._waiting[person] += 1

    def clear(self, thread: ThreadKey) -> None:
        """Note that no message waits in a thread any more: its turn starts, here or elsewhere."""
        for person in self._people.pop(thread, ()):
            self._waiting[person] -= 1
            if not self._waiting[person]:
                del self._waiting[person]
            if self._told and self._waiting[person] <= self._told.get(person, -1) // 2:
                del self._told[person]

    def of(self, person: str) -> int:
        """Return how many messages of a person wait."""
        return self._waiting[person]

    def refuse(self, person: str) -> bool:
        """Note that a message was refused; return whether its author has to be told.

        The bot tells a person once, and again only after half of what waited then has started.
        """
        is_first = person not in self._told
        self._told.setdefault(person, self._waiting[person])
        return is_first
