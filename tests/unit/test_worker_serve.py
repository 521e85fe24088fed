"""A worker that runs before all of its platforms are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from core.domain.errors import StoreRefusedError
from core.models.scripted import ScriptedModel
from core.worker import worker as running
from tests.fakes.platform import FakePlatform
from tests.world import World, message

if TYPE_CHECKING:
    from core.delivery.port import Platform
    from core.store.values import Work

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


async def test_a_store_that_answers_pings_alone_is_told_of_once_until_it_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "_OUTAGE_PAUSE", 0)
    monkeypatch.setattr(running, "_AFTER_OUTAGE", 0)
    world = World(ScriptedModel("fine"))
    worker, asked = world.worker(), 0
    claim_any = worker._store.claim_any

    async def refuses(*given: object) -> Work | object:
        nonlocal asked
        asked += 1
        if asked < 5:
            raise StoreRefusedError("the file is damaged")
        return await claim_any(*given)  # type: ignore[arg-type] # what the worker has given

    monkeypatch.setattr(worker._store, "claim_any", refuses)
    async with worker:
        await world.intake(worker).take(message(0))
        async with asyncio.timeout(PAUSE):
            await world.settled()
            while asked < 5:
                await asyncio.sleep(0.01)
    told = [r.getMessage() for r in caplog.records if r.name == running.__name__]
    assert told == [
        "the file is damaged. Retrying until the store works.",
        "The store works again.",
    ]
