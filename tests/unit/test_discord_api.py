"""A call of Discord's API ends in time, whatever ends it, and holds up no other call."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from bots.discord.api import Api
from bots.discord.faults import LimitedError
from bots.discord.pace import Pace
from core.domain.clock import SystemClock
from core.domain.errors import PostUnclearError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUTE = ("POST", "1")


class World:
    """An API whose client makes no call by itself."""

    def __init__(self, *, timeout: float = 0.05) -> None:
        clock = SystemClock()
        self.over = asyncio.Event()
        http = SimpleNamespace(_global_over=self.over)
        gateway: Any = SimpleNamespace(client=SimpleNamespace(http=http))
        self.pace = Pace(clock)
        self.api = Api(gateway, self.pace, clock, timeout=timeout)

    async def answered(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Let the pace hear of an answer."""
        ended: Any = SimpleNamespace(
            method=ROUTE[0],
            url=URL(f"https://discord.com/api/v10/channels/{ROUTE[1]}/messages"),
            response=SimpleNamespace(status=status, headers=headers or {}),
        )
        ignored: Any = None
        await self.pace.trace().on_request_end[0](ignored, ignored, ended)


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_call_ends_at_its_deadline_and_lets_others_go_on() -> None:
    world = World()
    with pytest.raises(PostUnclearError, match="no answer in"):
        await world.api.call("try it", forever)
    assert world.over.is_set()


async def test_a_call_that_is_cancelled_from_outside_ends_and_lets_others_go_on() -> None:
    world = World(timeout=10)
    task = asyncio.create_task(world.api.call("try it", forever))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()
    assert world.over.is_set()


async def test_a_cancellation_inside_of_a_call_is_not_the_callers() -> None:
    """aiohttp hands the cancellation of one look-up of a host on to others that wait for it."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    world = World()
    with pytest.raises(PostUnclearError, match="CancelledError"):
        await world.api.call("try it", cancelled)


async def test_an_optional_call_ends_as_soon_as_discord_refuses_it_for_its_limits() -> None:
    world = World(timeout=10)

    async def limited() -> None:
        await world.answered(429)
        await forever()

    async with asyncio.timeout(1):
        with pytest.raises(LimitedError):
            await world.api.call_if_spare("try it", limited, ROUTE)
    assert world.over.is_set()


async def test_an_optional_call_is_not_made_while_its_limit_is_nearly_used_up() -> None:
    world, made = World(timeout=10), 0

    async def call() -> int:
        nonlocal made
        made += 1
        return made

    headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "0.05"}
    await world.answered(200, headers)
    with pytest.raises(LimitedError):
        await world.api.call_if_spare("try it", call, ROUTE)
    assert await world.api.call_if_spare("try it", call, ("POST", "2")) == 1
    await asyncio.sleep(0.06)
    assert await world.api.call_if_spare("try it", call, ROUTE) == 2
