"""Room for so many turns at once; those that find none stand in line, a fair one.

A place that comes free goes to the person who has the fewest turns running, of several such to the
one who has waited the longest for a turn, and among the turns of one person to the oldest. So a
person with one question waits for about one turn, however many threads another person has opened.
Nobody has more than a given number of places, even if others stay free: who comes next finds one.

A person's turns are counted by whose message they answer. A place may also be nobody's, while it
is looked for what to do with it; it then waits for as many others as stood in line before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.domain.message import ThreadKey

NOBODY = ""


@dataclass(slots=True, eq=False)
class _Ticket:
    """A place in the line; done when it has become one in the room."""

    person: str
    after: int = 0
    """If it is nobody's: how many are let in, from the first on, before it."""
    called: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def is_let_in(self) -> bool:
        """Tell whether it is a place in the room."""
        return self.called.done() and not self.called.cancelled()


class Slots:
    """The places of one worker, and the line before them."""

    def __init__(self, places: int, per_person: int = 0) -> None:
        """Begin with all places free; 0 lets one person have all of them."""
        self._free = places
        self._most = per_person or places
        self._running: Counter[str] = Counter()
        self._lines: dict[str, deque[_Ticket]] = {}
        """Those who stand in line, by person; never an empty line."""
        self._ranks: defaultdict[int, dict[str, None]] = defaultdict(dict)
        """The people in line by how many turns they have running, each rank in turn."""
        self._looks: deque[_Ticket] = deque()
        """Those in line who are nobody yet."""
        self._let_in = 0
        self._alone: tuple[_Ticket, asyncio.Future[None]] | None = None
        """Who is to have the room alone, and whether that is so by now; nobody is let in then."""
        self._taken = 0
        self._closed = False

    @property
    def has_line(self) -> bool:
        """Tell whether a place that comes free now is taken at once."""
        return self._next() is not None

    def waiting(self, person: str) -> int:
        """Return how many stand in line for a person."""
        return len(self._lines.get(person, ()))

    @property
    def served(self) -> Collection[str]:
        """Return the people in line who have as many places as one person may have."""
        return self._ranks.get(self._most, ())

    def close(self) -> None:
        """Let nobody in any more, and send away everybody who stands in line."""
        self._closed = True
        for line in (self._looks, *self._lines.values()):
            for ticket in line:
                ticket.called.cancel()
        self._looks.clear()
        self._lines.clear()
        self._ranks.clear()

    def stand(self, person: str, *, first: bool = False) -> _Ticket:
        """Stand in line for a person; `first` lets nobody's go before all others.

        The ticket is cancelled if nobody is let in any more.
        """
        ticket = _Ticket(person)
        if self._closed:
            ticket.called.cancel()
        elif self._free > 0 and self._running[person] < self._most and self._alone is None:
            self._let(ticket)  # a place stays free only where nobody in line may have it
        elif person == NOBODY:
            ahead = 0 if first else sum(map(len, self._lines.values()))
            ticket.after = self._let_in + ahead
            (self._looks.appendleft if first else self._looks.append)(ticket)
        elif person in self._lines:
            self._lines[person].append(ticket)
        else:
            self._lines[person] = deque([ticket])
            self._ranks[self._running[person]][person] = None
        return ticket

    def leave(self, ticket: _Ticket) -> None:
        """Leave the line, or give the place back: to the next in line, if there is one."""
        ticket.called.cancel()
        if not ticket.called.cancelled():
            self._count(ticket.person, -1)
            self._free += 1
            self._taken -= 1
            self._left_alone(ticket)
        self._fill()

    def empty_for(self, ticket: _Ticket) -> asyncio.Future[None] | None:
        """Let nobody in any more until this place is given back; done when all others are free.

        None if another is to have the room alone.
        """
        if self._alone is None:
            self._alone = (ticket, asyncio.get_running_loop().create_future())
            self._left_alone(ticket=None)
        holder, emptied = self._alone
        return emptied if holder is ticket else None

    def _left_alone(self, ticket: _Ticket | None) -> None:
        """Note that a place was given back, if a turn is to have the room alone."""
        if self._alone is None:
            return
        holder, emptied = self._alone
        if holder is ticket:
            self._alone = None
        elif self._taken == 1 and not emptied.done():
            emptied.set_result(None)

    def pass_on(self, ticket: _Ticket, person: str) -> bool:
        """Let a place be another person's; False, and unchanged, if others come before them."""
        if not self.comes_first(person):
            return False
        self._count(ticket.person, -1)
        self._count(person, 1)
        ticket.person = person
        self._fill()
        return True

    def comes_first(self, person: str) -> bool:
        """Tell whether a person may have one more place, and nobody in line has fewer of them."""
        running = self._running[person]
        following = self._next_person()
        return running < self._most and (
            following is None or running <= self._running[following.person]
        )

    # --- who comes next ---------------------------------------------------------------------

    def _fill(self) -> None:
        """Let in as many as there are places for."""
        while self._free > 0 and (ticket := self._next()) is not None:
            self._take_out(ticket)
            self._let(ticket)

    def _let(self, ticket: _Ticket) -> None:
        self._free -= 1
        self._taken += 1
        self._let_in += 1
        self._count(ticket.person, 1)
        ticket.called.set_result(None)

    def _next(self) -> _Ticket | None:
        if self._alone is not None:
            return None
        while self._looks and self._looks[0].called.done():  # went away
            self._looks.popleft()
        look = self._looks[0] if self._looks else None
        if look is not None and look.after <= self._let_in:
            return look
        return self._next_person() or look

    def _next_person(self) -> _Ticket | None:
        """Return the first in line of the person whose turn it is."""
        for rank in sorted(self._ranks):
            for person in tuple(self._ranks[rank]) if rank < self._most else ():
                ticket = self._first_of(person)
                if ticket is not None:
                    return ticket
        return None

    def _first_of(self, person: str) -> _Ticket | None:
        line = self._lines[person]
        while line and line[0].called.done():  # went away
            line.popleft()
        if line:
            return line[0]
        self._forget(person)
        return None

    def _take_out(self, ticket: _Ticket) -> None:
        if ticket.person == NOBODY:
            self._looks.popleft()
            return
        line = self._lines[ticket.person]
        line.popleft()
        if not line:
            self._forget(ticket.person)

    def _forget(self, person: str) -> None:
        """Let a person without a line be in none."""
        del self._lines[person]
        self._unrank(person)

    def _count(self, person: str, change: int) -> None:
        """Count a turn of a person; they go behind the others who have as many now."""
        if person == NOBODY:
            return
        if person in self._lines:
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
    """One place, for a thread that may have it by now or not. Its maker leaves it at the end."""

    def __init__(self, room: Slots, person: str = NOBODY) -> None:
        """Have none; it will be this person's."""
        self._room = room
        self._person = person
        self._ticket: _Ticket | None = None

    def stand(self, *, first: bool = False) -> bool:
        """Take it, or stand in line; tell whether it is ours."""
        if self._ticket is None or self._ticket.called.cancelled():
            self._ticket = self._room.stand(self._person, first=first)
        return self._ticket.is_let_in

    async def take(self, *, first: bool = False) -> None:
        """Wait until it is ours; cancelled if nobody is let in any more."""
        self.stand(first=first)
        if self._ticket is not None:
            await self._ticket.called

    @property
    def person(self) -> str:
        """Return whose place it is, or will be."""
        return self._person

    def pass_to(self, person: str) -> bool:
        """Let it be this person's from now on; it is given back if others come before them.

        Tells whether they come first.
        """
        if person == self._person:
            return True
        self._person = person
        ticket = self._ticket
        if ticket is None or not ticket.is_let_in:
            self.leave()
            return self._room.comes_first(person)
        passed = self._room.pass_on(ticket, person)
        if not passed:
            self.leave()
        return passed

    async def alone(self) -> bool:
        """Wait until no other place is taken, and let nobody in before this one is given back.

        Returns False, at once, if another has the room alone or is to have it.
        """
        if self._ticket is None or not self._ticket.is_let_in:
            return False
        emptied = self._room.empty_for(self._ticket)
        if emptied is None:
            return False
        await asyncio.shield(emptied)
        return True

    def offer(self) -> None:
        """Give it to the next in line, if there is one."""
        if self._room.has_line:
            self.leave()

    def leave(self) -> None:
        """Leave the line, or give the place back."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._room.leave(ticket)


class WaitingThreads:
    """The threads that wait for room, unclaimed: a replica that has some may take them."""

    def __init__(self, room: Slots) -> None:
        """Begin with none; they stand in the line before this room."""
        self.room = room
        self._threads: dict[ThreadKey, str] = {}

    def __contains__(self, thread: ThreadKey) -> bool:
        """Tell whether a thread waits here."""
        return thread in self._threads

    def add(self, thread: ThreadKey, person: str) -> None:
        """Note that a thread waits, and for whose turn."""
        self._threads[thread] = person

    def discard(self, thread: ThreadKey) -> None:
        """Note that a thread waits no longer."""
        self._threads.pop(thread, None)

    def held_back(self) -> list[ThreadKey]:
        """Return the threads of people who have as many turns as one person may have."""
        served = self.room.served
        return [thread for thread, person in self._threads.items() if person in served]
