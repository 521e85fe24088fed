"""How what happens reaches the app: at least once, perhaps, and in no order to rely on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from tests.fakes.kit.held import Held

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.fakes.slack.faults import Faults
    from tests.fakes.slack.model import Json

Sort: TypeAlias = Literal["events_api", "interactive", "slash_commands"]
AtOnce = (0.0, 60.0, 300.0)  # when an event is sent again: at once, in a minute, in five (2.1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended."""

    ok: bool
    reason: str = ""
    answer: Json = field(default_factory=dict)
    again: bool = True
    """Whether it may be tried again: not where nobody is connected (slack.md 2.2)."""


@dataclass(slots=True)
class Post:
    """Something that the app is told."""

    kind: Sort
    payload: Json
    attempts: int = 0
    outcome: Outcome | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def acked(self) -> bool:
        """Return whether the app said that it has it."""
        return self.outcome is not None and self.outcome.ok

    @property
    def event(self) -> Json:
        """Return the event in it."""
        event: Json = self.payload.get("event", {})
        return event


class Transport(Protocol):
    """Socket Mode, or HTTP."""

    async def attempt(self, post: Post, number: int, reason: str) -> Outcome:
        """Try once; `number` is 0 the first time, `reason` is why the last try failed."""


class Delivery:
    """Sends what there is to tell, each by itself, and again where the app didn't acknowledge."""

    def __init__(self, transport: Transport, faults: Faults, chance: random.Random) -> None:
        self.transport = transport
        self.posts: list[Post] = []
        self.record = True
        self.pace = 1.0
        """What the waits before a retry are multiplied by."""
        self._faults = faults
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: Held[Post] = Held()

    def send(self, post: Post) -> Post:
        """Send it, in its own time."""
        if self.record:
            self.posts.append(post)
        if not self._held.keeps(post):
            self._start(post)
        return post

    def hold(self) -> None:
        """Keep back what follows."""
        self._held.hold()

    def release(self, order: Sequence[int] | None = None) -> list[Post]:
        """Send what was kept back, in this order if one is given."""
        released = self._held.release(order)
        for post in released:
            self._start(post)
        return released

    def withheld(self) -> list[Post]:
        """Return what was kept back, of which the app is never told."""
        return self._held.release()

    def again(self, post: Post) -> None:
        """Send once more what was sent already, the same event id and all."""
        self._start(post)

    async def settled(self) -> None:
        """Wait until everything is acknowledged or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
            await asyncio.sleep(0)  # since Python 3.12 it goes on at once where all are done

    async def close(self) -> None:
        """Give up what's under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def of(self, name: str) -> list[Post]:
        """Return what was sent of one event type."""
        return [post for post in self.posts if post.event.get("type") == name]

    def _start(self, post: Post) -> None:
        for _ in range(2 if self._faults.twice and post.kind == "events_api" else 1):
            task = asyncio.get_running_loop().create_task(self._run(post))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, post: Post) -> None:
        if self._faults.shuffle and post.kind == "events_api":
            await asyncio.sleep(self._chance.uniform(0, self._faults.shuffle))
        outcome = await self._attempt(post, 0, "")
        # Only events are sent again (slack.md 2.1); for the rest a person sees that it failed.
        for number, wait in enumerate(AtOnce if post.kind == "events_api" else (), start=1):
            if outcome.ok or not outcome.again:
                break
            await asyncio.sleep(wait * self.pace)
            outcome = await self._attempt(post, number, outcome.reason)
        if not post.acked:
            post.outcome = outcome
        post.done.set()

    async def _attempt(self, post: Post, number: int, reason: str) -> Outcome:
        post.attempts += 1
        return await self.transport.attempt(post, number, reason)
