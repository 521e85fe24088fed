"""Room for so many turns at once; who finds none stands in line, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque


class Room:
    """The places of one worker, and the line before them."""

    def __init__(self, places: int) -> None:
        """Begin with all places free."""
        self._free = places
        self._line: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def has_line(self) -> bool:
        """Tell whether somebody stands in line; no place is free then."""
        while self._line and self._line[0].done():  # who went away
            self._line.popleft()
        return bool(self._line)

    def close(self) -> None:
        """Let nobody in any more, and send away who stands in line."""
        self._closed = True
        while self._line:
            self._line.popleft().cancel()

    def stand(self, *, first: bool = False) -> asyncio.Future[None]:
        """Stand at the end of the line, or at its head; done when a place is ours.

        It is cancelled where nobody is let in any more.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            turn.cancel()
        elif self._free > 0:
            self._free -= 1
            turn.set_result(None)
        elif first:
            self._line.appendleft(turn)
        else:
            self._line.append(turn)
        return turn

    def leave(self, turn: asyncio.Future[None]) -> None:
        """Leave the line, or give the place back: to the first in line, if there is one."""
        turn.cancel()
        if turn.cancelled():
            return
        if self.has_line:
            self._line.popleft().set_result(None)
        else:
            self._free += 1


class Place:
    """One place, for who may have it by now or not. Who made it leaves it, whatever happens."""

    def __init__(self, room: Room) -> None:
        """Have none."""
        self._room = room
        self._turn: asyncio.Future[None] | None = None

    def stand(self, *, first: bool = False) -> bool:
        """Take it, or stand at the end of the line or at its head; tell whether it is ours."""
        if self._turn is None or self._turn.cancelled():
            self._turn = self._room.stand(first=first)
        return self._turn.done() and not self._turn.cancelled()

    async def take(self, *, first: bool = False) -> None:
        """Wait until it is ours; cancelled where nobody is let in any more."""
        self.stand(first=first)
        if self._turn is not None:
            await self._turn

    def offer(self) -> None:
        """Let whoever stands in line have it first."""
        if self._room.has_line:
            self.leave()

    def leave(self) -> None:
        """Leave the line, or give the place back."""
        turn, self._turn = self._turn, None
        if turn is not None:
            self._room.leave(turn)
