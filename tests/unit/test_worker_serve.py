"""A worker that runs before all of its platforms are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.models.scripted import ScriptedModel
from tests.fakes.platform import FakePlatform
from tests.world import World, message

if TYPE_CHECKING:
    from core.delivery.port import Platform

PAUSE = 5.0
"""Seconds after which it looks again by itself: a third of a lease."""


@pytest.mark.parametrize("others", [{}, {"other": FakePlatform()}], ids=["none", "another"])
async def test_what_waits_on_a_platform_is_found_as_soon_as_that_is_there(
    others: dict[str, Platform],
) -> None:
    world = World(ScriptedModel("fine"))
    ended = world.worker()
    await ended.drain()
    await world.intake(ended).take(message(0))
    worker = world.worker()
    worker._platforms.clear()
    worker._platforms.update(others)
    async with worker:
        await asyncio.sleep(0.2)
        assert world.platform.texts() == []
        worker.serve(world.platform)
        async with asyncio.timeout(PAUSE / 2):
            await world.settled()
    assert world.platform.texts() == ["fine"]
